import PQueue from 'p-queue'
import type { Database } from '../db/database.ts'
import type { Log } from '../runtime/log.ts'
import type { AppError } from '../domain/errors.ts'
import { isRoomIn, queueFull, shuttingDown } from './admission.ts'
import { kindOf, type Claim, type Handler, type Job, type JobQueue, type QueueFigures, type QueueOptions, type Turn } from './job-queue.ts'
import { endOrAbandon } from './stop-turn.ts'

export interface EmbeddedQueueOptions extends QueueOptions {
  readonly random?: () => number
  readonly log?: Log
}

interface Entry { readonly job: Job; readonly claimedAt: number; failures: number; line: Line }

/** The jobs of one account that wait. */
interface Line { length: number; lastRank: number }

const MOST_TRIES = 5
const FIRST_PAUSE_MS = 250
const LONGEST_PAUSE_MS = 60_000
const FIRST_GUESS_MS = 2000
/** How much one more job changes the measured service time. */
const NEWEST_SHARE = 0.2

/** The queue of the only process on a database. Nothing outlives it: what has to be done is found in the rows again. */
export const createEmbeddedQueue = (options: EmbeddedQueueOptions): JobQueue => new EmbeddedQueue(options)

class EmbeddedQueue implements JobQueue {
  readonly #options: EmbeddedQueueOptions
  readonly #queue: PQueue
  /** Claimed, waiting, running, or between two tries. */
  readonly #known = new Set<string>()
  readonly #lines = new Map<string, Line>()
  readonly #running = new Set<AbortController>()
  #handlers: Readonly<Record<string, Handler>> = {}
  #lastTurnsRank = 0
  #serviceMs = FIRST_GUESS_MS
  #isClosed = false

  constructor(options: EmbeddedQueueOptions) {
    this.#options = options
    this.#queue = new PQueue({ concurrency: options.concurrency, autoStart: false })
  }

  async claim(_trx: Database, job: Job): Promise<Claim> {
    if (this.#isClosed) throw shuttingDown()
    const refusal = await this.refusalOf(job.account)
    if (refusal) throw refusal
    return this.#enter(job)
  }

  async refusalOf(account: string): Promise<AppError | null> {
    const { concurrency, mostWaiting, random = Math.random } = this.#options
    const line = this.#lines.get(account)
    const waiting = this.#known.size - concurrency
    const isRoom = isRoomIn({ waiting, own: line?.length ?? 0, accounts: this.#lines.size + (line ? 0 : 1) }, mostWaiting)
    return isRoom ? null : queueFull((this.#serviceMs * (waiting + 1)) / concurrency, random)
  }

  async reclaim(jobs: readonly Job[]): Promise<void> {
    if (this.#isClosed) throw shuttingDown()
    for (const job of jobs) this.#enter(job).start()
  }

  async work(handlers: Readonly<Record<string, Handler>>): Promise<void> {
    this.#handlers = handlers
    this.#queue.start()
  }

  async figures(): Promise<QueueFigures> {
    return { waiting: this.#known.size - this.#running.size, running: this.#running.size }
  }

  async drain({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#isClosed = true
    const timer = setTimeout(() => { for (const stop of this.#running) stop.abort(shuttingDown()) }, graceMs)
    this.#queue.start() // each of those that wait finds that it is too late
    await this.#queue.onIdle()
    clearTimeout(timer)
  }

  #enter(job: Job): Claim {
    if (this.#known.has(job.id)) return { start: () => {}, withdraw: () => {} }
    const entry = { job, claimedAt: performance.now(), failures: 0, line: this.#joinLine(job) }
    this.#known.add(job.id)
    return {
      start: () => this.#wait(entry),
      withdraw: () => {
        this.#leaveLine(job)
        this.#known.delete(job.id)
      },
    }
  }

  #joinLine({ account }: Job): Line {
    const line = this.#lines.get(account) ?? { length: 0, lastRank: -Infinity }
    line.length++
    this.#lines.set(account, line)
    return line
  }

  #leaveLine({ account }: Job): void {
    const line = this.#lines.get(account)
    if (line && --line.length === 0) this.#lines.delete(account)
  }

  /** Start-time fair queuing: an account's next job is one behind its last, but nobody is ahead of the turn that came last. */
  #wait(entry: Entry): void {
    const rank = Math.max(entry.line.lastRank + 1, this.#lastTurnsRank)
    entry.line.lastRank = rank
    void this.#queue.add(() => this.#takeTurn(entry, rank), { priority: -rank })
  }

  /** Never rejects. */
  async #takeTurn(entry: Entry, rank: number): Promise<void> {
    if (this.#isClosed) return
    const { id } = entry.job
    this.#lastTurnsRank = rank
    this.#leaveLine(entry.job)
    const stop = new AbortController()
    this.#running.add(stop)
    try {
      await endOrAbandon((signal) => this.#run(entry, signal), stop, this.#options)
      this.#known.delete(id)
    } catch (error) {
      this.#handBack(entry, error)
    } finally {
      this.#running.delete(stop)
    }
  }

  async #run({ job, claimedAt, failures }: Entry, signal: AbortSignal): Promise<void> {
    const { id, traceId, patienceMs = Infinity } = job
    const handler = this.#handlers[kindOf(id)]
    if (failures >= MOST_TRIES) return handler.giveUp(id)
    const started = performance.now()
    const turn: Turn = { id, traceId, isLate: started - claimedAt > patienceMs, signal }
    try {
      await handler.run(turn)
    } finally {
      this.#serviceMs += NEWEST_SHARE * (performance.now() - started - this.#serviceMs)
    }
  }

  #handBack(entry: Entry, error: unknown): void {
    if (this.#isClosed) return
    entry.failures++
    const pauseMs = pauseAfter(entry.failures)
    this.#options.log?.warn('job.handed_back', { id: entry.job.id, traceId: entry.job.traceId, failures: entry.failures, pauseMs, error })
    entry.line = this.#joinLine(entry.job)
    setTimeout(() => this.#wait(entry), pauseMs).unref()
  }
}

/** The first attempt to give up comes at once behind the last try; those behind it begin with the shortest pause again. */
function pauseAfter(failures: number): number {
  if (failures === MOST_TRIES) return 0
  const before = failures < MOST_TRIES ? failures : failures - MOST_TRIES
  return Math.min(FIRST_PAUSE_MS * 2 ** (before - 1), LONGEST_PAUSE_MS)
}
