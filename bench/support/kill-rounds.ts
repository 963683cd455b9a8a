// One service, or an api with workers, killed again and again while clients create characters in it.
import { setTimeout as sleep } from 'node:timers/promises'
import { STEPS, type Step } from '../../src/domain/character.ts'
import { launch, type Killable, type Role } from './killable.ts'
import type { Ledger, Wanted } from './ledger.ts'

export interface Member { readonly role: Role; readonly environment: Readonly<Record<string, string>> }

/** When it is killed: at any moment of its work, before it listens, just after a client was answered, or by itself on entering a step. */
type Kind = (typeof MOMENTS)[number] | Step
const MOMENTS = ['random', 'while it starts', 'after an answer'] as const

export interface Round {
  readonly kind: Kind
  readonly role: Role
  readonly acknowledged: number
  /** Answers that are not what was answered before. */
  readonly changed: number
  readonly childrenLeft: number
  readonly ms: number
}

export interface Company {
  round(number: number): Promise<Round>
  /** All of them, none to kill itself: where the clients' requests go. */
  startAll(): Promise<string>
  stopAll(): Promise<void>
}

const CLIENTS = 3
/** Long enough for two or three creates of a tiny clip. */
const LONGEST_WAIT_MS = 2500
const LONGEST_START_MS = 60_000
/** For so long a process may not come to the step at which it is to kill itself; then it is killed. */
const STEP_WITHIN_MS = 4000
const SETTLE_MS = 300
const ANSWER_WITHIN_MS = 10_000
const SHORTLY_MS = 30

/** The first member is the one that answers requests. */
export function gather(members: readonly Member[], ledger: Ledger): Company {
  const running: (Killable | null)[] = members.map(() => null)

  async function start(index: number, extra: Readonly<Record<string, string>> = {}): Promise<string | null> {
    const { role, environment } = members[index]
    const started = launch(role, { ...environment, ...extra })
    running[index] = started
    return await within(started.url, started)
  }
  const isUp = (index: number): boolean => running[index]?.isAlive() ?? false
  const startMissing = async (): Promise<void> => { for (const index of members.keys()) if (!isUp(index)) await start(index) }
  const kill = async (index: number): Promise<number> => {
    await running[index]?.kill()
    return (await running[index]?.childrenLeft())?.length ?? 0
  }

  async function startAll(): Promise<string> {
    await startMissing()
    const url = await running[0]?.url
    if (!url) throw new Error(`it does not start any more:\n${running[0]?.log() ?? ''}`)
    return url
  }

  async function round(number: number): Promise<Round> {
    const began = performance.now()
    const victim = Math.floor(Math.random() * members.length)
    const worker = members.findLastIndex(({ role }) => role !== 'api')
    const step = number % 2 === 1 ? STEPS[(number >> 1) % STEPS.length] : null
    const killed = step === null ? victim : worker
    const kind = step ?? MOMENTS[(number >> 1) % MOMENTS.length]
    let childrenLeft = 0
    if (step !== null || kind === 'while it starts') childrenLeft += await kill(killed)
    if (step !== null) await start(killed, { CRASH_AT: step })
    if (kind === 'while it starts') {
      void start(killed)
      await sleep(Math.random() * LONGEST_WAIT_MS)
      childrenLeft += await kill(killed)
    }
    // One that is to kill itself may have done so over what was left to do: then this round is over.
    if (step === null || isUp(killed)) await startMissing()
    const url = isUp(0) ? await running[0]?.url : null
    const clients = url ? startClients(url, ledger) : null
    await moment(kind, { clients, ended: running[killed]?.ended })
    childrenLeft += await kill(killed)
    // An api that lives on has answers to give.
    if (killed !== 0) await sleep(SETTLE_MS)
    const { acknowledged, changed } = await clients?.stop() ?? { acknowledged: 0, changed: 0 }
    return { kind, role: members[killed].role, acknowledged, changed, childrenLeft, ms: performance.now() - began }
  }

  return { round, startAll, stopAll: async () => { for (const index of members.keys()) await kill(index) } }
}

/** Resolves when it is time to kill it. */
async function moment(kind: Kind, { clients, ended }: { readonly clients: Clients | null; readonly ended: Promise<void> | undefined }): Promise<void> {
  switch (kind) {
    case 'random':
    case 'while it starts': return sleep(Math.random() * LONGEST_WAIT_MS)
    case 'after an answer':
      await Promise.race([clients?.answered, sleep(ANSWER_WITHIN_MS)])
      return sleep(Math.random() * SHORTLY_MS)
    default: return Promise.race([ended, sleep(STEP_WITHIN_MS)])
  }
}

/** Rejects with its log when neither happens. */
async function within(url: Promise<string | null>, { log, kill }: Killable): Promise<string | null> {
  const late = Symbol('late')
  const first = await Promise.race([url, sleep(LONGEST_START_MS, late, { ref: false })])
  if (typeof first !== 'symbol') return first
  await kill()
  throw new Error(`it did not start in ${LONGEST_START_MS} ms:\n${log()}`)
}

interface Clients { /** The first of them has a character. */ readonly answered: Promise<void>; stop(): Promise<{ acknowledged: number; changed: number }> }

function startClients(url: string, ledger: Ledger): Clients {
  const stopping = new AbortController()
  const answered = Promise.withResolvers<void>()
  let [acknowledged, changed] = [0, 0]
  const settle = (answer: Answer): void => {
    if (answer === 'acknowledged') {
      acknowledged++
      answered.resolve()
    }
    if (answer === 'changed') changed++
  }
  const client = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      const wanted = ledger.next()
      const answer = await send(url, wanted, ledger, stopping.signal)
      ledger.giveBack(wanted)
      settle(answer)
      if (answer === 'acknowledged') settle(await send(url, wanted, ledger, stopping.signal))
      else await sleep(20)
    }
  }
  const clients = Array.from({ length: CLIENTS }, client)
  return {
    answered: answered.promise,
    stop: async () => {
      stopping.abort()
      await Promise.all(clients)
      return { acknowledged, changed }
    },
  }
}

export type Answer = 'acknowledged' | 'same' | 'changed' | 'refused' | 'none'

/** Sends a request and notes what it is told. */
export async function send(url: string, wanted: Wanted, ledger: Ledger, signal: AbortSignal): Promise<Answer> {
  try {
    const response = await fetch(`${url}/v1/characters`, { method: 'POST', headers: wanted.headers, body: wanted.body, signal })
    const answer = await response.json() as { readonly id: string; readonly username: string; readonly error: { readonly code: string } | null }
    if (response.ok) {
      const isNew = !ledger.acknowledged.has(wanted.name)
      const isSame = ledger.acknowledge(wanted, answer)
      return isNew ? 'acknowledged' : isSame ? 'same' : 'changed'
    }
    if (response.status >= 500 || response.status === 429) return 'none'
    ledger.refuse(wanted, answer.error?.code ?? String(response.status))
    return 'refused'
  } catch {
    return 'none' // it was killed meanwhile
  }
}
