import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ByteRange, Media } from '../characters/characters.ts'
import { AppError } from '../domain/errors.ts'

export interface MediaAnswer { readonly name: string; readonly cacheControl: string }

/** A stored file: whole or one range, with a strong ETag; a 304 or HEAD reads nothing. */
export async function sendMedia(media: Media, request: FastifyRequest, reply: FastifyReply, { name, cacheControl }: MediaAnswer): Promise<FastifyReply> {
  const etag = `"${media.sha256}"`
  const about = { etag, 'cache-control': cacheControl, 'accept-ranges': 'bytes', 'cross-origin-resource-policy': 'cross-origin' }
  if (isUnchanged(request.headers['if-none-match'], etag)) return reply.code(304).headers(about).send()

  const range = isRangeWanted(request, etag) ? readRange(request.headers.range ?? '', media.bytes) : null
  // Opened before the headers are set: a store that cannot be reached is an error, not a cut-off picture.
  const body = request.method === 'HEAD' ? null : Readable.from(await media.read(range ?? undefined), { objectMode: false })
  const { start, end } = range ?? { start: 0, end: media.bytes }
  return reply.code(range === null ? 200 : 206).removeHeader('content-security-policy').type(media.contentType).headers({
    ...about, 'content-length': String(end - start), 'content-disposition': `inline; filename="${name}"`,
    ...(range !== null && { 'content-range': `bytes ${start}-${end - 1}/${media.bytes}` }),
  }).send(body)
}

const isUnchanged = (header: string | undefined, etag: string): boolean =>
  header !== undefined && header.split(',').some((tag) => ['*', etag, `W/${etag}`].includes(tag.trim()))

// RFC 9110: a range is for GET, and void when the caller's version is another one.
const isRangeWanted = ({ method, headers }: FastifyRequest, etag: string): boolean => method === 'GET' && (headers['if-range'] ?? etag) === etag

/** One byte range; null for what is to be ignored (several ranges, other units). Throws `range_not_satisfiable`. */
function readRange(header: string, bytes: number): ByteRange | null {
  const [, first, last] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header.trim()) ?? []
  if (first === undefined || last === undefined || (first === '' && last === '')) return null
  if (first !== '' && last !== '' && Number(last) < Number(first)) return null
  const start = first === '' ? Math.max(0, bytes - Number(last)) : Number(first)
  const end = first === '' || last === '' ? bytes : Math.min(bytes, Number(last) + 1)
  if (start >= end) throw new AppError('range_not_satisfiable', { details: { bytes } })
  return { start, end }
}
