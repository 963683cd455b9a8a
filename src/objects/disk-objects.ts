import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, open, opendir, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { AppError } from '../domain/errors.ts'
import { abortable } from './abortable.ts'
import { checkKey, isObjectKey } from './object-key.ts'
import { ObjectNotFound, type ByteRange, type ObjectStore } from './object-store.ts'
import { isProbe, PROBE, probeKey } from './probe.ts'

const CHUNK_BYTES = 256 * 1024
const RETRY_AFTER_SECONDS = 30

export interface DiskObjectsOptions {
  readonly folder: string
  /** Names that `listFolders` gives at a time. */
  readonly pageSize?: number
}

/** Stored bytes below one folder. */
export function createDiskObjects({ folder, pageSize = 1000 }: DiskObjectsOptions): ObjectStore {
  const pathOf = (key: string): string => join(folder, checkKey(key))
  const objects: ObjectStore = {
    put: async (key, bytes, { signal } = {}) => {
      const path = pathOf(key)
      await translated(() => write(path, bytes, signal))
    },
    putFile: async (key, source, { signal } = {}) => {
      const path = pathOf(key)
      await translated(() => takeOver(path, source, signal))
    },
    get: async (key, range, { signal } = {}) => {
      const path = pathOf(key)
      signal?.throwIfAborted()
      const facts = await found(key, () => stat(path))
      if (!facts.isFile()) throw new ObjectNotFound(key)
      const { start, end } = range ?? { start: 0, end: facts.size }
      if (start < 0 || start > end || end > facts.size) throw new RangeError(`${start}-${end} is not within the ${facts.size} bytes of ${key}`)
      return abortable(read(key, path, { start, end }), signal)
    },
    deleteFolder: async (key) => {
      const path = pathOf(key)
      return await translated(async () => {
        const files = await countFiles(path)
        await rm(path, { recursive: true, force: true })
        return files
      })
    },
    listFolders: () => listFolders(folder, pageSize),
    check: () => check(objects, folder),
  }
  return objects
}

/** On disk, with its name, when this resolves. */
async function write(path: string, bytes: Uint8Array | AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted()
  const created = await mkdir(dirname(path), { recursive: true })
  const temporary = `${path}.${randomBytes(6).toString('hex')}.part`
  try {
    await using file = await open(temporary, 'wx', 0o600)
    await file.writeFile(abortable(bytes, signal))
    await file.sync()
    signal?.throwIfAborted()
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true })
    throw error
  }
  await syncFolders(dirname(path), created)
}

async function takeOver(path: string, source: string, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted()
  const created = await mkdir(dirname(path), { recursive: true })
  try {
    await using file = await open(source, 'r+')
    await file.chmod(0o600)
    await file.sync()
    signal?.throwIfAborted()
    await rename(source, path)
  } catch (error) {
    if (codeOf(error) !== 'EXDEV') throw error // another file system
    await write(path, createReadStream(source), signal)
    await rm(source)
  }
  await syncFolders(dirname(path), created)
}

/** The name of a new file is on disk only when its folder is. */
async function syncFolders(folder: string, created: string | undefined): Promise<void> {
  await syncFolder(folder)
  if (created === undefined) return
  for (let at = folder; at.length >= created.length; at = dirname(at)) await syncFolder(dirname(at))
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path)
  await folder.sync()
}

async function* read(key: string, path: string, { start, end }: ByteRange): AsyncGenerator<Uint8Array, void> {
  await using file = await found(key, () => open(path))
  for (let at = start; at < end;) {
    const { bytesRead, buffer } = await translated(() => file.read(Buffer.allocUnsafe(Math.min(CHUNK_BYTES, end - at)), { position: at }))
    if (bytesRead === 0) throw new AppError('storage_unavailable', { details: { retryAfterSeconds: RETRY_AFTER_SECONDS } }) // it was cut off behind our back
    yield buffer.subarray(0, bytesRead)
    at += bytesRead
  }
}

async function* listFolders(path: string, pageSize: number): AsyncGenerator<readonly string[], void> {
  const folder = await translated(() => opendir(path, { bufferSize: pageSize }).catch(unless('ENOENT', null)))
  if (folder === null) return
  let page: string[] = []
  try {
    for await (const entry of folder) {
      if (entry.isDirectory() && isObjectKey(entry.name)) page.push(entry.name)
      if (page.length < pageSize) continue
      yield page
      page = []
    }
  } catch (error) {
    throw diskFault(error) ?? error
  }
  if (page.length > 0) yield page
}

const countFiles = async (path: string): Promise<number> =>
  (await readdir(path, { recursive: true, withFileTypes: true }).catch(unless('ENOENT', []))).filter((entry) => entry.isFile()).length

async function check(objects: ObjectStore, folder: string): Promise<void> {
  const key = probeKey()
  try {
    await objects.put(key, PROBE)
    const isWhole = isProbe(Buffer.concat(await Array.fromAsync(await objects.get(key))))
    await objects.deleteFolder(dirname(key))
    if (!isWhole) throw new Error('what was written is not what is read')
  } catch (error) {
    const foreign = error instanceof AppError ? error.cause : error
    throw new Error(`${folder} cannot be used: ${sayWhy(foreign)}`, { cause: error })
  }
}

const WHY: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there. Give it the folder: chown, or run as the user it belongs to.',
  EPERM: 'this user may not write there. Give it the folder: chown, or run as the user it belongs to.',
  EROFS: 'the file system is mounted read-only. Mount it for writing, or choose another folder.',
  ENOSPC: 'the disk is full. Make room there, or choose another folder.',
  EDQUOT: 'the quota of this user is used up. Raise it, or choose another folder.',
  ENOTDIR: 'a part of this path is a file. Choose another folder, or move the file away.',
  EEXIST: 'a part of this path is a file. Choose another folder, or move the file away.',
  EIO: 'the disk reports a fault. Look at the log of the system, and at the disk.',
  ESTALE: 'the network file system has lost it. Mount it again.',
}

function sayWhy(error: unknown): string {
  const said = error instanceof Error ? error.message : String(error)
  return WHY[String(codeOf(error))] ?? `${said}. Choose another folder, or mend this one.`
}

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

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw diskFault(error) ?? error
  }
}

async function found<T>(key: string, work: () => Promise<T>): Promise<T> {
  try {
    return await translated(work)
  } catch (error) {
    throw codeOf(error) === 'ENOENT' ? new ObjectNotFound(key, { cause: error }) : error
  }
}
