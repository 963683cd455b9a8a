import { setTimeout as sleep } from 'node:timers/promises'
import type { PgBoss, JobAttempt } from 'pg-boss'
import { LeaseLost } from './job-queue.ts'

/** The least that pg-boss allows. A job that nobody said to be alive for so long, by the clock of the database, is given to another. */
export const LEASE_SECONDS = 10
const RENEW_MS = 2500
/** The database counts from when it heard, this process from when it began to tell, and stops a little earlier than it has to. */
const SURE_MS = LEASE_SECONDS * 1000 - 500
const LOOK_MS = 250

export interface Lease extends Disposable {
  /** Resolves when the database answers, or may have given the job away. */
  untilReachable(): Promise<void>
}

interface Held { readonly job: JobAttempt; readonly stop: AbortController; sureUntil: number }

/** The jobs of one queue that this process works on: says to the database that they are alive, and stops those that another process may have. */
export class Leases implements Disposable {
  readonly #boss: PgBoss
  readonly #queue: string
  readonly #held = new Set<Held>()
  readonly #timers: readonly NodeJS.Timeout[]

  constructor(boss: PgBoss, queue: string) {
    this.#boss = boss
    this.#queue = queue
    const renew = (): void => { this.#renew([...this.#held]).catch(() => {}) } // what it means shows as time goes by, and pg-boss tells the error
    this.#timers = [setInterval(renew, RENEW_MS), setInterval(() => this.#look(), LOOK_MS)]
    for (const timer of this.#timers) timer.unref()
  }

  /** Aborts `stop` with {@link LeaseLost} when the job may be another's; it is so before the first step when this process was paused meanwhile. Dispose of what it gives when the work has ended. */
  async hold(job: JobAttempt, stop: AbortController): Promise<Lease> {
    const held = { job, stop, sureUntil: performance.now() + SURE_MS }
    this.#held.add(held)
    await this.#renew([held]).catch(() => stop.abort(lost(job)))
    return { untilReachable: () => this.#untilReachable(held), [Symbol.dispose]: () => { this.#held.delete(held) } }
  }

  [Symbol.dispose](): void { for (const timer of this.#timers) clearInterval(timer) }

  async #renew(all: readonly Held[]): Promise<void> {
    this.#look() // this process may have been stopped for minutes, whatever the database says now
    const held = all.filter(({ stop }) => !stop.signal.aborted)
    if (held.length === 0) return
    const began = performance.now()
    const alive = touched(await this.#boss.touch(this.#queue, held.map(({ job: { id, retryCount } }) => ({ id, retryCount }))))
    for (const one of held) {
      if (alive.has(one.job.id)) one.sureUntil = Math.max(one.sureUntil, began + SURE_MS)
      else one.stop.abort(lost(one.job))
    }
  }

  async #untilReachable({ job, sureUntil }: Held): Promise<void> {
    while (performance.now() < sureUntil) {
      try {
        await this.#boss.touch(this.#queue, { id: job.id, retryCount: job.retryCount })
        return
      } catch {
        await sleep(LOOK_MS) // whatever it is, the job can be neither ended nor handed back
      }
    }
  }

  #look(): void {
    const now = performance.now()
    for (const { job, stop, sureUntil } of this.#held) if (now > sureUntil) stop.abort(lost(job))
  }
}

const lost = ({ id }: JobAttempt): LeaseLost => new LeaseLost(`Job ${id} may be with another process`)

/** Its types do not tell what it answers with. */
function touched(answer: object): ReadonlySet<unknown> {
  if (!('settled' in answer && Array.isArray(answer.settled))) throw new TypeError('pg-boss does not say which jobs are alive')
  return new Set(answer.settled)
}
