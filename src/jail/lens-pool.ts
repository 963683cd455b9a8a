import { AppError } from '../domain/errors.ts'
import { fromLens } from '../lens/protocol.ts'
import type { Log } from '../runtime/log.ts'
import { JailedProcess, type StartOptions } from './jailed-process.ts'
import { JOB_OVER, type LensDied } from './lens-died.ts'

/** `restarts` counts lenses that ended by themselves or had to be ended; the normal end of a job is none. */
export interface LensStats { readonly idle: number; readonly starting: number; readonly busy: number; readonly waiting: number; readonly restarts: number }

interface Waiter { readonly resolve: (lens: JailedProcess) => void; readonly reject: (error: unknown) => void }

interface PoolOptions { readonly processes: number; readonly start: StartOptions; readonly log: Log }

const MOST_WAITING = 256
/** So many starts that failed in a row, and jobs are refused instead of kept waiting. */
const HOPELESS_STARTS = 3
const RETRY_MS = { first: 250, most: 30_000 }
const RETRY_AFTER_SECONDS = 5

/**
 * `processes` lenses, ready or at work. A lens is given out once; when it ends, another is started in its place, so that
 * starting one (half a second of CPU) falls between jobs and not into them.
 */
export class LensPool implements AsyncDisposable {
  readonly #options: PoolOptions
  readonly #starting = new Set<JailedProcess>()
  readonly #idle: JailedProcess[] = []
  readonly #busy = new Set<JailedProcess>()
  readonly #waiters: Waiter[] = []
  readonly #retries = new Set<NodeJS.Timeout>()
  #failedStarts = 0
  #restarts = 0
  #isClosed = false

  constructor(options: PoolOptions) { this.#options = options }

  get stats(): LensStats {
    return { idle: this.#idle.length, starting: this.#starting.size, busy: this.#busy.size, waiting: this.#waiters.length, restarts: this.#restarts }
  }

  /** Resolves when the first lens is ready; rejects with {@link LensDied} when it dies before, and nothing is left running. */
  async start(): Promise<void> {
    const starts = Array.from({ length: this.#options.processes }, () => this.#startOne())
    const died = await Promise.race(starts)
    if (died === null) return
    await this[Symbol.asyncDispose]()
    throw died
  }

  /** First come, first served. */
  async take(signal: AbortSignal): Promise<JailedProcess> {
    signal.throwIfAborted()
    if (this.#isClosed) throw new AppError('shutting_down', { details: { retryAfterSeconds: RETRY_AFTER_SECONDS } })
    if (this.#failedStarts >= HOPELESS_STARTS) throw new AppError('lens_unavailable', { details: { retryAfterSeconds: RETRY_AFTER_SECONDS } })
    if (this.#waiters.length >= MOST_WAITING) throw new AppError('queue_full', { details: { retryAfterSeconds: RETRY_AFTER_SECONDS } })
    const { promise, resolve, reject } = Promise.withResolvers<JailedProcess>()
    const waiter = { resolve, reject }
    const leave = (): void => {
      const place = this.#waiters.indexOf(waiter)
      if (place >= 0) this.#waiters.splice(place, 1)
      reject(signal.reason)
    }
    signal.addEventListener('abort', leave)
    this.#waiters.push(waiter)
    this.#giveOut()
    return promise.finally(() => signal.removeEventListener('abort', leave))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    for (const retry of this.#retries) clearTimeout(retry)
    this.#rejectWaiters(new AppError('shutting_down', { details: { retryAfterSeconds: RETRY_AFTER_SECONDS } }))
    const lenses = [...this.#starting, ...this.#idle, ...this.#busy]
    for (const lens of lenses) lens.end('the service is shutting down')
    await Promise.all(lenses.map((lens) => lens.ended))
  }

  #giveOut(): void {
    while (this.#waiters.length > 0) {
      const lens = this.#idle.shift()
      if (!lens) return
      this.#busy.add(lens)
      this.#waiters.shift()?.resolve(lens)
    }
  }

  /** Resolves with null when the lens is ready, or with why it never was. */
  #startOne(): Promise<LensDied | null> {
    const lens = new JailedProcess(this.#options.start)
    const { startMs } = this.#options.start.limits
    const { promise, resolve } = Promise.withResolvers<LensDied | null>()
    const timer = setTimeout(() => lens.end(`not ready in ${startMs} ms`), startMs)
    this.#starting.add(lens)
    lens.onMessage((message) => {
      const parsed = fromLens.safeParse(message)
      if (!parsed.success || parsed.data.type !== 'ready') return lens.end('spoke before it was ready')
      clearTimeout(timer)
      lens.onMessage(() => lens.end('spoke without a job'))
      this.#makeReady(lens)
      resolve(null)
    })
    void lens.ended.then((died) => {
      clearTimeout(timer)
      resolve(died)
      this.#replace(lens, died)
    })
    return promise
  }

  #makeReady(lens: JailedProcess): void {
    this.#failedStarts = 0
    this.#starting.delete(lens)
    this.#idle.push(lens)
    this.#giveOut()
  }

  #replace(lens: JailedProcess, died: LensDied): void {
    if (this.#isClosed) return
    const wasStarting = this.#starting.delete(lens)
    const wasBusy = this.#busy.delete(lens)
    const place = this.#idle.indexOf(lens)
    if (place >= 0) this.#idle.splice(place, 1)
    if (!wasBusy || died.reason !== JOB_OVER) {
      this.#restarts++
      this.#options.log.warn('lens.died', { ...(lens.traceId !== null && { traceId: lens.traceId }), reason: died.reason, was: wasStarting ? 'starting' : wasBusy ? 'busy' : 'idle' })
    }
    if (wasStarting) this.#startLater()
    else void this.#startOne()
  }

  /** A machine on which lenses do not start is not kept busy with starting them. */
  #startLater(): void {
    const delayMs = Math.min(RETRY_MS.most, RETRY_MS.first * 2 ** this.#failedStarts++)
    if (this.#failedStarts >= HOPELESS_STARTS) this.#rejectWaiters(new AppError('lens_unavailable', { details: { retryAfterSeconds: RETRY_AFTER_SECONDS } }))
    const retry = setTimeout(() => {
      this.#retries.delete(retry)
      void this.#startOne()
    }, delayMs)
    this.#retries.add(retry)
  }

  #rejectWaiters(error: AppError): void {
    for (const { reject } of this.#waiters.splice(0)) reject(error)
  }
}
