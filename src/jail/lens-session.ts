import { AppError } from '../domain/errors.ts'
import { CALLS, fromLens, type CallName, type Calls, type FromLens } from '../lens/protocol.ts'
import type { ByteSource } from '../runtime/byte-source.ts'
import type { JailedProcess } from './jailed-process.ts'
import { JOB_OVER, LensDied } from './lens-died.ts'
import type { LensLimits } from './limits.ts'
import { ServedReads } from './served-reads.ts'
import { WorkClock } from './work-clock.ts'

/** One job on one lens, which ends with it. */
export interface LensSession extends AsyncDisposable {
  /**
   * Calls in the order they are made. Rejects with what the lens refuses the source for or what the source failed with
   * (both AppError), with {@link LensDied}, or with the reason of the job's signal; after any but a refusal every
   * further call rejects with the same.
   */
  call<Name extends CallName>(name: Name, params: Calls[Name]['asks']): Promise<Calls[Name]['answers']>
}

interface Pending { readonly resolve: (result: unknown) => void; readonly reject: (error: unknown) => void }

export interface SessionOptions {
  readonly limits: LensLimits
  readonly workMs: number
  readonly signal: AbortSignal
  /** The request that asked for it. */
  readonly traceId: string | null
}

export class JailedSession implements LensSession {
  readonly #lens: JailedProcess
  readonly #signal: AbortSignal
  readonly #reads: ServedReads
  readonly #clock: WorkClock
  readonly #pending = new Map<CallName, Pending>()
  #failure: { readonly error: unknown } | null = null

  constructor(lens: JailedProcess, source: ByteSource, { limits, workMs, signal, traceId }: SessionOptions) {
    this.#lens = lens
    this.#signal = signal
    this.#clock = new WorkClock({ mostMs: workMs, onSpent: () => this.#die('deadline') })
    this.#reads = new ServedReads(source, {
      limits,
      send: (message) => lens.send(message),
      onChange: () => this.#setClock(),
      onFailure: (error) => this.#fail(error),
    })
    lens.onMessage((message) => this.#take(message))
    void lens.ended.then((died) => this.#fail(died))
    signal.addEventListener('abort', this.#abort)
    lens.traceId = traceId
    void lens.send({ type: 'job', size: source.size, ...(traceId !== null && { traceId }) })
  }

  call<Name extends CallName>(name: Name, params: Calls[Name]['asks']): Promise<Calls[Name]['answers']> {
    if (this.#failure) return Promise.reject(this.#failure.error)
    if (this.#pending.has(name)) return Promise.reject(new Error(`${name} is already under way`))
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#pending.set(name, { resolve, reject })
    void this.#lens.send({ type: 'call', name, params })
    this.#setClock()
    return promise as Promise<Calls[Name]['answers']> // #answer has read it through the schema of its name
  }

  async [Symbol.asyncDispose](): Promise<void> { this.#fail(new Error('the job is over')) }

  readonly #abort = (): void => this.#fail(this.#signal.reason)

  #take(message: unknown): void {
    const parsed = fromLens.safeParse(message)
    if (!parsed.success) return this.#die('sent a message of no known kind')
    switch (parsed.data.type) {
      case 'ready': return this.#die('was ready twice')
      case 'read': return this.#reads.serve(parsed.data)
      case 'answer': return this.#answer(parsed.data)
      case 'refusal': return this.#refuse(parsed.data)
    }
  }

  #answer({ name, result }: Extract<FromLens, { type: 'answer' }>): void {
    const parsed = CALLS[name].answers.safeParse(result)
    if (!parsed.success) return this.#die(`answered ${name} with nonsense at ${parsed.error.issues[0].path.join('.')}`)
    const pending = this.#settle(name)
    if (!pending) return this.#die(`answered ${name} without being asked`)
    pending.resolve(parsed.data)
  }

  #refuse({ name, code, param, details }: Extract<FromLens, { type: 'refusal' }>): void {
    const refusal = new AppError(code, { details, ...(param !== null && { param }) })
    if (refusal.status !== 422) return this.#die(`refused ${name} with ${code}`)
    const pending = this.#settle(name)
    if (!pending) return this.#die(`refused ${name} without being asked`)
    pending.reject(refusal)
  }

  #settle(name: CallName): Pending | undefined {
    const pending = this.#pending.get(name)
    this.#pending.delete(name)
    this.#setClock()
    return pending
  }

  #setClock(): void { this.#clock.set(this.#failure === null && this.#pending.size > 0 && this.#reads.underWay === 0) }

  #die(reason: string): void { this.#fail(new LensDied(reason)) }

  /** The end of the job, and of its lens; the first error counts. */
  #fail(error: unknown): void {
    if (this.#failure) return
    this.#failure = { error }
    this.#signal.removeEventListener('abort', this.#abort)
    this.#lens.end(error instanceof LensDied ? error.reason : JOB_OVER)
    this.#reads.stop()
    this.#setClock()
    for (const { reject } of this.#pending.values()) reject(error)
    this.#pending.clear()
  }
}
