import type { ErrorCode } from '../domain/error-table.ts'
import { AppError } from '../domain/errors.ts'
import { phrase, type Phrase } from '../domain/phrase.ts'
import { openGuardedDownload, type GuardedDownload } from '../net/guarded-download.ts'
import { invalidOutput, tooLarge } from '../net/service-call.ts'

/** Links to finished videos live for hours, and die with one of these. */
const EXPIRED: ReadonlySet<number> = new Set([403, 404, 410])
const REASONS: Partial<Readonly<Record<ErrorCode, Phrase>>> = {
  invalid_url: phrase('its address is none', '返回的地址无效'),
  url_not_allowed: phrase('its address is not a public one', '返回的不是公网地址'),
  source_redirect: phrase('its address redirects to nowhere', '返回的地址跳转不到任何内容'),
  source_protocol_error: phrase('its host does not speak HTTP', '视频所在的主机响应不符合 HTTP 规范'),
}
const PASSING: ReadonlySet<ErrorCode> = new Set(['source_unreachable', 'source_timeout', 'source_incomplete'])

/**
 * The finished video at the address that a vendor's answer named, fetched without any key. Opening and reading reject with `output_invalid`, `output_expired` when it is gone,
 * `backend_unavailable` for what may pass, or the signal's reason.
 */
export async function openVendorFile(url: string, download: GuardedDownload): Promise<AsyncIterable<Uint8Array>> {
  return translated(await openGuardedDownload(url, download).catch((error: unknown) => { throw translate(error) }))
}

async function *translated(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes
  } catch (error) {
    throw translate(error)
  }
}

function translate(error: unknown): unknown {
  if (!(error instanceof AppError)) return error
  const { code, details } = error
  if (code === 'source_http_error') return refusedWith(Number(details.status))
  if (code === 'source_too_large') return invalidOutput(tooLarge(Number(details.max_bytes)), error)
  if (PASSING.has(code)) return new AppError('backend_unavailable', { cause: error })
  const reason = REASONS[code]
  return reason === undefined ? error : invalidOutput(reason, error)
}

function refusedWith(status: number): AppError {
  if (EXPIRED.has(status)) return new AppError('output_expired')
  return status === 429 || status >= 500 ? new AppError('backend_unavailable', { details: { status } }) : invalidOutput(phrase(`its host answered ${status}`, `视频所在的主机返回 ${status}`))
}
