import { createHash } from 'node:crypto'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '../domain/errors.ts'
import { phrase } from '../domain/phrase.ts'
import type { App, ServerDeps } from './deps.ts'
import { isObject } from './json-body.ts'
import { refusals } from './schemas/error.ts'
import { StoredUpload } from './uploads.ts'
import { whileWaited } from './wait.ts'

const IDEMPOTENCY_KEY = 'idempotency-key'
const VISIBLE_ASCII = /^[\x21-\x7e]{1,255}$/
/** A larger answer is made again; what it tells of is not. */
const MOST_KEPT_BYTES = 1024 * 1024
/** Those that say something of the answer; the rest is of the request it goes to. */
const KEPT_HEADERS = ['content-type', 'location', 'etag', 'retry-after', 'preference-applied', 'openai-poll-after-ms'] as const

const REFUSALS = refusals('idempotency_key_reused', 'character_processing_timeout')

/** `Idempotency-Key` on every POST: the first answer again for the same fields. To be called before the routes are added, behind the hooks that read who calls. */
export function addIdempotency(app: App, deps: Pick<ServerDeps, 'idempotency' | 'settings'>): void {
  app.decorateRequest('idempotencyKey', null)
  app.decorateRequest('heldKey', null)
  app.addHook('onRoute', (route) => {
    if (route.method === 'POST') route.schema = { ...route.schema, response: { ...REFUSALS, ...(isObject(route.schema?.response) && route.schema.response) } }
  })
  app.addHook('onRequest', async (request) => {
    if (request.method === 'POST' && !request.is404) request.idempotencyKey = readKey(request)
  })
  app.addHook('preHandler', async (request, reply) => { await claim(request, reply, deps) })
  app.addHook('onSend', async (request, reply, payload) => { await settle(request, reply, payload) })
}

/** Null where none was sent. Throws `invalid_parameter`. */
function readKey({ headers }: FastifyRequest): string | null {
  const sent = headers[IDEMPOTENCY_KEY]
  if (sent === undefined) return null
  const key = String(sent)
  if (!VISIBLE_ASCII.test(key)) {
    throw new AppError('invalid_parameter', { param: 'Idempotency-Key', details: { reason: phrase('it is not 1 to 255 visible ASCII characters', '不是 1～255 个可见 ASCII 字符'), allowed: phrase('such as a UUID', '例如 UUID') } })
  }
  return key
}

/** Takes the key, once nobody else works under it, or answers with what was answered under it before. */
async function claim(request: FastifyRequest, reply: FastifyReply, { idempotency, settings }: Pick<ServerDeps, 'idempotency' | 'settings'>): Promise<void> {
  const { idempotencyKey: key, caller } = request
  if (key === null || caller === null) return
  const outcome = await idempotency.claim({ account: caller.account, key, fields: fieldsOf(request) }, { signal: whileWaited(reply.raw, settings.syncBudgetMs) })
  if (outcome.at === 'ours') {
    request.heldKey = outcome.held
    return
  }
  const { status, headers, body } = outcome.answer
  await reply.code(status).headers({ ...headers, 'idempotent-replayed': 'true' }).send(body)
}

/** What the request asks for, whatever way it was written: a form that is sent again has another boundary, and its files lie elsewhere. */
function fieldsOf({ routeOptions: { url, schema }, params, query, body }: FastifyRequest): string {
  const asked = { url, params, ...(schema?.querystring !== undefined && { query }), body }
  return createHash('sha256').update(JSON.stringify(asked, inOrder)).digest('hex')
}

const inOrder = (_name: string, value: unknown): unknown => {
  if (value instanceof StoredUpload) return { sha256: value.sha256 }
  return isObject(value) ? Object.fromEntries(Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))) : value
}

/** Before the answer leaves, so that whoever has heard it hears the same again. */
async function settle(request: FastifyRequest, reply: FastifyReply, payload: unknown): Promise<void> {
  const { heldKey } = request
  if (heldKey === null) return
  request.heldKey = null
  const { statusCode: status } = reply
  if (status >= 300) return await heldKey.release({ isRefused: status < 500 })
  if (typeof payload !== 'string' || Buffer.byteLength(payload) > MOST_KEPT_BYTES) return await heldKey.release({ isRefused: false })
  const headers = Object.fromEntries(KEPT_HEADERS.flatMap((name) => {
    const value = reply.getHeader(name)
    return value === undefined ? [] : [[name, String(value)]]
  }))
  await heldKey.keep({ status, headers, body: payload }, idIn(payload))
}

/** What object an answer tells of. */
function idIn(body: string): string | null {
  const answer: unknown = JSON.parse(body)
  return isObject(answer) && typeof answer.id === 'string' ? answer.id : null
}
