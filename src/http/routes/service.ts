import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { AppError } from '../../domain/errors.ts'
import type { App, ServerDeps } from '../deps.ts'
import type { JsonObject } from '../json-body.ts'
import { finishedDocument } from '../openapi.ts'
import { PUBLIC_REFUSALS } from '../schemas/refusals.ts'
import { refusals } from '../schemas/error.ts'

const readiness = z.strictObject({ ready: z.boolean(), facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])) }).meta({ id: 'Readiness' })

/** For whoever runs the service: is it alive, can it work, what does it do, what does it offer. */
export function serviceRoutes(app: App, { metrics, readiness: ask, settings }: Pick<ServerDeps, 'metrics' | 'readiness' | 'settings'>): void {
  app.get('/healthz', {
    schema: { operationId: 'health', summary: 'Alive', tags: ['service'], security: [], response: { 200: z.strictObject({ ok: z.literal(true) }) } },
    handler: () => ({ ok: true as const }),
  })

  app.get('/readyz', {
    schema: { operationId: 'readiness', summary: 'Whether creates are taken, and by what they are made', tags: ['service'], security: [], response: { 200: readiness, 503: readiness } },
    handler: async (_request, reply) => {
      const { isReady, facts } = await ask()
      reply.code(isReady ? 200 : 503)
      if (!isReady) reply.header('retry-after', '5')
      return { ready: isReady, facts: { ...facts } }
    },
  })

  app.get('/metrics', {
    schema: {
      operationId: 'metrics', summary: 'Figures for Prometheus; for loopback callers unless allowed', tags: ['service'], security: [],
      response: { 200: { description: 'Text exposition format.', content: { 'text/plain': { schema: z.string() } } }, ...refusals('not_found', 'internal_error') },
    },
    handler: async (request, reply) => {
      if (!settings.isMetricsPublic && !isFromLoopback(request)) throw new AppError('not_found')
      return reply.type(metrics.contentType).send(await metrics.metrics())
    },
  })

  let document: JsonObject | null = null
  app.get('/openapi.json', {
    schema: { operationId: 'openapi', summary: 'This description', tags: ['service'], security: [], response: { 200: z.record(z.string(), z.unknown()), ...PUBLIC_REFUSALS } },
    handler: () => (document ??= finishedDocument(app)),
  })
}

// A reverse proxy on the same machine also calls from loopback, but says for whom.
const isFromLoopback = ({ ip, headers }: FastifyRequest): boolean =>
  /^(?:127\.|::1$|::ffff:127\.)/.test(ip) && headers['x-forwarded-for'] === undefined && headers.forwarded === undefined
