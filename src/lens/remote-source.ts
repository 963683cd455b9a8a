import type { ByteRun, ByteSource, ReadOptions } from '../runtime/byte-source.ts'
import type { FromLens, FromService } from './protocol.ts'

type Read = Extract<FromLens, { type: 'read' }>
type ReadAnswer = Extract<FromService, { type: 'bytes' }>

interface Waiting { readonly resolve: (run: ByteRun) => void; readonly reject: (error: Error) => void }

/**
 * The one source of a lens's job: every read is a question to the service. It keeps nothing: whoever reads holds what it
 * still needs.
 */
export class RemoteSource implements ByteSource {
  readonly size: number
  readonly #ask: (message: Read) => void
  readonly #waiting = new Map<number, Waiting>()
  #bytesRead = 0
  #requests = 0

  constructor(size: number, ask: (message: Read) => void) {
    this.size = size
    this.#ask = ask
  }

  get bytesRead(): number { return this.#bytesRead }
  get requests(): number { return this.#requests }

  async read(start: number, end: number, { signal, isPlanned = false }: ReadOptions = {}): Promise<ByteRun> {
    signal?.throwIfAborted()
    const isInside = Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0 && start < end && end <= this.size
    if (!isInside) throw new RangeError(`[${start}, ${end}) is not inside a source of ${this.size} bytes`)
    const id = this.#requests++
    const { promise, resolve, reject } = Promise.withResolvers<ByteRun>()
    this.#waiting.set(id, { resolve, reject })
    this.#ask({ type: 'read', id, start, end, isPlanned })
    return promise
  }

  /** Hands what the service sent to the read that asked for it. */
  settle({ id, start, bytes }: ReadAnswer): void {
    this.#bytesRead += bytes.length
    this.#waiting.get(id)?.resolve({ start, bytes })
    this.#waiting.delete(id)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { reject } of this.#waiting.values()) reject(new Error('the source is closed'))
    this.#waiting.clear()
  }
}
