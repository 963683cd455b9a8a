import { AppError } from '../domain/errors.ts'
import { askOnce, type Answer, type Asking } from './exchange.ts'
import { MOST_REDIRECTS } from './limits.ts'
import { parseSourceUrl } from './source-url.ts'

export type { Answer }

/** `headers`: `Range`, `If-Range`. */
export interface GuardedGet extends Omit<Asking, 'method' | 'body'> {
  readonly allow: readonly string[]
}

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const ANSWERS: ReadonlySet<number> = new Set([200, 206, 416])

/**
 * One GET of a stranger's `url`, each redirect judged like the first address; answers with 200, 206 or 416. Rejects with `url_not_allowed` or `source_*`;
 * nothing the server wrote is part of an error but its status.
 */
export async function guardedGet(url: URL, options: GuardedGet): Promise<Answer> {
  let target = url
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    const answer = await askOnce(target, { ...options, method: 'GET', body: null })
    if (!REDIRECTS.has(answer.status)) return accepted(answer)
    answer[Symbol.dispose]()
    target = redirectTarget(answer, options.allow)
  }
  throw new AppError('source_redirect')
}

function accepted(answer: Answer): Answer {
  const encoding = answer.headers['content-encoding'] || 'identity'
  const isStatusKnown = ANSWERS.has(answer.status)
  if (isStatusKnown && encoding === 'identity') return answer
  answer[Symbol.dispose]()
  throw isStatusKnown ? new AppError('source_protocol_error') : new AppError('source_http_error', { details: { status: answer.status } })
}

function redirectTarget({ url, headers }: Answer, allow: readonly string[]): URL {
  if (!headers.location) throw new AppError('source_redirect')
  // Servers send UTF-8 where the standard wants percent signs; Node reads header bytes as Latin-1.
  const target = URL.parse(Buffer.from(headers.location, 'latin1').toString('utf8'), url)
  if (target === null) throw new AppError('source_redirect')
  try {
    return parseSourceUrl(target.href, allow)
  } catch (error) {
    // What would be the caller's mistake is the server's here.
    throw error instanceof AppError && error.code === 'invalid_url' ? new AppError('source_redirect') : error
  }
}
