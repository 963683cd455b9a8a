import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { MultipartFile } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import { AppError } from '../domain/errors.ts'
import { nestFields } from './form-fields.ts'
import { MOST_JSON_BYTES, type JsonObject } from './json-body.ts'
import { phrase } from './phrase.ts'

/** Bytes a caller sent, in a private file. */
export class StoredUpload {
  readonly path: string
  readonly sha256: string

  constructor(path: string, sha256: string) {
    this.path = path
    this.sha256 = sha256
  }
}

const OWNER_ONLY = 0o600
const MOST_FIELDS = 64
const MOST_FIELD_NAME_BYTES = 200

export interface UploadPlace { readonly scratchFolder: string; readonly uploadMaxBytes: number }

/**
 * A form as the object its fields spell, its one file streamed to disk as `video`. The file is removed when the request
 * ends, unless a route takes it by {@link takeUpload}. Rejects with `request_too_large` or `invalid_parameter`.
 */
export async function readForm(request: FastifyRequest, { scratchFolder, uploadMaxBytes }: UploadPlace): Promise<JsonObject> {
  if (Number(request.headers['content-length'] ?? 0) > uploadMaxBytes + MOST_JSON_BYTES) throw tooLarge(uploadMaxBytes)
  return nestFields(await readParts(request, { scratchFolder, uploadMaxBytes }).catch(translate))
}

async function readParts(request: FastifyRequest, { scratchFolder, uploadMaxBytes }: UploadPlace): Promise<[string, unknown][]> {
  const fields: [string, unknown][] = []
  const limits = { files: 1, fields: MOST_FIELDS, parts: MOST_FIELDS + 1, fieldNameSize: MOST_FIELD_NAME_BYTES, fieldSize: MOST_JSON_BYTES, fileSize: uploadMaxBytes }
  for await (const part of request.parts({ limits })) {
    if (part.type === 'field') {
      if (part.valueTruncated) throw tooLarge(MOST_JSON_BYTES)
      fields.push([part.fieldname, part.value])
    } else {
      fields.push([part.fieldname, await storeFile(request, part, { scratchFolder, uploadMaxBytes })])
    }
  }
  return fields
}

// What the form parser says of a malformed form has neither class nor code.
function translate(error: unknown): never {
  const isMalformed = error instanceof Error && Object.getPrototypeOf(error) === Error.prototype && !('code' in error)
  throw isMalformed ? new AppError('invalid_parameter', { param: 'body', details: { reason: phrase('the form ends early or is not well formed', '表单不完整或格式错误') }, cause: error }) : error
}

async function storeFile(request: FastifyRequest, part: MultipartFile, { scratchFolder, uploadMaxBytes }: UploadPlace): Promise<StoredUpload> {
  if (part.fieldname !== 'video') {
    part.file.resume()
    throw new AppError('invalid_parameter', { param: part.fieldname, details: { reason: phrase('it cannot be a file', '不能是文件'), allowed: phrase('sent as video', 'video') } })
  }
  const upload = await store(request, part.file, scratchFolder)
  if (part.file.truncated) throw tooLarge(uploadMaxBytes)
  return upload
}

async function store(request: FastifyRequest, bytes: Readable, scratchFolder: string): Promise<StoredUpload> {
  const path = join(scratchFolder, `upload-${crypto.randomUUID()}`)
  request.discardUpload = () => rm(path, { force: true })
  const hash = createHash('sha256')
  const hashing = new Transform({ transform: (chunk: Uint8Array, _, done) => { hash.update(chunk); done(null, chunk) } })
  await pipeline(bytes, hashing, createWriteStream(path, { flags: 'wx', mode: OWNER_ONLY }))
  return new StoredUpload(path, hash.digest('hex'))
}

const DATA_URI = /^data:[^,;]{0,200}(?:;[^,;]{0,200}){0,5};base64,([A-Za-z0-9+/_=\s-]*)$/

/** The bytes of a `data:` URI in a file, as an upload is. Throws `invalid_parameter`. */
export async function storeDataUri(request: FastifyRequest, uri: string, scratchFolder: string): Promise<StoredUpload> {
  const base64 = DATA_URI.exec(uri)?.[1]
  if (base64 === undefined || base64 === '') {
    throw new AppError('invalid_parameter', { param: 'data', details: { reason: phrase('it is not a base64 data URI', '不是 base64 data URI'), allowed: phrase('such as data:video/mp4;base64,AAAA…', '例如 data:video/mp4;base64,AAAA…') } })
  }
  const bytes = Buffer.from(base64, 'base64')
  const path = join(scratchFolder, `upload-${crypto.randomUUID()}`)
  request.discardUpload = () => rm(path, { force: true })
  await writeFile(path, bytes, { flag: 'wx', mode: OWNER_ONLY })
  return new StoredUpload(path, createHash('sha256').update(bytes).digest('hex'))
}

/** The request no longer owns its file: whoever calls this removes it or hands it over. */
export function takeUpload(request: FastifyRequest): () => Promise<void> {
  const { discardUpload } = request
  request.discardUpload = null
  return discardUpload ?? (async () => {})
}

const tooLarge = (maxBytes: number): AppError => new AppError('request_too_large', { details: { max_bytes: maxBytes } })
