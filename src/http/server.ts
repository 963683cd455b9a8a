import type { Socket } from 'node:net'
import multipart from '@fastify/multipart'
import { fastify, type FastifyInstance } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import { Histogram } from 'prom-client'
import { AppError } from '../domain/errors.ts'
import { newRequestId } from '../domain/identifier.ts'
import type { App, ServerDeps } from './deps.ts'
import { answerBrokenConnection, publicError, sendError } from './error-answer.ts'
import { addIdempotency } from './idempotency.ts'
import { addBodyParsers, addRequestHooks } from './hooks.ts'
import { MOST_JSON_BYTES } from './json-body.ts'
import { collectPaths, type KnownPaths } from './known-paths.ts'
import { describeRoutes } from './openapi.ts'
import { backendRoutes } from './routes/backends.ts'
import { characterRoutes } from './routes/characters.ts'
import { createRoutes } from './routes/create.ts'
import { eventRoutes } from './routes/events.ts'
import { fileRoutes } from './routes/files.ts'
import { newVideoRoutes } from './routes/new-videos.ts'
import { pageRoutes } from './routes/pages.ts'
import { promptRoutes } from './routes/prompts.ts'
import { seedRoutes } from './routes/seed.ts'
import { serviceRoutes } from './routes/service.ts'
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
/** How long requests under way may take to finish once the server closes. */
const DRAIN_MS = 20_000
const CLOSE_IDLE_EVERY_MS = 100

/** Every route of the service, not listening yet. `close()` lets requests under way finish for a while. */
export async function createServer(deps: ServerDeps): Promise<FastifyInstance> {
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
  addErrorAnswers(app, paths, deps)
  addBodyParsers(app)
  await app.register(multipart, { throwFileSizeLimit: false })
  describeRoutes(app, publicUrl)
  refuseWhileClosing(app)
  addRequestHooks(app, deps)
  addIdempotency(app, deps)
  measure(app, deps)
  await app.register(async (routes: App) => addRoutes(routes, deps))
  app.server.on('checkExpectation', (request, response) => app.routing(request, response))
  await app.ready()
  return app
}

function addRoutes(app: App, deps: ServerDeps): void {
  seedRoutes(app, deps)
  createRoutes(app, deps)
  characterRoutes(app, deps)
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

function addErrorAnswers(app: App, paths: KnownPaths, { log, settings: { publicUrl } }: ServerDeps): void {
  app.setErrorHandler((error, request, reply) => sendError(publicError(error, request, log), request, reply, publicUrl))
  app.setNotFoundHandler((request, reply) => {
    const allowed = paths.methodsOf(request.url)
    const error = allowed.length === 0
      ? new AppError('not_found', { details: { see: `${publicUrl}${isForgottenBase(request.url, paths) ? `/v1${withoutQuery(request.url)}` : '/openapi.json'}` } })
      : new AppError('method_not_allowed', { details: { method: request.method, allow: allowed.join(', ') } })
    return sendError(error, request, reply, publicUrl)
  })
}

const withoutQuery = (url: string): string => url.replace(/[?#].*$/, '')
/** Clients whose base URL lacks /v1 ask for /videos. */
const isForgottenBase = (url: string, paths: KnownPaths): boolean => paths.methodsOf(`/v1${url}`).length > 0

function refuseWhileClosing(app: App): void {
  let isClosing = false
  app.addHook('onRequest', async ({ method }) => {
    if (isClosing && method === 'POST') throw new AppError('shutting_down')
  })
  // To Node a connection is not idle before its first request. Some clients open one ahead.
  const unused = new Set<Socket>()
  app.server.on('connection', (socket) => {
    unused.add(socket)
    socket.once('close', () => unused.delete(socket))
  })
  app.server.on('request', ({ socket }) => unused.delete(socket))
  // Node waits for keep-alive connections that became idle after close(): they are ended as they do.
  app.addHook('preClose', async () => {
    isClosing = true
    for (const socket of unused) socket.destroy()
    const idle = setInterval(() => app.server.closeIdleConnections(), CLOSE_IDLE_EVERY_MS)
    const drain = setTimeout(() => app.server.closeAllConnections(), DRAIN_MS)
    app.server.once('close', () => { clearInterval(idle); clearTimeout(drain) })
  })
}

function measure(app: App, { metrics, log }: ServerDeps): void {
  const seconds = new Histogram({
    name: 'dramatis_http_request_seconds', help: 'Time from request to answer.', labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.02, 0.1, 0.5, 1, 2, 5, 15, 60], registers: [metrics],
  })
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none' // the pattern: addresses hold tokens
    seconds.observe({ method: request.method, route, status: reply.statusCode }, reply.elapsedTime / 1000)
    log.info('http.answered', { request: request.id, method: request.method, route, status: reply.statusCode, ms: Math.round(reply.elapsedTime) })
  })
}
