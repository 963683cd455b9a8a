import { AppError } from '../domain/errors.ts'
import type { ByteRun, ByteSource, ReadOptions } from '../runtime/byte-source.ts'
import { ObjectNotFound, type ObjectStore } from './object-store.ts'

/** An unplanned read answers with this much at least: the store is near, the lens behind its pipe is not. */
const LEAST_READ_BYTES = 64 * 1024
const RETRY_AFTER_SECONDS = 30

/** A stored object of so many bytes as a source. Reading rejects with `storage_unavailable` when it is gone or out of reach. */
export function openObjectSource(objects: Pick<ObjectStore, 'get'>, key: string, bytes: number): ByteSource {
  return new ObjectSource(objects, key, bytes)
}

class ObjectSource implements ByteSource {
  readonly size: number
  bytesRead = 0
  requests = 0
  readonly #objects: Pick<ObjectStore, 'get'>
  readonly #key: string

  constructor(objects: Pick<ObjectStore, 'get'>, key: string, bytes: number) {
    this.#objects = objects
    this.#key = key
    this.size = bytes
  }

  async read(start: number, end: number, { signal, isPlanned = false }: ReadOptions = {}): Promise<ByteRun> {
    signal?.throwIfAborted()
    const isInside = Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start <= end && end <= this.size
    if (!isInside) throw new RangeError(`bytes ${start} to ${end} of ${this.size}`)
    const readEnd = isPlanned ? end : Math.max(end, Math.min(start + LEAST_READ_BYTES, this.size))
    const bytes = await this.#get(start, readEnd, signal)
    this.bytesRead += bytes.length
    this.requests++
    return { start, bytes }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  async #get(start: number, end: number, signal: AbortSignal | undefined): Promise<Uint8Array> {
    try {
      return Buffer.concat(await Array.fromAsync(await this.#objects.get(this.#key, { start, end }, { signal })))
    } catch (error) {
      // What asks for it has read in a row that it is there, whole.
      if (error instanceof ObjectNotFound || error instanceof RangeError) throw new AppError('storage_unavailable', { details: { retryAfterSeconds: RETRY_AFTER_SECONDS }, cause: error })
      throw error
    }
  }
}
