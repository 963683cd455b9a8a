import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { Log } from '../runtime/log.ts'
import { SUMMARIES, type Jail, type JailKind, type Reachable } from './jail-kinds.ts'
import { JailedProcess } from './jailed-process.ts'
import { LensDied } from './lens-died.ts'
import type { LensLimits } from './limits.ts'
import { findings, type Findings, type ProbeTask } from './probe-task.ts'

const PROBE_PROGRAM = fileURLToPath(new URL('./probe-inside.ts', import.meta.url))
const PROBE_MS = 10_000
const END_MS = 2000

/** Which jail the lenses run in, and what it was seen not to cut off. */
export interface JailReport { readonly kind: JailKind; readonly summary: string; readonly reachable: readonly Reachable[] }

/** What a jail of that kind may leave open; more than that and it is not used. */
const MAY_REACH: Readonly<Record<JailKind, readonly Reachable[]>> = {
  bubblewrap: [],
  prlimit: ['network', 'files', 'writing'],
  none: ['network', 'files', 'writing', 'memory'],
}

export interface ChooseOptions { readonly jails: readonly Jail[]; readonly modelsFolder: string; readonly limits: LensLimits; readonly log: Log }

/** The first jail in which a real start holds what its kind promises. Rejects when not even the last one starts. */
export async function chooseJail({ jails, modelsFolder, limits, log }: ChooseOptions): Promise<{ jail: Jail; report: JailReport }> {
  const refused: string[] = []
  for (const jail of jails) {
    const outcome = await probe(jail, { modelsFolder, limits })
    if (outcome instanceof LensDied) {
      refused.push(`${jail.kind}: ${outcome.reason}`)
      log.warn('jail.refused', { kind: jail.kind, reason: outcome.reason })
      continue
    }
    const report = { kind: jail.kind, summary: SUMMARIES[jail.kind], reachable: outcome }
    log[outcome.length === 0 ? 'info' : 'warn']('jail.chosen', { ...report })
    return { jail, report }
  }
  throw new Error(`no lens can be started (${refused.join('; ')})`)
}

async function probe(jail: Jail, { modelsFolder, limits }: { modelsFolder: string; limits: LensLimits }): Promise<readonly Reachable[] | LensDied> {
  const folder = await mkdtemp(join(tmpdir(), 'dramatis-probe-'))
  const listener = await listen()
  const inside = new JailedProcess({ jail, limits, program: { path: PROBE_PROGRAM, modelsFolder } })
  try {
    const canary = join(folder, 'canary')
    await writeFile(canary, 'not for a lens')
    const found = await ask(inside, {
      port: portOf(listener), files: [canary, '/etc/passwd'], newFile: join(folder, 'new'),
      folders: [modelsFolder, dirname(PROBE_PROGRAM), '/', '/dev/shm'],
    })
    return found instanceof LensDied ? found : await judge(inside, reachableOf(found, limits), MAY_REACH[jail.kind])
  } finally {
    inside.end('the probe is over')
    listener.close()
    await rm(folder, { recursive: true })
  }
}

async function judge(inside: JailedProcess, reachable: readonly Reachable[], mayReach: readonly Reachable[]): Promise<readonly Reachable[] | LensDied> {
  const tooMuch = reachable.filter((what) => !mayReach.includes(what))
  if (tooMuch.length > 0) return new LensDied(`${tooMuch.join(', ')} reachable from inside`)
  inside.hangUp()
  const ended = await Promise.race([inside.ended, sleep(END_MS, null, { ref: false })])
  return ended === null ? new LensDied('it outlives its pipe') : reachable
}

function ask(inside: JailedProcess, task: ProbeTask): Promise<Findings | LensDied> {
  const { promise, resolve } = Promise.withResolvers<Findings | LensDied>()
  const timer = setTimeout(() => inside.end(`no word in ${PROBE_MS} ms`), PROBE_MS)
  inside.onMessage((message) => resolve(findings.parse(message)))
  void inside.ended.then(resolve)
  void inside.send(task)
  return promise.finally(() => clearTimeout(timer))
}

function reachableOf({ network, files, writing, dataBytes }: Findings, limits: LensLimits): readonly Reachable[] {
  const memory = dataBytes === null || dataBytes > limits.dataBytes
  return Object.entries({ network, files, writing, memory } satisfies Record<Reachable, boolean>).filter(([, can]) => can).map(([what]) => what as Reachable)
}

async function listen(): Promise<Server> {
  const { promise, resolve, reject } = Promise.withResolvers<Server>()
  const server = createServer((socket) => socket.destroy())
  server.once('error', reject)
  server.listen(0, '127.0.0.1', () => resolve(server))
  return promise
}

function portOf(server: Server): number {
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the listener has no port')
  return address.port
}
