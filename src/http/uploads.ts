import { createHash } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Transform, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { MultipartFile } from '@fastify/multipart'
import type { FastifyRequest } from 'fastify'
import { AppError } from '../domain/errors.ts'
import { headOf, nestFields } from './form-fields.ts'
import { MOST_JSON_BYTES, type JsonObject } from './json-body.ts'
import { phrase } from '../domain/phrase.ts'

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
const MiB = 1024 * 1024
const MOST_FIELDS = 128
const MOST_FIELD_NAME_BYTES = 200

export const MOST_PICTURES = 8
export const MOST_PICTURE_BYTES = 20 * MiB
/** A body with one picture of the largest size as a data URI in it. */
export const MOST_BYTES_WITH_PICTURE = 28 * MiB

/** The fields of a form that may be files, by what a route makes of them; the texts beside them are as large as JSON may be there. */
const FORM_FILES = {
  none: { fields: [], most: 0, maxBytes: 0, maxTextBytes: MOST_JSON_BYTES },
  video: { fields: ['video'], most: 1, maxBytes: Infinity, maxTextBytes: MOST_JSON_BYTES },
  archive: { fields: ['file'], most: 1, maxBytes: Infinity, maxTextBytes: MOST_JSON_BYTES },
  pictures: { fields: ['input_reference', 'images'], most: MOST_PICTURES + 1, maxBytes: MOST_PICTURE_BYTES, maxTextBytes: MOST_BYTES_WITH_PICTURE },
} as const
export type FormFiles = keyof typeof FORM_FILES

export interface UploadPlace { readonly files: FormFiles; readonly scratchFolder: string; readonly uploadMaxBytes: number }

interface FormBounds { readonly fields: readonly string[]; readonly most: number; readonly maxBytes: number; readonly maxTextBytes: number; readonly scratchFolder: string }

/**
 * A form as the object its fields spell, its files streamed to disk. They are removed when the request ends, unless a
 * route takes them by {@link takeUpload}. Rejects with `request_too_large` or `invalid_parameter`.
 */
export async function readForm(request: FastifyRequest, { files, scratchFolder, uploadMaxBytes }: UploadPlace): Promise<JsonObject> {
  const bounds = { ...FORM_FILES[files], maxBytes: Math.min(uploadMaxBytes, FORM_FILES[files].maxBytes), scratchFolder }
  if (Number(request.headers['content-length'] ?? 0) > bounds.most * bounds.maxBytes + bounds.maxTextBytes) throw tooLarge(bounds.most > 0 ? bounds.maxBytes : bounds.maxTextBytes)
  return nestFields(await readParts(request, bounds).catch(translate))
}

async function readParts(request: FastifyRequest, bounds: FormBounds): Promise<[string, unknown][]> {
  const { most, maxBytes, maxTextBytes } = bounds
  const fields: [string, unknown][] = []
  let textBytes = 0
  // At least one file, so that one where none may be is told by its name.
  const limits = { files: Math.max(1, most), fields: MOST_FIELDS, parts: MOST_FIELDS + most, fieldNameSize: MOST_FIELD_NAME_BYTES, fieldSize: maxTextBytes, fileSize: maxBytes }
  for await (const part of request.parts({ limits })) {
    if (part.type === 'field') textBytes += String(part.value).length
    if (textBytes > maxTextBytes || (part.type === 'field' && part.valueTruncated)) throw tooLarge(maxTextBytes)
    if (part.type === 'file') checkFile(part, fields, bounds)
    fields.push([part.fieldname, part.type === 'field' ? part.value : await storeFile(request, part, bounds)])
  }
  return fields
}

// What the form parser says of a malformed form has neither class nor code.
function translate(error: unknown): never {
  const isMalformed = error instanceof Error && Object.getPrototypeOf(error) === Error.prototype && !('code' in error)
  throw isMalformed ? new AppError('invalid_parameter', { param: 'body', details: { reason: phrase('the form ends early or is not well formed', '表单不完整或格式错误') }, cause: error }) : error
}

/** Throws `invalid_parameter` for a file where none may be, or a second one of the same name. */
function checkFile({ fieldname, file }: MultipartFile, earlier: readonly (readonly [string, unknown])[], { fields: allowed }: FormBounds): void {
  const isTwice = !fieldname.endsWith('[]') && earlier.some(([name]) => name === fieldname)
  if (allowed.includes(headOf(fieldname)) && !isTwice) return
  file.resume()
  const details = isTwice
    ? { reason: phrase('it is there twice', '重复出现'), allowed: phrase('sent once', '只出现一次') }
    : { reason: phrase('it cannot be a file', '不能是文件'), allowed: allowed.length > 0 ? phrase(`sent as ${allowed.join(' or ')}`, allowed.join('、')) : phrase('the id of a finished video', '已完成视频的 id') }
  throw new AppError('invalid_parameter', { param: fieldname, details })
}

async function storeFile(request: FastifyRequest, { file }: MultipartFile, { maxBytes, scratchFolder }: FormBounds): Promise<StoredUpload> {
  const upload = await store(request, file, scratchFolder)
  if (file.truncated) throw tooLarge(maxBytes)
  return upload
}

async function store(request: FastifyRequest, bytes: Readable, scratchFolder: string): Promise<StoredUpload> {
  const path = newPath(request, scratchFolder)
  const hash = createHash('sha256')
  const hashing = new Transform({ transform: (chunk: Uint8Array, _, done) => { hash.update(chunk); done(null, chunk) } })
  await pipeline(bytes, hashing, createWriteStream(path, { flags: 'wx', mode: OWNER_ONLY }))
  return new StoredUpload(path, hash.digest('hex'))
}

function newPath(request: FastifyRequest, scratchFolder: string): string {
  const path = join(scratchFolder, `upload-${crypto.randomUUID()}`)
  request.uploads.add(path)
  return path
}

const DATA_URI = /^data:[^,;]{0,200}(?:;[^,;]{0,200}){0,5};base64,([A-Za-z0-9+/_=\s-]*)$/i

/** The bytes of a `data:` URI in a file, as an upload is. Throws `invalid_parameter`, `request_too_large`. */
export async function storeDataUri(request: FastifyRequest, uri: string, scratchFolder: string, { param, example, maxBytes } = DATA): Promise<StoredUpload> {
  const base64 = DATA_URI.exec(uri)?.[1]
  if (base64 === undefined || base64 === '') {
    throw new AppError('invalid_parameter', { param, details: { reason: phrase('it is not a base64 data URI', '不是 base64 data URI'), allowed: phrase(`such as ${example}`, `例如 ${example}`) } })
  }
  const bytes = Buffer.from(base64, 'base64')
  if (bytes.length > maxBytes) throw tooLarge(maxBytes)
  const path = newPath(request, scratchFolder)
  await writeFile(path, bytes, { flag: 'wx', mode: OWNER_ONLY })
  return new StoredUpload(path, createHash('sha256').update(bytes).digest('hex'))
}

const DATA = { param: 'data', example: 'data:video/mp4;base64,AAAA…', maxBytes: MOST_JSON_BYTES }

/** The request no longer owns its files: whoever calls this removes them or hands them over. */
export function takeUpload(request: FastifyRequest): () => Promise<void> {
  const { uploads } = request
  request.uploads = new Set()
  return () => remove(uploads)
}

export const discardUploads = ({ uploads }: FastifyRequest): Promise<void> => remove(uploads)

async function remove(paths: Iterable<string>): Promise<void> {
  await Promise.all(Array.from(paths, (path) => rm(path, { force: true })))
}

const tooLarge = (maxBytes: number): AppError => new AppError('request_too_large', { details: { max_bytes: maxBytes } })
