import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { isRunning, processesBelow, type Process } from '../../test/support/processes.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const SAMPLE_EVERY_MS = 50
/** No child outlives its service by more. */
const CHILDREN_END_MS = 2000

export type Role = 'all' | 'api' | 'worker'

/** One process of the service, which may be killed at any moment, also before it listens. */
export interface Killable {
  readonly role: Role
  /** Null: it ended before it listened. */
  readonly url: Promise<string | null>
  readonly ended: Promise<void>
  isAlive(): boolean
  kill(): Promise<void>
  log(): string
  /** Those of its children that are there two seconds after it ended. */
  childrenLeft(): Promise<readonly Process[]>
}

export function launch(role: Role, environment: Readonly<Record<string, string>>): Killable {
  const child = spawn(process.execPath, [MAIN, 'serve', `--role=${role}`], { env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: '0', ...environment }, stdio: ['ignore', 'pipe', 'pipe'] })
  const pid = child.pid ?? 0
  const ended = once(child, 'exit').then(() => {})
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => { log = (log + text).slice(-20_000) })

  // One that kills itself says nothing before: its children are noted all the while.
  const children = new Map<string, Process>()
  const note = (): void => { for (const each of processesBelow(pid)) children.set(`${each.pid} ${each.startedAt}`, each) }
  const sampler = setInterval(note, SAMPLE_EVERY_MS)
  void ended.then(() => clearInterval(sampler))
  const isAlive = (): boolean => child.exitCode === null && child.signalCode === null
  return {
    role, ended, isAlive, log: () => log,
    url: originOf(child.stdout),
    kill: async () => {
      if (isAlive()) note()
      child.kill('SIGKILL')
      await ended
    },
    childrenLeft: async () => {
      const until = performance.now() + CHILDREN_END_MS
      for (;;) {
        const left = [...children.values()].filter(isRunning)
        if (left.length === 0 || performance.now() > until) return left
        await sleep(20)
      }
    },
  }
}

async function originOf(output: NodeJS.ReadableStream): Promise<string | null> {
  for await (const line of createInterface(output)) {
    const origin = /https?:\/\/[^/\s]+/.exec(line)
    if (origin) return origin[0]
  }
  return null
}
