import PQueue from 'p-queue'
import { AppError } from '../domain/errors.ts'

export interface JobQueueOptions {
  /** How many run at a time: the number of lenses. */
  readonly concurrency: number
  /** How many more may wait. */
  readonly mostWaiting: number
  /** A job that has run for so long is stopped. */
  readonly deadlineMs: number
  /** With this; `lens_failed` unless it says otherwise. */
  readonly onDeadline?: (seconds: number) => AppError
  readonly random?: () => number
}

export type Work<T> = (signal: AbortSignal) => Promise<T>

/** A place in the queue: taken before the row is written, so that what is written will run. Use it once. */
export interface Place {
  /** First come, first served. Rejects with what the work rejects with, the caller's reason, `shutting_down`, or the error of the deadline. */
  run<T>(work: Work<T>, options?: { readonly signal?: AbortSignal }): Promise<T>
  /** Gives the place back unused. */
  leave(): void
}

/** What is stopped may clean up for so long before its place is given away. */
const CLEAN_UP_MS = 2000
const FIRST_GUESS_MS = 2000
/** How much one more job changes the measured service time. */
const NEWEST_SHARE = 0.2
const MOST_RETRY_SECONDS = 60

/** The jobs of this process, first come, first served. What they are is in their rows: nothing here outlives it. */
class JobQueue {
  readonly #options: JobQueueOptions
  readonly #queue: PQueue
  readonly #waiting = new Set<AbortController>()
  readonly #running = new Set<AbortController>()
  #taken = 0
  #serviceMs = FIRST_GUESS_MS
  #isClosed = false

  constructor(options: JobQueueOptions) {
    this.#options = options
    this.#queue = new PQueue({ concurrency: options.concurrency })
  }

  get waiting(): number { return this.#queue.size }
  get running(): number { return this.#queue.pending }

  /** Throws `queue_full`, with the seconds after which a place is likely, or `shutting_down`. */
  claim(): Place {
    const { concurrency, mostWaiting } = this.#options
    const isFull = this.#taken >= concurrency + mostWaiting
    if (isFull && !this.#isClosed) throw new AppError('queue_full', { details: { retryAfterSeconds: this.#retryAfterSeconds() } })
    return this.reclaim()
  }

  /** For work that was accepted before this start: not bounded again. Throws `shutting_down`. */
  reclaim(): Place {
    if (this.#isClosed) throw shuttingDown()
    let isTaken = true
    this.#taken++
    const leave = (): void => {
      if (isTaken) this.#taken--
      isTaken = false
    }
    return { leave, run: (work, { signal } = {}) => this.#wait(work, signal).finally(leave) }
  }

  /** Refuses what waits or comes with `shutting_down`, lets what runs go on for `graceMs`, then stops it. Resolves when nothing runs. */
  async drain({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#isClosed = true
    for (const job of this.#waiting) job.abort(shuttingDown())
    const timer = setTimeout(() => { for (const job of this.#running) job.abort(shuttingDown()) }, graceMs)
    await this.#queue.onIdle()
    clearTimeout(timer)
  }

  #retryAfterSeconds(): number {
    const expectedMs = (this.#serviceMs * (this.waiting + 1)) / this.#options.concurrency
    const spread = 0.8 + 0.4 * (this.#options.random ?? Math.random)() // or everybody refused now would be back at the same moment
    return Math.min(MOST_RETRY_SECONDS, Math.max(1, Math.ceil((expectedMs * spread) / 1000)))
  }

  async #wait<T>(work: Work<T>, signal: AbortSignal | undefined): Promise<T> {
    const job = new AbortController()
    // The queue's own signal option would give the place of a running job away before it has cleaned up.
    const left = new AbortController()
    job.signal.addEventListener('abort', () => { if (this.#waiting.has(job)) left.abort(job.signal.reason) }, { once: true })
    const onAbort = (): void => job.abort(signal?.reason)
    this.#waiting.add(job)
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted) onAbort()
    try {
      return await this.#queue.add(() => this.#run(work, job), { signal: left.signal })
    } finally {
      this.#waiting.delete(job)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  async #run<T>(work: Work<T>, job: AbortController): Promise<T> {
    this.#waiting.delete(job)
    this.#running.add(job)
    const { deadlineMs, onDeadline = lensFailed } = this.#options
    const started = performance.now()
    const deadline = setTimeout(() => job.abort(onDeadline(deadlineMs / 1000)), deadlineMs)
    try {
      return await settledOrAbandoned(work(job.signal), job.signal)
    } finally {
      clearTimeout(deadline)
      this.#running.delete(job)
      this.#serviceMs += NEWEST_SHARE * (performance.now() - started - this.#serviceMs)
    }
  }
}

export const createJobQueue = (options: JobQueueOptions): JobQueue => new JobQueue(options)

export type { JobQueue }

const lensFailed = (seconds: number): AppError => new AppError('lens_failed', { details: { reason: 'deadline', seconds } })

const shuttingDown = (): AppError => new AppError('shutting_down', { details: { retryAfterSeconds: 5 } })

/** The work's own end; or, when it is stopped and does not end, the reason it was stopped for. */
async function settledOrAbandoned<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const abandoned = Promise.withResolvers<never>()
  let timer: NodeJS.Timeout | undefined
  const onAbort = (): void => { timer = setTimeout(() => abandoned.reject(signal.reason), CLEAN_UP_MS) }
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, abandoned.promise])
  } finally {
    clearTimeout(timer)
    signal.removeEventListener('abort', onAbort)
  }
}
