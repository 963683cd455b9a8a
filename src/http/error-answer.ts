import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ErrorCode } from '../domain/error-table.ts'
import { AppError, describeError, detailsIn, isTransient, type ErrorFacts, type Language } from '../domain/errors.ts'
import { newRequestId } from '../domain/identifier.ts'
import type { Log } from '../runtime/log.ts'
import { languageOf } from './language.ts'
import { isForPeople, sendPage } from './page-answer.ts'
import { refusalPage } from './pages/state-pages.ts'
import { phrase } from '../domain/phrase.ts'
import type { ErrorBody } from './schemas/error.ts'

interface EnvelopeFacts { readonly language: Language; readonly requestId: string; readonly publicUrl: string }

/** The one envelope of every refusal, in its fixed key order. */
export function errorBody(error: AppError, { language, requestId, publicUrl }: EnvelopeFacts): ErrorBody {
  const details = detailsIn(language, error.details)
  const { message, type, param, code, hint } = describeError({ code: error.code, param: error.param, details }, language)
  return {
    error: {
      message, type, param, code, ...(hint !== undefined && { hint }),
      docs_url: `${publicUrl}/docs/errors/${code}`,
      request_id: requestId,
      ...(Object.keys(details).length > 0 && { details }),
    },
  }
}

const DEFAULT_WAIT_SECONDS = 5
/** The official SDKs ignore a longer wait. */
const LONGEST_WAIT_SECONDS = 60

/** The headers that go with a code: whether and when to send it again, and what each status asks for. */
export function errorHeaders({ code, status, details }: AppError): Readonly<Record<string, string>> {
  const waitSeconds = Math.min(LONGEST_WAIT_SECONDS, Math.max(1, Math.ceil(Number(details.retryAfterSeconds ?? DEFAULT_WAIT_SECONDS))))
  return {
    ...(isTransient(code) ? { 'retry-after': String(waitSeconds) } : { 'x-should-retry': 'false' }),
    ...(status === 401 && { 'www-authenticate': 'Bearer' }),
    ...(status === 405 && { allow: String(details.allow) }),
    ...(status === 416 && { 'content-range': `bytes */${String(details.bytes)}` }),
  }
}

export function sendError(error: AppError, request: FastifyRequest, reply: FastifyReply, publicUrl: string): FastifyReply {
  reply.code(error.status).headers(errorHeaders(error))
  if (isForPeople(request)) return sendPage(reply, refusalPage(error, languageOf(request.raw)))
  const body = errorBody(error, { language: languageOf(request.raw), requestId: request.id, publicUrl })
  // As text, so that no route's schema for another content type gets in the way.
  return reply.type('application/json; charset=utf-8').send(JSON.stringify(body))
}

type Translation = readonly [ErrorCode, ErrorFacts?]
const cutShort: Translation = ['invalid_parameter', { param: 'body', details: { reason: phrase('it ends early or is not well formed', '内容不完整或格式错误') } }]
const tooManyParts: Translation = ['invalid_parameter', { param: 'body', details: { reason: phrase('it has too many parts', '字段过多') } }]

/** What the framework and its plugins throw, by code, in the service's own words. */
const FOREIGN: Readonly<Record<string, Translation | undefined>> = {
  FST_ERR_CTP_INVALID_MEDIA_TYPE: ['unsupported_media_type', { details: { got: 'content-type' } }],
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: cutShort,
  FST_ERR_BAD_URL: ['not_found'],
  FST_ERR_MAX_PARAM_LENGTH: ['not_found'],
  FST_PARTS_LIMIT: tooManyParts,
  FST_FILES_LIMIT: tooManyParts,
  FST_FIELDS_LIMIT: tooManyParts,
  FST_PROTO_VIOLATION: cutShort,
  FST_INVALID_JSON_FIELD_ERROR: cutShort,
  FST_MP_PREMATURE_CLOSE: cutShort,
  ENOSPC: ['storage_full'],
  ECONNRESET: cutShort,
  ECONNABORTED: cutShort,
}

/** Any failure as one with a public face; what nobody foresaw is logged and becomes `internal_error`. */
export function publicError(error: unknown, request: FastifyRequest, log: Log): AppError {
  if (error instanceof AppError) return error
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new AppError('request_too_large', { details: { max_bytes: request.routeOptions.bodyLimit }, cause: error })
  const known = FOREIGN[code]
  if (known) return new AppError(known[0], { ...known[1], cause: error })
  log.error('request.failed', { traceId: request.id, error })
  return new AppError('internal_error', { cause: error })
}

/** A connection whose bytes are not HTTP, or that never finishes a request: one answer, then the end. */
export function answerBrokenConnection(error: NodeJS.ErrnoException, socket: Socket, publicUrl: string): void {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy()
  const isSlow = error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
  const reason = isSlow ? phrase('it took too long to arrive', '到达过慢') : phrase('it is not valid HTTP', '不符合 HTTP 规范')
  const requestId = newRequestId()
  const body = JSON.stringify(errorBody(new AppError('invalid_parameter', { param: 'request', details: { reason } }), { language: 'en', requestId, publicUrl }))
  socket.end([
    isSlow ? 'HTTP/1.1 408 Request Timeout' : 'HTTP/1.1 400 Bad Request',
    'content-type: application/json; charset=utf-8', `content-length: ${Buffer.byteLength(body)}`,
    `x-request-id: ${requestId}`, ...(isSlow ? [] : ['x-should-retry: false']), 'cache-control: no-store', 'x-content-type-options: nosniff', 'connection: close', '', body,
  ].join('\r\n'))
}
