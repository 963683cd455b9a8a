import { AppError } from '../../domain/errors.ts'
import { phrase } from '../../domain/phrase.ts'
import type { BackendRequest } from '../backend.ts'

/** One file that has to leave. */
export interface Sent { readonly called: string; readonly base64: string }

/** In the order that they are spoken of. */
export function filesToSend({ references, firstFrame }: Pick<BackendRequest, 'references' | 'firstFrame'>): readonly Sent[] {
  const first = firstFrame === null ? [] : [{ called: 'the first frame', base64: base64Of(firstFrame.bytes) }]
  return [...first, ...references.map(({ kind, n, bytes }) => ({ called: `${kind} ${n}`, base64: base64Of(bytes) }))]
}

const base64Of = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

/**
 * Throws `backend_rejected` that names the files which `body` does not hold: some packages drop what they do not know, and say nothing.
 * A file that was given twice has to be there twice.
 */
export function assertAllSent(body: string, files: readonly Sent[]): void {
  const missing = files.filter(({ base64 }, at) => timesIn(body, base64) <= files.slice(0, at).filter((earlier) => earlier.base64 === base64).length)
  if (missing.length === 0) return
  const names = missing.map(({ called }) => called)
  const said = phrase(`its package would have sent the request without ${names.join(', ')}`, `其软件包发出的请求会缺少 ${names.join('、')}`)
  throw new AppError('backend_rejected', { details: { said, missing: names } })
}

function timesIn(body: string, part: string): number {
  let times = 0
  for (let at = body.indexOf(part); at >= 0; at = body.indexOf(part, at + part.length)) times++
  return times
}
