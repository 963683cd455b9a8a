import PQueue from 'p-queue'
import { AppError } from '../domain/errors.ts'

export interface JobQueueOptions {
  /** How many run at a time: the number of lenses. */
  readonly concurrency: number
  /** How many more may wait. */
  readonly mostWaiting: number
  /** A job that has run for so long is stopped with `lens_failed`. */
  readonly deadlineMs: number
  readonly random?: () => number
}

/** A place in the queue: taken before the row is written, so that what is written will run. Use it once. */
export interface Place {
  /** First come, first served. Rejects with what the work rejects with, the caller's reason, `shutting_down`, or `lens_failed` past the deadline. */
  run<T>(work: (signal: AbortSignal) => Promise<T>, options?: { readonly signal?: AbortSignal }): Promise<T>
  /** Gives the place back unused. */
  leave(): void
}

export interface JobQueue {
  /** Throws `queue_full`, with the seconds after which a place is likely, or `shutting_down`. */
  claim(): Place
  /** For work that was accepted before this start: not bounded again. */
  reclaim(): Place
  readonly waiting: number
  readonly running: number
  /** Refuses what waits or comes with `shutting_down`, lets what runs go on for `graceMs`, then stops it. Resolves when nothing runs. */
  drain(options: { readonly graceMs: number }): Promise<void>
}

/** What is stopped may clean up for so long before its place is given away. */
const CLEAN_UP_MS = 2000
const FIRST_GUESS_MS = 2000
/** How much one more job changes the measured service time. */
const NEWEST_SHARE = 0.2

export function createJobQueue({ concurrency, mostWaiting, deadlineMs, random = Math.random }: JobQueueOptions): JobQueue {
  const queue = new PQueue({ concurrency })
  const waiting = new Set<AbortController>()
  const running = new Set<AbortController>()
  let taken = 0
  let serviceMs = FIRST_GUESS_MS
  let isClosed = false

  const retryAfterSeconds = (): number => {
    const expectedMs = (serviceMs * (queue.size + 1)) / concurrency
    const spread = 0.8 + 0.4 * random() // or everybody refused now would be back at the same moment
    return Math.min(60, Math.max(1, Math.ceil((expectedMs * spread) / 1000)))
  }

  async function runNow<T>(work: (signal: AbortSignal) => Promise<T>, stop: AbortController): Promise<T> {
    waiting.delete(stop)
    running.add(stop)
    const started = performance.now()
    const deadline = setTimeout(() => stop.abort(new AppError('lens_failed', { details: { reason: 'deadline', seconds: deadlineMs / 1000 } })), deadlineMs)
    try {
      return await settledOrAbandoned(work(stop.signal), stop.signal)
    } finally {
      clearTimeout(deadline)
      running.delete(stop)
      serviceMs += NEWEST_SHARE * (performance.now() - started - serviceMs)
    }
  }

  async function run<T>(work: (signal: AbortSignal) => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    const stop = new AbortController()
    const onAbort = (): void => stop.abort(signal?.reason)
    if (signal?.aborted) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    waiting.add(stop)
    // The queue's own signal option would give the place of a running job away before it has cleaned up.
    const left = new AbortController()
    const leave = (): void => { if (waiting.has(stop)) left.abort(stop.signal.reason) }
    stop.signal.addEventListener('abort', leave, { once: true })
    if (stop.signal.aborted) leave()
    try {
      return await queue.add(() => runNow(work, stop), { signal: left.signal })
    } finally {
      waiting.delete(stop)
      signal?.removeEventListener('abort', onAbort)
    }
  }

  function place(): Place {
    if (isClosed) throw shuttingDown()
    let isOpen = true
    taken++
    const leave = (): void => {
      if (isOpen) taken--
      isOpen = false
    }
    return { leave, run: (work, { signal } = {}) => run(work, signal).finally(leave) }
  }

  return {
    claim: () => {
      if (!isClosed && taken >= concurrency + mostWaiting) throw new AppError('queue_full', { details: { retryAfterSeconds: retryAfterSeconds() } })
      return place()
    },
    reclaim: place,
    get waiting() { return queue.size },
    get running() { return queue.pending },
    drain: async ({ graceMs }) => {
      isClosed = true
      for (const job of waiting) job.abort(shuttingDown())
      const timer = setTimeout(() => { for (const job of running) job.abort(shuttingDown()) }, graceMs)
      await queue.onIdle()
      clearTimeout(timer)
    },
  }
}

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
