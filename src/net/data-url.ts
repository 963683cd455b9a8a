import { AppError } from '../domain/errors.ts'

const HEAD = /^data:(?:video\/[\w.+-]+|image\/(?:gif|webp))(?:;[\w-]+=[^;,]*)*;base64,/i
const MOST_HEAD = 256
const NOT_BASE64 = /[^\w+/-]/

/**
 * The bytes of a `data:video/…;base64,…` address (or of an animated GIF or WebP).
 * Throws `invalid_parameter` for anything else, `request_too_large` before decoding.
 */
export function decodeDataUrl(text: unknown, { maxBytes }: { maxBytes: number }): Uint8Array {
  if (typeof text !== 'string') throw invalid('it is not a string')
  const head = HEAD.exec(text.slice(0, MOST_HEAD))
  if (head === null) throw invalid('it is not a data: URL of a video in base64')
  const encoded = text.slice(head[0].length).replace(/={1,2}$/, '')
  const length = Math.floor((encoded.length * 3) / 4)
  if (length > maxBytes) throw new AppError('request_too_large', { param: 'data', details: { max_bytes: maxBytes } })
  if (length === 0) throw invalid('it is empty')
  // The decoder itself skips or bends what is not base64.
  if (encoded.length % 4 === 1 || NOT_BASE64.test(encoded)) throw invalid('its base64 is broken')
  return Buffer.from(encoded, 'base64')
}

const invalid = (reason: string): AppError => new AppError('invalid_parameter', { param: 'data', details: { reason, allowed: 'data:video/mp4;base64,…' } })
