import { createReadStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { S3mini, type UploadPart } from 's3mini'
import { AppError } from '../domain/errors.ts'
import type { Log } from '../runtime/log.ts'
import { abortable } from './abortable.ts'
import { checkKey } from './object-key.ts'
import { ObjectNotFound, type ByteRange, type ObjectStore } from './object-store.ts'
import { checkS3 } from './s3-check.ts'
import type { S3Place } from './s3-place.ts'
import { createS3Wire, S3_LIMITS, S3Fault, type S3Limits } from './s3-wire.ts'

export { parseS3Url, type S3Place } from './s3-place.ts'

/** What is sent in one request, and held in memory for it; the least that S3 takes as a part is 5 MiB. */
const PART_BYTES = 8 * 1024 * 1024
const READ_BYTES = 1024 * 1024
const RETRY_AFTER_SECONDS = 30

export interface S3ObjectsOptions {
  readonly log: Log
  /** Names that `listFolders` asks for at a time, and objects that `deleteFolder` deletes at a time; S3 gives 1000 at most. */
  readonly pageSize?: number
  readonly limits?: S3Limits
}

/** Objects in a bucket of an S3 server. Sends nothing before it is used: {@link ObjectStore.check} says whether it can be. */
export function openS3Objects(place: S3Place, { log, pageSize = 1000, limits = S3_LIMITS }: S3ObjectsOptions): ObjectStore {
  const clientFor = createClients(place, limits)
  const ask = createAsking(clientFor, log)
  const nameOf = (key: string): string => place.prefix + checkKey(key)
  const upload = createUpload(ask, log)
  return {
    put: (key, bytes, { signal } = {}) => upload(nameOf(key), bytes, signal),
    putFile: async (key, path, { signal } = {}) => {
      await upload(nameOf(key), createReadStream(path, { highWaterMark: READ_BYTES }), signal)
      await rm(path)
    },
    get: (key, range, { signal } = {}) => read(ask, { name: nameOf(key), key, range, signal }),
    deleteFolder: async (key) => {
      let deleted = 0
      for await (const names of pages(ask, { prefix: `${nameOf(key)}/`, pageSize, query: {} })) {
        const gone = await ask.for({}, (client) => client.deleteObjects([...names]))
        const kept = gone.filter((isGone) => !isGone).length
        if (kept > 0) throw ask.refused({ reason: 'DeleteRefused', kept })
        deleted += names.length
      }
      return deleted
    },
    listFolders: async function *() {
      for await (const names of pages(ask, { prefix: place.prefix, pageSize, query: { delimiter: '/' } })) {
        yield names.filter((name) => name.endsWith('/')).map((name) => name.slice(place.prefix.length, -1))
      }
    },
    check: () => checkS3(place, clientFor(undefined)),
  }
}

/** s3mini takes no signal: each call has a client of its own, on the connections of all. */
function createClients({ endpoint, region, accessKeyId, secretAccessKey }: S3Place, limits: S3Limits): (signal: AbortSignal | undefined) => S3mini {
  const wire = createS3Wire(limits)
  return (signal) => new S3mini({ endpoint, region, accessKeyId, secretAccessKey, fetch: wire.fetch(signal) })
}

interface Asked { readonly signal?: AbortSignal; readonly key?: string; readonly range?: ByteRange }

interface Asking {
  /** Rejects with an AppError, {@link ObjectNotFound}, a RangeError, or the reason of the signal. */
  for<T>(asked: Asked, work: (client: S3mini) => Promise<T>): Promise<T>
  /** What is wrong with bytes that are on their way. */
  translate(error: unknown, asked: Asked): unknown
  refused(facts: Readonly<Record<string, unknown>>): AppError
}

const FULL: ReadonlySet<string> = new Set(['EntityTooLarge', 'QuotaExceeded', 'StorageFull', 'XMinioStorageFull', 'XMinioAdminBucketQuotaExceeded'])

function createAsking(clientFor: (signal: AbortSignal | undefined) => S3mini, log: Log): Asking {
  const refused = (facts: Readonly<Record<string, unknown>>, cause?: unknown): AppError => {
    // No request is larger than a part, so that a server which calls one too large has run into a quota.
    const isFull = facts.status === 507 || FULL.has(String(facts.reason))
    log.warn(isFull ? 'objects.full' : 'objects.unavailable', facts)
    return new AppError(isFull ? 'storage_full' : 'storage_unavailable', { details: { retryAfterSeconds: RETRY_AFTER_SECONDS }, cause })
  }
  const translate = (error: unknown, { signal, key = '', range }: Asked): unknown => {
    if (signal?.aborted) return signal.reason
    if (error instanceof AppError) return error
    if (!(error instanceof S3Fault)) return refused({ reason: 'AnswerNotUnderstood', error }, error)
    if (error.status === 404 && error.reason === 'NoSuchKey') return new ObjectNotFound(key, { cause: error })
    if (error.status === 416 && range) return outside(key, range)
    return refused({ status: error.status, reason: error.reason }, error)
  }
  return {
    for: async (asked, work) => {
      try {
        return await work(clientFor(asked.signal))
      } catch (error) {
        throw translate(error, asked)
      }
    },
    translate,
    refused,
  }
}

type Upload = (name: string, bytes: Uint8Array | AsyncIterable<Uint8Array>, signal: AbortSignal | undefined) => Promise<void>

/** s3mini has an upload of streams of its own, which holds five parts, and ends the process when one fails while the next is awaited. */
function createUpload(ask: Asking, log: Log): Upload {
  const abandon = async (name: string, id: string): Promise<void> => {
    // What it leaves costs room, and can be read by nobody.
    await ask.for({}, (client) => client.abortMultipartUpload(name, id)).catch((error) => log.warn('objects.upload_left', { error }))
  }
  const complete = async (name: string, id: string, parts: UploadPart[], signal: AbortSignal | undefined): Promise<void> => {
    const { etag } = await ask.for({ signal }, (client) => client.completeMultipartUpload(name, id, parts))
    if (typeof etag !== 'string') throw ask.refused({ reason: 'UploadNotCompleted' })
  }
  return async (name, bytes, signal) => {
    const parts: UploadPart[] = []
    let id: string | null = null
    try {
      for await (const { part, isLast } of partsOf(abortable(bytes, signal))) {
        if (isLast && id === null) {
          await ask.for({ signal }, (client) => client.putObject(name, part))
          return
        }
        const upload: string = id ??= await ask.for({ signal }, (client) => client.getMultipartUploadId(name))
        parts.push(await ask.for({ signal }, (client) => client.uploadPart(name, upload, part, parts.length + 1)))
      }
      if (id !== null) await complete(name, id, parts, signal)
    } catch (error) {
      if (id !== null) await abandon(name, id)
      throw error
    }
  }
}

async function* partsOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<{ readonly part: Uint8Array<ArrayBuffer>; readonly isLast: boolean }, void> {
  let held: Uint8Array[] = []
  let size = 0
  const take = (): Uint8Array<ArrayBuffer> => {
    const part = Buffer.concat(held)
    held = []
    size = 0
    return part
  }
  for await (const chunk of bytes) {
    for (let at = 0; at < chunk.length;) {
      if (size === PART_BYTES) yield { part: take(), isLast: false }
      const piece = chunk.subarray(at, at + PART_BYTES - size)
      held.push(piece)
      size += piece.length
      at += piece.length
    }
  }
  yield { part: take(), isLast: true }
}

interface Reading { readonly name: string; readonly key: string; readonly range: ByteRange | undefined; readonly signal: AbortSignal | undefined }

async function read(ask: Asking, { name, key, range, signal }: Reading): Promise<AsyncIterable<Uint8Array>> {
  if (range && (range.start < 0 || range.start > range.end)) throw outside(key, range)
  const isPart = range !== undefined && range.start < range.end
  const answer = await ask.for({ signal, key, range }, (client) => client.getObjectRaw(name, !isPart, range?.start, range?.end))
  if (isPart && answer.status === 206 && range.end <= sizeIn(answer) || range === undefined) return heard(answer.body, (error) => ask.translate(error, { signal, key }))
  await answer.body?.cancel()
  if (isPart && answer.status !== 206) throw ask.refused({ status: answer.status, reason: 'RangeIgnored' })
  if (range.end > sizeIn(answer)) throw outside(key, range)
  return none()
}

/** Of the whole object, whichever part of it the answer has. */
const sizeIn = ({ headers }: Response): number => Number(/\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1] ?? headers.get('content-length'))

const outside = (key: string, { start, end }: ByteRange): RangeError => new RangeError(`${start}-${end} is not within ${key}`)

async function* none(): AsyncGenerator<Uint8Array, void> {}

async function* heard(bytes: AsyncIterable<Uint8Array> | null, translate: (error: unknown) => unknown): AsyncGenerator<Uint8Array, void> {
  try {
    if (bytes) yield* bytes
  } catch (error) {
    throw translate(error)
  }
}

interface Listing { readonly prefix: string; readonly pageSize: number; readonly query: Record<string, unknown> }

async function* pages(ask: Asking, { prefix, pageSize, query }: Listing): AsyncGenerator<readonly string[], void> {
  let token: string | undefined
  do {
    const page = await ask.for({}, (client) => client.listObjectsPaged('/', prefix, pageSize, token, query))
    const names = (page?.objects ?? []).map(({ Key }) => Key)
    if (names.length > 0) yield names
    if (token !== undefined && page?.nextContinuationToken === token) throw ask.refused({ reason: 'ListNotMoving' })
    token = page?.nextContinuationToken
  } while (token !== undefined)
}
