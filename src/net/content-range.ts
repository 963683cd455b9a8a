import { createHash } from 'node:crypto'
import { AppError } from '../domain/errors.ts'
import type { ByteRun } from '../runtime/byte-source.ts'
import type { Answer } from './guarded-request.ts'

/** `[start, end)`. */
export interface Range { readonly start: number; readonly end: number }

export interface Received { readonly block: ByteRun; readonly sha256: string }

type Head = Pick<Answer, 'status' | 'headers'>

/** `bytes 0-99/1000` as `[0, 100)` of 1000; a 416 names the total alone. What is not said, or not understood, is null. */
export function readContentRange({ headers }: Head): { readonly range: Range | null; readonly total: number | null } {
  const match = /^bytes (?:(\d{1,15})-(\d{1,15})|\*)\/(?:(\d{1,15})|\*)$/.exec(headers['content-range'] ?? '')
  const [, first, last, total] = match ?? []
  const range = first === undefined ? null : { start: Number(first), end: Number(last) + 1 }
  return { range, total: total === undefined ? null : Number(total) }
}

/** Whether this is a 206 of exactly these bytes. */
export function isHolding(answer: Head, { start, end }: Range): boolean {
  const { range } = readContentRange(answer)
  return answer.status === 206 && range !== null && range.start === start && range.end === end
}

export const contentLength = ({ headers }: Head): number | null => (headers['content-length'] === undefined ? null : Number(headers['content-length']))

/**
 * The body of a 206 that says it holds `[start, end)`: exactly so many bytes, and their digest.
 * Rejects with `source_protocol_error`, `source_incomplete`, or as the body does.
 */
export async function receive({ body }: Answer, { start, end }: Range): Promise<Received> {
  const bytes = new Uint8Array(end - start)
  const digest = createHash('sha256')
  let filled = 0
  for await (const chunk of body) {
    if (filled + chunk.length > bytes.length) throw new AppError('source_protocol_error')
    bytes.set(chunk, filled)
    digest.update(chunk) // as they come: many at once would hold up everybody else
    filled += chunk.length
  }
  if (filled < bytes.length) throw new AppError('source_incomplete')
  return { block: { start, bytes }, sha256: digest.digest('hex') }
}
