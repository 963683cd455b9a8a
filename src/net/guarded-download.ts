import { AppError } from '../domain/errors.ts'
import { createConnector } from './connector.ts'
import { startDeadline } from './deadline.ts'
import { guardedGet, type Answer } from './guarded-request.ts'
import { FETCH_LIMITS, type FetchLimits, type FetchSettings } from './limits.ts'
import { parseSourceUrl } from './source-url.ts'

/** Finished videos are larger than what is read of a source, and come from busy stores. */
const LIMITS: FetchLimits = { ...FETCH_LIMITS, headersMs: 20_000, totalMs: 600_000 }

export interface GuardedDownload {
  /** Its `maxBytes` is about sources, and not used. */
  readonly settings: FetchSettings
  readonly maxBytes: number
  readonly signal: AbortSignal
}

/**
 * The bytes at an address that somebody else's answer named: each hop is judged like a source, and no key is sent. To be read once; the connection is held until it was,
 * or until the signal. Opening and reading reject with `invalid_url`, `url_not_allowed`, `source_*` (`source_too_large` beyond `maxBytes`), or the signal's reason.
 */
export async function openGuardedDownload(url: string, { settings, maxBytes, signal }: GuardedDownload): Promise<AsyncIterable<Uint8Array>> {
  const target = parseSourceUrl(url, settings.allow)
  const limits = { ...LIMITS, ...settings.limits }
  using opening = new DisposableStack()
  const connector = opening.use(createConnector(settings, limits))
  const deadline = opening.use(startDeadline(limits.totalMs, () => new AppError('source_timeout'), [signal]))
  const answer = opening.use(await guardedGet(target, { connector, allow: settings.allow, limits, headers: {}, signal: deadline.signal }))
  assertFits(answer, maxBytes)
  return bytesOf(answer, { held: opening.move(), maxBytes })
}

function assertFits({ status, headers }: Answer, maxBytes: number): void {
  if (status !== 200) throw new AppError('source_protocol_error') // parts were not asked for
  if (Number(headers['content-length'] ?? 0) > maxBytes) throw tooLarge(maxBytes)
}

async function *bytesOf({ body }: Answer, { held, maxBytes }: { held: DisposableStack; maxBytes: number }): AsyncGenerator<Uint8Array> {
  let bytes = 0
  try {
    for await (const chunk of body) {
      bytes += chunk.length
      if (bytes > maxBytes) throw tooLarge(maxBytes)
      yield chunk
    }
  } finally {
    held[Symbol.dispose]()
  }
}

const tooLarge = (maxBytes: number): AppError => new AppError('source_too_large', { details: { max_bytes: maxBytes } })
