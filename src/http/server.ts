import multipart from '@fastify/multipart'
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { ErrorCode } from '../domain/error-table.ts'
import { AppError } from '../domain/errors.ts'
import { newRequestId } from '../domain/identifier.ts'
import type { Log } from '../runtime/log.ts'
import { addClosing } from './closing.ts'
import type { App, HttpSettings, ServerDeps } from './deps.ts'
import { answerBrokenConnection, publicError, sendError } from './error-answer.ts'
import { addAnswerHeaders, addBodyParsers, addRequestHooks } from './hooks.ts'
import { addIdempotency } from './idempotency.ts'
import { MOST_JSON_BYTES } from './json-body.ts'
import { collectPaths, type KnownPaths } from './known-paths.ts'
import { addMeasures } from './measure.ts'
import { describeRoutes } from './openapi.ts'
import { backendRoutes } from './routes/backends.ts'
import { characterRoutes } from './routes/characters.ts'
import { createRoutes } from './routes/create.ts'
import { eventRoutes } from './routes/events.ts'
import { fileRoutes } from './routes/files.ts'
import { newVideoRoutes } from './routes/new-videos.ts'
import { pageRoutes } from './routes/pages.ts'
import { portableRoutes } from './routes/portable.ts'
import { promptRoutes } from './routes/prompts.ts'
import { seedRoutes } from './routes/seed.ts'
import { healthRoutes, serviceRoutes } from './routes/service.ts'
import { videoCharacterRoutes } from './routes/video-characters.ts'
import { videoRoutes } from './routes/videos.ts'
import { webhookRoutes } from './routes/webhooks.ts'
import { validatorCompiler } from './validation.ts'

/** How long a client may take: for its headers, for a whole request with an upload, and between two requests. */
const HEADERS_TIMEOUT_MS = 10_000
const REQUEST_TIMEOUT_MS = 300_000
const KEEP_ALIVE_MS = 65_000
const CHECK_EVERY_MS = 2000
const MOST_HEADER_BYTES = 16 * 1024

/** Every route of the service, not listening yet. `close()` lets requests under way finish for a while. */
export async function createServer(deps: ServerDeps): Promise<FastifyInstance> {
  const app = createBare(deps)
  await app.register(multipart, { throwFileSizeLimit: false })
  describeRoutes(app, deps.settings.publicUrl)
  addRequestHooks(app, deps)
  addIdempotency(app, deps)
  await app.register(async (routes: App) => addRoutes(routes, deps))
  await app.ready()
  return app
}

export type ServiceServerDeps = Pick<ServerDeps, 'settings' | 'log' | 'metrics' | 'readiness'>

/** Only what is for whoever runs it: of a process that takes no requests. */
export async function createServiceServer(deps: ServiceServerDeps): Promise<FastifyInstance> {
  const app = createBare(deps)
  await app.register(async (routes: App) => healthRoutes(routes, deps))
  await app.ready()
  return app
}

/** Without routes: how it reads requests, refuses, measures and closes. */
function createBare(deps: Pick<ServerDeps, 'settings' | 'log' | 'metrics'>): App {
  const { settings: { publicUrl }, log } = deps
  const app: App = fastify({
    logger: false,
    genReqId: newRequestId,
    requestIdHeader: false,
    bodyLimit: MOST_JSON_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    // Node answers a missing Host or an odd Expect by itself, without the envelope: the first is refused and the second ignored below.
    http: { headersTimeout: HEADERS_TIMEOUT_MS, connectionsCheckingInterval: CHECK_EVERY_MS, maxHeaderSize: MOST_HEADER_BYTES, requireHostHeader: false },
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: MOST_HEADER_BYTES },
    return503OnClosing: false, // its answer is not our envelope
    frameworkErrors: (error, request, reply) => {
      reply.header('x-request-id', request.id)
      sendError(publicError(error, request, log), request, reply, publicUrl)
    },
    clientErrorHandler: (error, socket) => answerBrokenConnection(error, socket, publicUrl),
  }).withTypeProvider<ZodTypeProvider>()

  app.setValidatorCompiler(validatorCompiler)
  app.setSerializerCompiler(() => JSON.stringify)
  const paths = collectPaths(app)
  addBodyParsers(app)
  addAnswerHeaders(app)
  addClosing(app)
  addErrorAnswers(app, paths, { ...deps, count: addMeasures(app, deps) })
  app.server.on('checkExpectation', (request, response) => app.routing(request, response))
  return app
}

function addRoutes(app: App, deps: ServerDeps): void {
  seedRoutes(app, deps)
  createRoutes(app, deps)
  characterRoutes(app, deps)
  portableRoutes(app, deps)
  fileRoutes(app, deps)
  promptRoutes(app, deps)
  videoCharacterRoutes(app, deps)
  newVideoRoutes(app, deps)
  videoRoutes(app, deps)
  backendRoutes(app, deps)
  eventRoutes(app, deps)
  webhookRoutes(app, deps)
  serviceRoutes(app, deps)
  pageRoutes(app, deps)
}

interface Refusing { readonly log: Log; readonly settings: Pick<HttpSettings, 'publicUrl'>; readonly count: (code: ErrorCode) => void }

function addErrorAnswers(app: App, paths: KnownPaths, { log, settings: { publicUrl }, count }: Refusing): void {
  const refuse = (error: AppError, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    count(error.code)
    return sendError(error, request, reply, publicUrl)
  }
  app.setErrorHandler((error, request, reply) => refuse(publicError(error, request, log), request, reply))
  app.setNotFoundHandler((request, reply) => {
    const allowed = paths.methodsOf(request.url)
    const error = allowed.length === 0
      ? new AppError('not_found', { details: { see: `${publicUrl}${isForgottenBase(request.url, paths) ? `/v1${withoutQuery(request.url)}` : '/openapi.json'}` } })
      : new AppError('method_not_allowed', { details: { method: request.method, allow: allowed.join(', ') } })
    return refuse(error, request, reply)
  })
}

const withoutQuery = (url: string): string => url.replace(/[?#].*$/, '')
/** Clients whose base URL lacks /v1 ask for /videos. */
const isForgottenBase = (url: string, paths: KnownPaths): boolean => paths.methodsOf(`/v1${url}`).length > 0
