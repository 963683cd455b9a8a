import { AppError } from '../domain/errors.ts'
import { createConnector } from './connector.ts'
import { startDeadline } from './deadline.ts'
import { askOnce } from './exchange.ts'
import { FETCH_LIMITS, type FetchLimits, type FetchSettings } from './limits.ts'
import { isAllowed, notAllowed, parseSourceUrl } from './source-url.ts'

/** From the first look at the name to the end of the answer's headers. */
const TIMEOUT_MS = 15_000
const LIMITS: FetchLimits = { ...FETCH_LIMITS, headersMs: TIMEOUT_MS, totalMs: TIMEOUT_MS }

export interface PostRequest { readonly headers: Readonly<Record<string, string>>; readonly body: string; readonly signal: AbortSignal }

/**
 * One POST to an address that a stranger named, judged anew each time; a redirect is an answer like any other. Resolves with the status: nothing else of the answer is read.
 * Rejects with `invalid_url`, `url_not_allowed`, `source_unreachable`, `source_timeout`, `source_protocol_error`, `source_incomplete`, or the signal's reason.
 */
export type GuardedPost = (url: string, request: PostRequest) => Promise<{ readonly status: number }>

export function createGuardedPost(settings: Omit<FetchSettings, 'maxBytes'>): GuardedPost {
  const limits = { ...LIMITS, ...settings.limits }
  return async (url, { headers, body, signal }) => {
    const target = parseWebhookUrl(url, settings.allow)
    using connector = createConnector({ ...settings, maxBytes: 0 }, limits)
    using deadline = startDeadline(limits.totalMs, () => new AppError('source_timeout'), [signal])
    using answer = await askOnce(target, { connector, limits, method: 'POST', headers, body, signal: deadline.signal })
    return { status: answer.status }
  }
}

/** As for sources, and https only, but for the exempt `host:port` pairs. Throws `invalid_url` or `url_not_allowed`. */
export function parseWebhookUrl(text: string, allow: readonly string[]): URL {
  const url = parseSourceUrl(text, allow)
  if (url.protocol !== 'https:' && !isAllowed(url, allow)) throw notAllowed()
  return url
}
