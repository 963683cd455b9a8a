import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

export interface RunningService extends AsyncDisposable {
  readonly url: string
  readonly dataFolder: string
  readonly pid: number
  /** Everything it has written to standard error: the log. */
  log(): string
  /** Resolves when the process ends: its exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>
  stop(signal?: NodeJS.Signals): Promise<number | NodeJS.Signals>
}

export interface ServiceOptions {
  readonly environment?: Readonly<Record<string, string>>
  /** Kept after the service ends; absent: a temporary one that goes with it. */
  readonly dataFolder?: string
}

/** The real program in a process of its own, on a free loopback port, as `npm start` runs it. Rejects with its log when it does not start. */
export async function startService({ environment = {}, dataFolder }: ServiceOptions = {}): Promise<RunningService> {
  const folder = dataFolder ?? await mkdtemp(join(tmpdir(), 'dramatis-test-'))
  const child = spawn(process.execPath, [MAIN, 'serve'], {
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: '0', DATA_DIR: folder, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => { log += text })
  const ended = once(child, 'exit').then(([code, signal]): number | NodeJS.Signals => signal ?? code)
  const closed = once(child, 'close')
  const url = await firstUrl(child.stdout)
  if (url === null) {
    await closed
    throw new Error(`the service ended with ${await ended}:\n${log}`)
  }
  const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal)
    return ended
  }
  return {
    url, dataFolder: folder, pid: child.pid ?? 0, log: () => log, ended, stop,
    [Symbol.asyncDispose]: async () => {
      await stop('SIGKILL')
      if (dataFolder === undefined) await rm(folder, { recursive: true, force: true })
    },
  }
}

async function firstUrl(output: NodeJS.ReadableStream): Promise<string | null> {
  for await (const line of createInterface(output)) {
    const url = /https?:\/\/[^\s/]+/.exec(line)
    if (url) return url[0]
  }
  return null
}
