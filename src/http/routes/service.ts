import type { FastifyRequest } from 'fastify'
import { z } from 'zod'
import { AppError } from '../../domain/errors.ts'
import type { App, Readiness, ServerDeps } from '../deps.ts'
import type { JsonObject } from '../json-body.ts'
import { finishedDocument } from '../openapi.ts'
import { PUBLIC_REFUSALS } from '../schemas/refusals.ts'
import { refusals } from '../schemas/error.ts'

const readiness = z.strictObject({ ready: z.boolean(), facts: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])) }).meta({ id: 'Readiness' })

/** Whoever asks whether it is ready hears it by then, whatever hangs. */
const READINESS_MS = 1000
const RETRY_AFTER_SECONDS = '5'

type HealthDeps = Pick<ServerDeps, 'metrics' | 'readiness' | 'settings'>

/** For whoever runs the service: is it alive, can it work, what does it do, what does it offer. */
export function serviceRoutes(app: App, deps: HealthDeps): void {
  healthRoutes(app, deps)
  let document: JsonObject | null = null
  app.get('/openapi.json', {
    schema: { operationId: 'openapi', summary: 'This description', tags: ['service'], security: [], response: { 200: z.record(z.string(), z.unknown()), ...PUBLIC_REFUSALS } },
    handler: () => (document ??= finishedDocument(app)),
  })
}

/** The same without what it offers: for a process that offers nothing. */
export function healthRoutes(app: App, { metrics, readiness: ask, settings }: HealthDeps): void {
  app.get('/healthz', {
    schema: { operationId: 'health', summary: 'Alive', tags: ['service'], security: [], response: { 200: z.strictObject({ ok: z.literal(true) }) } },
    handler: () => ({ ok: true as const }),
  })

  app.get('/readyz', {
    schema: { operationId: 'readiness', summary: 'Whether creates are taken, and by what they are made', tags: ['service'], security: [], response: { 200: readiness, 503: readiness } },
    handler: async (_request, reply) => {
      const { isReady, facts } = await inTime(ask)
      const isOpen = isReady && !app.isClosing
      reply.code(isOpen ? 200 : 503)
      if (!isOpen) reply.header('retry-after', RETRY_AFTER_SECONDS)
      return { ready: isOpen, facts: { ...facts, ...(app.isClosing && { closing: true }) } }
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
}

async function inTime(ask: ServerDeps['readiness']): Promise<Readiness> {
  const late = Promise.withResolvers<Readiness>()
  const timer = setTimeout(() => late.resolve({ isReady: false, facts: { answered: false } }), READINESS_MS)
  try {
    return await Promise.race([ask(), late.promise])
  } finally {
    clearTimeout(timer)
  }
}

// A reverse proxy on the same machine also calls from loopback, but says for whom.
const isFromLoopback = ({ ip, headers }: FastifyRequest): boolean =>
  /^(?:127\.|::1$|::ffff:127\.)/.test(ip) && headers['x-forwarded-for'] === undefined && headers.forwarded === undefined
