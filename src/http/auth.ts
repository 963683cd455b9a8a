import type { IncomingMessage } from 'node:http'
import { AppError } from '../domain/errors.ts'

export const SCOPES = ['characters:read', 'characters:write', 'videos:read', 'videos:write', 'webhooks'] as const
export type Scope = (typeof SCOPES)[number]

/** Who calls: one account, and what its key may do. */
export interface Caller { readonly account: string; readonly scopes: readonly string[] }

/** null: no such key. */
export type Authenticate = (key: string) => Caller | null | Promise<Caller | null>

const MOST_KEY_BYTES = 512
const VISIBLE_ASCII = /^[\x21-\x7e]+$/
/** What documents and scripts leave where the key should be. */
const PLACEHOLDER = /^(?:\{\{.*\}\}|<.*>|\$\{?\w*\}?|your[-_ ]?(?:api[-_ ]?)?(?:key|token)|undefined|null|none)$/i

/**
 * The key of a request: `Authorization: Bearer K`, `Authorization: K` or `x-api-key: K`.
 * Throws `missing_api_key` when there is none, `invalid_api_key` when it cannot be one.
 */
export function readKey({ headersDistinct }: Pick<IncomingMessage, 'headersDistinct'>): string {
  const bearers = (headersDistinct.authorization ?? []).map((value) => value.trim().replace(/^bearer(?:\s+|$)/i, ''))
  const keys = new Set([...bearers, ...(headersDistinct['x-api-key'] ?? []).map((value) => value.trim())])
  keys.delete('')
  const [key] = keys
  if (key === undefined) throw new AppError('missing_api_key')
  if (keys.size > 1 || key.length > MOST_KEY_BYTES || !VISIBLE_ASCII.test(key)) throw unknownKey(key)
  return key
}

/** Throws what {@link readKey} throws, or `invalid_api_key` for a key that nobody has. */
export async function identify(request: IncomingMessage, authenticate: Authenticate): Promise<Caller> {
  const key = readKey(request)
  const caller = await authenticate(key)
  if (caller === null) throw unknownKey(key)
  return caller
}

export function requireScope({ scopes }: Caller, needed: Scope): void {
  if (!scopes.includes(needed)) throw new AppError('insufficient_scope', { details: { needed } })
}

const unknownKey = (key: string): AppError => new AppError('invalid_api_key', { details: { reason: PLACEHOLDER.test(key) ? 'placeholder' : 'unknown' } })
