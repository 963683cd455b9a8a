import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { triedJails } from '../../test/support/lenses.ts'

const PARENT = join(import.meta.dirname, '..', '..', 'test', 'fixtures', 'lens-parent.ts')

/** Processes with this on their command line. */
async function processesOf(mark: string): Promise<readonly string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const commands = await Promise.all(pids.map(async (pid) => [pid, await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')] as const))
  return commands.filter(([, command]) => command.includes(mark)).map(([pid]) => pid)
}

describe.each(await triedJails())('in $jail.kind', ({ jail, works }) => {
  test.skipIf(!works)('a killed service leaves no lens behind, not even one in an endless loop', async () => {
    const mark = await mkdtemp(join(tmpdir(), 'dramatis-orphans-'))
    const parent = spawn(process.execPath, [PARENT, jail.kind, mark], { stdio: ['ignore', 'pipe', 'inherit'] })
    onTestFinished(async () => {
      for (const pid of await processesOf(mark)) process.kill(Number(pid), 'SIGKILL')
      await rm(mark, { recursive: true })
    })
    await once(parent.stdout, 'data')
    expect((await processesOf(mark)).length).toBeGreaterThanOrEqual(3) // itself, one idle, one in a loop

    parent.kill('SIGKILL')
    const deadline = performance.now() + 2000
    while ((await processesOf(mark)).length > 0 && performance.now() < deadline) await sleep(50)
    expect(await processesOf(mark)).toEqual([])
  })
})
