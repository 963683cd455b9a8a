import { open, rm, type FileHandle } from 'node:fs/promises'
import { AppError } from '../domain/errors.ts'
import type { ByteRun, ByteSource, ReadOptions } from '../runtime/byte-source.ts'

/** An unplanned read answers with this much at least: the disk is near, the lens behind its pipe is not. */
const LEAST_READ_BYTES = 64 * 1024

/** A file of ours as a source: an upload, or what was spooled. Closing it leaves the file where it is, unless told otherwise. */
export async function openFileSource(path: string, { isDeletedOnClose = false } = {}): Promise<ByteSource> {
  const file = await open(path, 'r')
  try {
    const { size } = await file.stat()
    return new FileSource(file, size, isDeletedOnClose ? path : null)
  } catch (error) {
    await file.close()
    throw error
  }
}

class FileSource implements ByteSource {
  readonly size: number
  bytesRead = 0
  requests = 0
  readonly #file: FileHandle
  readonly #pathToDelete: string | null

  constructor(file: FileHandle, size: number, pathToDelete: string | null) {
    this.#file = file
    this.size = size
    this.#pathToDelete = pathToDelete
  }

  async read(start: number, end: number, { signal, isPlanned = false }: ReadOptions = {}): Promise<ByteRun> {
    signal?.throwIfAborted()
    assertRange(start, end, this.size)
    const readEnd = isPlanned ? end : Math.max(end, Math.min(start + LEAST_READ_BYTES, this.size))
    const bytes = new Uint8Array(readEnd - start)
    let filled = 0
    while (filled < bytes.length) {
      const { bytesRead } = await this.#file.read(bytes, filled, bytes.length - filled, start + filled)
      if (bytesRead === 0) throw new AppError('source_incomplete')
      filled += bytesRead
    }
    this.bytesRead += filled
    this.requests++
    return { start, bytes }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close()
    if (this.#pathToDelete !== null) await rm(this.#pathToDelete, { force: true })
  }
}

export function assertRange(start: number, end: number, size: number): void {
  const isInside = Number.isInteger(start) && Number.isInteger(end) && start >= 0 && start <= end && end <= size
  if (!isInside) throw new RangeError(`bytes ${start} to ${end} of ${size}`)
}
