import { randomBytes } from 'node:crypto'
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AppError } from '../domain/errors.ts'
import { ObjectNotFound, type ByteRange, type ObjectStore } from './object-store.ts'

const KEY = /^[a-z0-9][a-z0-9_.-]*(?:\/[a-z0-9][a-z0-9_.-]*)*$/
const MOST_KEY = 200
const CHUNK_BYTES = 256 * 1024
const RETRY_AFTER_SECONDS = 30

/**
 * Stored bytes below one folder. Keys are lower-case paths chosen by the caller.
 * What the disk refuses rejects with an AppError: `storage_full`, or `storage_unavailable`.
 */
export function createDiskObjects({ folder }: { readonly folder: string }): ObjectStore {
  const pathOf = (key: string): string => {
    if (!KEY.test(key) || key.length > MOST_KEY) throw new RangeError(`not an object key: ${key}`)
    return join(folder, key)
  }
  return {
    /** Replaces what was there, whole. On disk, with its name, when this resolves. */
    put: (key: string, bytes: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> => translated(key, () => write(pathOf(key), bytes)),
    /** The range must lie within the object. Rejects with {@link ObjectNotFound}. */
    get: async (key: string, range?: ByteRange): Promise<AsyncIterable<Uint8Array>> => {
      const path = pathOf(key)
      const { size } = await translated(key, () => stat(path))
      const { start, end } = range ?? { start: 0, end: size }
      if (start < 0 || start > end || end > size) throw new RangeError(`${start}-${end} is not within the ${size} bytes of ${key}`)
      return read(path, { start, end })
    },
    /** Deletes everything below a folder of keys, and says how many objects that were. */
    deleteFolder: (key: string): Promise<number> => translated(key, async () => {
      const files = await countFiles(pathOf(key))
      await rm(pathOf(key), { recursive: true, force: true })
      return files
    }),
    putFile: async (key, path) => {
      const { createReadStream } = await import('node:fs')
      await translated(key, () => write(pathOf(key), createReadStream(path)))
      await rm(path)
    },
    listFolders: async function *() { yield await translated('', () => readdir(folder).catch(unless('ENOENT', []))) },
    check: async () => {},
  }
}

async function write(path: string, bytes: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
  const folder = dirname(path)
  const created = await mkdir(folder, { recursive: true })
  const temporary = `${path}.${randomBytes(6).toString('hex')}.part`
  try {
    await using file = await open(temporary, 'wx', 0o600)
    await file.writeFile(bytes)
    await file.sync()
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolder(folder)
  if (created !== undefined) await syncFolder(dirname(created))
}

/** The name of a new file is on disk only when its folder is. */
async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path)
  await folder.sync()
}

async function* read(path: string, { start, end }: ByteRange): AsyncGenerator<Uint8Array, void> {
  await using file = await open(path)
  for (let at = start; at < end;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - at)), { position: at })
    if (bytesRead === 0) throw new AppError('storage_unavailable', { details: { retryAfterSeconds: RETRY_AFTER_SECONDS } }) // it was cut off behind our back
    yield buffer.subarray(0, bytesRead)
    at += bytesRead
  }
}

const countFiles = async (path: string): Promise<number> =>
  (await readdir(path, { recursive: true, withFileTypes: true }).catch(unless('ENOENT', []))).filter((entry) => entry.isFile()).length

const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)

const unless = <T>(code: string, value: T) => (error: unknown): T => {
  if (codeOf(error) === code) return value
  throw error
}

const FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const UNAVAILABLE: ReadonlySet<unknown> = new Set(['EIO', 'EROFS', 'EACCES', 'EPERM', 'EMFILE', 'ENFILE', 'ENOTDIR', 'ESTALE'])

/** What a disk that is full or out of reach looks like to a caller; null for any other error. */
export function diskFault(error: unknown): AppError | null {
  const code = codeOf(error)
  const facts = { details: { retryAfterSeconds: RETRY_AFTER_SECONDS }, cause: error }
  if (FULL.has(code)) return new AppError('storage_full', facts)
  return UNAVAILABLE.has(code) ? new AppError('storage_unavailable', facts) : null
}

async function translated<T>(key: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (codeOf(error) === 'ENOENT') throw new ObjectNotFound(key, { cause: error })
    throw diskFault(error) ?? error
  }
}
