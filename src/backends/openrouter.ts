import { z } from 'zod'
import { AppError } from '../domain/errors.ts'
import { phrase } from '../domain/phrase.ts'
import { createService, isGone, type Service } from '../net/service-call.ts'
import type { Backend, BackendHealth, BackendRequest, BackendStatus, JsonObject, Picture } from './backend.ts'
import { jobError, readJobState } from './job-states.ts'
import { backendModel, modelsSchema, type ModelConfig } from './model-config.ts'
import { OPENROUTER_MODELS, UNKNOWN_MODEL } from './openrouter/models.ts'
import { parseAnswer } from './parse-answer.ts'
import { serviceFields, serviceSettings } from './service-config.ts'
import { serviceHealth } from './service-health.ts'

export const openRouterConfig = z.strictObject({
  kind: z.literal('openrouter'),
  ...serviceFields,
  url: serviceFields.url.default('https://openrouter.ai/api/v1'),
  key: serviceFields.key.unwrap(),
  models: modelsSchema,
})
export type OpenRouterConfig = z.output<typeof openRouterConfig>

/** The first letter keeps the id from being a step in a path. */
const operationSchema = z.object({ id: z.string().regex(/^[a-z0-9][\w:.-]{0,199}$/i), warnings: z.array(z.string()).default([]) })
type Operation = z.output<typeof operationSchema>

const jobSchema = z.object({ status: z.string(), error: z.unknown().optional() })
const offeredSchema = z.object({ data: z.array(z.object({ id: z.string(), canonical_slug: z.string().nullish() })) })

/**
 * Models of many vendors behind one address. Only that address is called: `polling_url` and `unsigned_urls` of its answers are not followed.
 * It offers no way to cancel.
 */
export function createOpenRouter(config: OpenRouterConfig): Backend {
  const { name, models, pollSeconds } = config
  const service = createService(serviceSettings(config))
  return {
    name,
    models: models.map((model) => backendModel(model, OPENROUTER_MODELS.get(model.id) ?? UNKNOWN_MODEL)),
    pollMs: pollSeconds * 1000,
    health: ({ signal }) => serviceHealth(() => judge(service, { models, signal })),
    submit: async (request, { signal }) => {
      const answer = await service.ask('/videos', { method: 'POST', body: bodyOf(request), signal })
      return started(answer, { warnings: isGuess(request, models) ? [guessed(request.model)] : [] })
    },
    status: (operation, { signal }) => status(service, operationSchema.parse(operation), signal),
    open: (operation, _output, options) => open(service, operationSchema.parse(operation), options),
    cancel: async () => {},
  }
}

function bodyOf({ model, shot, references, firstFrame }: BackendRequest): Readonly<Record<string, unknown>> {
  return {
    model,
    prompt: shot.prompt,
    size: shot.size,
    duration: shot.seconds,
    ...(shot.seed !== null && { seed: shot.seed }),
    ...(firstFrame !== null && { frame_images: [{ ...part('image', firstFrame), frame_type: 'first_frame' }] }),
    ...(references.length > 0 && { input_references: references.map((reference) => part(reference.kind, reference)) }),
  }
}

function part(kind: string, { mime, bytes }: Picture): Readonly<Record<string, unknown>> {
  return { type: `${kind}_url`, [`${kind}_url`]: { url: `data:${mime};base64,${Buffer.from(bytes).toString('base64')}` } }
}

/** Neither the table nor the operator says what the model does with references. */
function isGuess({ model, references }: BackendRequest, models: readonly ModelConfig[]): boolean {
  const isDescribed = models.some(({ id, capabilities }) => id === model && (capabilities.kinds ?? capabilities.label) !== undefined)
  return references.length > 0 && !OPENROUTER_MODELS.has(model) && !isDescribed
}

const guessed = (model: string): string => `Nothing is known of how ${model} treats references: the pictures were sent, and may have been ignored.`

function started(answer: unknown, { warnings }: Pick<Operation, 'warnings'>): JsonObject {
  const { id } = parseAnswer(operationSchema, answer, phrase('the id of a video', '视频的 id'))
  return { id, warnings }
}

async function status(service: Service, { id, warnings }: Operation, signal: AbortSignal): Promise<BackendStatus> {
  const answer = await service.ask(`/videos/${id}`, { signal }).catch((error: unknown) => {
    if (isGone(error)) return null
    throw error
  })
  if (answer === null) return { at: 'lost' }
  const job = parseAnswer(jobSchema, answer, phrase('the state of a video', '视频的状态'))
  const state = readJobState(job.status)
  switch (state) {
    case 'queued': return { at: 'queued' }
    case 'running': return { at: 'running', progress: null }
    case 'done': return { at: 'done', output: {}, warnings: warnings.map((message) => ({ code: 'backend_said', message })) }
    default: return { at: 'failed', error: jobError(state, job.error, service.scrub) }
  }
}

async function open(service: Service, { id }: Operation, { signal, maxBytes }: { readonly signal: AbortSignal; readonly maxBytes: number }): Promise<AsyncIterable<Uint8Array>> {
  return await service.open(`/videos/${id}/content?index=0`, { signal, maxBytes }).catch((error: unknown) => {
    throw isGone(error) ? new AppError('output_expired', { cause: error }) : error
  })
}

async function judge(service: Service, { models, signal }: { readonly models: readonly ModelConfig[]; readonly signal: AbortSignal }): Promise<BackendHealth> {
  const { data } = parseAnswer(offeredSchema, await service.ask('/videos/models', { signal }), phrase('a list of models', '模型列表'))
  const offered = new Set(data.flatMap((model) => [model.id, model.canonical_slug]))
  const missing = models.filter(({ id }) => !offered.has(id)).map(({ id }) => id)
  return missing.length === 0 ? { isHealthy: true, says: 'It offers every model.' } : { isHealthy: missing.length < models.length, says: `It does not offer ${missing.join(', ')}.` }
}
