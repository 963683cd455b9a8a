import type { FastifyRequest } from 'fastify'
import { AppError } from '../domain/errors.ts'
import { identify, requireScope, SCOPES, type Caller, type Scope } from './auth.ts'
import type { App, ServerDeps } from './deps.ts'
import { parseJsonObject } from './json-body.ts'
import { phrase } from '../domain/phrase.ts'
import { typedForm } from './typed-form.ts'
import { discardUploads, readForm } from './uploads.ts'

const OPEN_CALLER: Caller = { account: 'local', scopes: SCOPES }

/** On every answer; pages and media set their own where these are too strict. */
const HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
} as const

/** An id and the headers of every answer; to be called first. */
export function addAnswerHeaders(app: App): void {
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({ 'x-request-id': request.id, ...HEADERS })
    if (request.headers.host === undefined && request.raw.httpVersion === '1.1') {
      reply.header('connection', 'close')
      throw new AppError('invalid_parameter', { param: 'host', details: { reason: phrase('HTTP/1.1 asks for this header', 'HTTP/1.1 要求提供该请求头') } })
    }
  })
}

type RequestDeps = Pick<ServerDeps, 'authenticate' | 'settings' | 'scratchFolder' | 'refusalOf'>

/** Who calls, what kind of body comes, and whether there is room for it: all before the first byte of the body is read. */
export function addRequestHooks(app: App, deps: RequestDeps): void {
  app.decorateRequest('caller', null)
  app.decorateRequest('uploads')
  app.addHook('onRequest', async (request, reply) => {
    request.uploads = new Set()
    reply.raw.once('close', () => { discardUploads(request).catch(() => {}) }) // what a faulty disk keeps goes with the folder of the process
    request.caller = await callerOf(request, deps)
    const { takes } = request.routeOptions.config
    if (takes === undefined) return
    checkBodyType(request, takes)
    const refusal = isFilm(request) && request.caller !== null ? await deps.refusalOf(request.caller.account) : null
    if (refusal) throw refusal
  })
  app.addHook('preValidation', async (request) => {
    const { takes } = request.routeOptions.config
    if (takes) request.body = await readBody(request, deps)
  })
}

/** A form with a video in it: not read for nothing. One with a key may be answered without a place in the queue. */
const isFilm = ({ headers, routeOptions: { config: { files = 'video' } } }: FastifyRequest): boolean =>
  files === 'video' && FORM_TYPE.test(headers['content-type'] ?? '') && headers['idempotency-key'] === undefined

async function callerOf(request: FastifyRequest, { authenticate, settings }: Pick<ServerDeps, 'authenticate' | 'settings'>): Promise<Caller | null> {
  const { access = 'anyone' } = request.routeOptions.config
  if (access === 'anyone') return null
  if (settings.isOpen) return OPEN_CALLER
  if (access === 'keyed or not') return request.headers.authorization || request.headers['x-api-key'] ? identify(request.raw, authenticate) : null
  const caller = await identify(request.raw, authenticate)
  requireScope(caller, access)
  return caller
}

/** The account a route with a scope works for. */
export function accountOf({ caller }: FastifyRequest): string {
  if (caller === null) throw new AppError('missing_api_key')
  return caller.account
}

/** The account whose characters a page may show; null for a stranger. */
export const readerOf = ({ caller }: FastifyRequest, scope: Scope = 'characters:read'): string | null => (caller?.scopes.includes(scope) ? caller.account : null)

const JSON_TYPE = /^application\/json\s*(?:;\s*charset\s*=\s*"?utf-?8"?\s*)?;?$/i
const FORM_TYPE = /^multipart\/form-data\s*;/i

function checkBodyType({ headers }: FastifyRequest, takes: 'json' | 'json or form'): void {
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding.toLowerCase() !== 'identity') throw unreadable(`content-encoding: ${encoding}`)
  const type = headers['content-type']
  const isReadable = type === undefined || JSON_TYPE.test(type) || (takes === 'json or form' && FORM_TYPE.test(type))
  if (!isReadable) throw unreadable(type)
}

const unreadable = (got: string): AppError => new AppError('unsupported_media_type', { details: { got: got.slice(0, 100) } })

async function readBody(request: FastifyRequest, { settings, scratchFolder }: Pick<ServerDeps, 'settings' | 'scratchFolder'>): Promise<unknown> {
  const { files = 'video' } = request.routeOptions.config
  if (request.isMultipart()) return typedForm(await readForm(request, { files, scratchFolder, uploadMaxBytes: settings.uploadMaxBytes }))
  return parseJsonObject(Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0))
}

/** A body of a route that takes none is let go unread. */
export function addBodyParsers(app: App): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, bytes, done) => done(null, bytes))
}
