import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const GENERATOR = fileURLToPath(new URL('./open-loop-generator.ts', import.meta.url))

export interface Call {
  /** What it is counted as. */
  readonly name: string
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** Calls that are due at even distances, whether or not earlier ones are answered; one after another, and then from the first again. */
export interface Stream { readonly name: string; readonly perSecond: number; readonly calls: readonly Call[] }

export interface Load { readonly url: string; readonly seconds: number; readonly streams: readonly Stream[] }

/** All calls of one name and one answer: a status, or why there was none. */
export interface Answered {
  readonly stream: string
  readonly call: string
  readonly answer: string
  /** Each from the moment at which it was due to the last byte of its answer. */
  readonly latenciesMs: readonly number[]
  readonly withRetryAfter: number
}

/** How late the generator itself was at worst: what is measured includes it. */
export interface Measured { readonly answered: readonly Answered[]; readonly mostLateMs: number; readonly startedAtMs: number; readonly endedAtMs: number }

/** From a process of its own, so that neither side waits for the other's work. Resolves when the last answer is there. */
export async function putLoad(load: Load): Promise<Measured> {
  const child = fork(GENERATOR, { serialization: 'advanced', stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  const ended = once(child, 'exit').then(([code, signal]) => { throw new Error(`the generator ended with ${String(signal ?? code)}`) })
  ended.catch(() => {})
  child.send(load)
  const [measured] = await Promise.race([once(child, 'message'), ended]) as [Measured]
  child.disconnect()
  return measured
}

export const latenciesOf = ({ answered }: Measured, wanted: (answered: Answered) => boolean): readonly number[] => answered.filter(wanted).flatMap(({ latenciesMs }) => latenciesMs)
