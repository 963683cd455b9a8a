import type { EndpointRow } from '../db/webhook-rows.ts'
import type { ErrorCode } from '../domain/error-table.ts'
import { AppError } from '../domain/errors.ts'
import type { GuardedPost } from '../net/guarded-post.ts'
import type { Attempt, AttemptError } from './events.ts'
import { signedHeaders } from './sign-webhook.ts'

interface AttemptOptions { readonly post: GuardedPost; readonly clock: () => number; readonly signal: AbortSignal }

const ERRORS: Partial<Record<ErrorCode, AttemptError>> = { url_not_allowed: 'url_not_allowed', invalid_url: 'url_not_allowed', source_unreachable: 'unreachable', source_timeout: 'timeout' }

/** Sends a body as it is. Rejects with the signal's reason alone. */
export async function attemptDelivery(endpoint: EndpointRow, { id, body }: { readonly id: string; readonly body: string }, { post, clock, signal }: AttemptOptions): Promise<Attempt> {
  const headers = signedHeaders({ id, body, atMs: clock(), secrets: secretsOf(endpoint, clock()) })
  try {
    const { status } = await post(endpoint.url, { headers, body, signal })
    return { status, error: null }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof AppError)) throw error
    return { status: null, error: ERRORS[error.code] ?? 'protocol_error' }
  }
}

const secretsOf = ({ secret, old_secret, old_secret_until }: EndpointRow, nowMs: number): readonly string[] =>
  (old_secret !== null && old_secret_until !== null && nowMs < old_secret_until ? [secret, old_secret] : [secret])
