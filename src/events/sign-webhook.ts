import { createHmac, randomBytes } from 'node:crypto'

const PREFIX = 'whsec_'

export const newSecret = (): string => `${PREFIX}${randomBytes(32).toString('base64')}`

interface Message { readonly id: string; readonly body: string; readonly atMs: number; /** One signature for each. */ readonly secrets: readonly string[] }

/** The headers of Standard Webhooks 1.0. */
export function signedHeaders({ id, body, atMs, secrets }: Message): Readonly<Record<string, string>> {
  const timestamp = String(Math.floor(atMs / 1000))
  const signatures = secrets.map((secret) => `v1,${createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest('base64')}`)
  return { 'content-type': 'application/json', 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') }
}

const keyOf = (secret: string): Buffer => Buffer.from(secret.slice(PREFIX.length), 'base64')
