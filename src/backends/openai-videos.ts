import { z } from 'zod'
import { AppError } from '../domain/errors.ts'
import { phrase } from '../domain/phrase.ts'
import type { FetchSettings } from '../net/limits.ts'
import { createService, isGone, type Service } from '../net/service-call.ts'
import type { Backend, BackendHealth, BackendModel, BackendRequest, BackendStatus, JsonObject } from './backend.ts'
import { jobError, readJobState } from './job-states.ts'
import { DIALECTS, ONE_FILE, type Dialect } from './openai-dialects.ts'
import { capabilitiesOf, type OpenAiModelConfig, type OpenAiVideosConfig } from './openai-videos-config.ts'
import { parseAnswer } from './parse-answer.ts'
import { filesOf } from './reference-file.ts'
import { serviceHealth } from './service-health.ts'
import { serviceSettings } from './service-config.ts'
import { openVendorFile } from './vendor-file.ts'

const operationSchema = z.object({ id: z.string().min(1).max(4000) })
const jobSchema = z.object({
  status: z.string(),
  progress: z.number().nullish().catch(null),
  error: z.unknown().optional(),
  url: z.string().nullish().catch(null),
})
const modelList = z.object({ data: z.array(z.object({ id: z.string() })) })
const MOST_SHOWN_MODELS = 5
/** Of a relay that lists nothing. */
const UNLISTED = { data: [{ id: 'models that it does not list' }] }

interface Model extends BackendModel { readonly config: OpenAiModelConfig }

export interface OpenAiVideosDeps {
  /** For videos that lie elsewhere. */
  readonly fetch: FetchSettings
}

/** Servers with OpenAI's `/videos`, by hand: its own client sends the names of lists in a form that FastAPI ignores, and loses FastAPI's errors. */
export function createOpenAiVideos(config: OpenAiVideosConfig, deps: OpenAiVideosDeps): Backend {
  return new OpenAiVideos(config, deps)
}

class OpenAiVideos implements Backend {
  readonly name: string
  readonly pollMs: number
  readonly models: readonly Model[]
  readonly #dialect: Dialect
  readonly #service: Service
  readonly #fetch: FetchSettings

  constructor(config: OpenAiVideosConfig, { fetch }: OpenAiVideosDeps) {
    this.name = config.name
    this.pollMs = config.pollSeconds * 1000
    this.#dialect = DIALECTS[config.dialect]
    this.models = config.models.map((model) => ({ id: model.id, capabilities: capabilitiesOf(model, this.#dialect), config: model }))
    this.#service = createService(serviceSettings(config))
    this.#fetch = fetch
  }

  async health({ signal }: { signal: AbortSignal }): Promise<BackendHealth> {
    return await serviceHealth(async () => this.#judge(await this.#service.ask('/models', { signal }).catch((error: unknown) => {
      if (isGone(error) && !this.#dialect.isStrictAboutModels) return UNLISTED
      throw error
    })))
  }

  async submit(request: BackendRequest, { signal }: { signal: AbortSignal }): Promise<JsonObject> {
    const body = this.#encode(request)
    return parseAnswer(operationSchema, await this.#service.ask('/videos', { method: 'POST', body, signal }), phrase('the id of a video', '视频的 id'))
  }

  async status(operation: JsonObject, { signal }: { signal: AbortSignal }): Promise<BackendStatus> {
    const job = await this.#job(operation, signal)
    return job === null ? { at: 'lost' } : this.#read(job)
  }

  async open(operation: JsonObject, _output: JsonObject, options: { signal: AbortSignal; maxBytes: number }): Promise<AsyncIterable<Uint8Array>> {
    try {
      return await this.#service.open(`${pathOf(operation)}/content`, options)
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'backend_rejected') throw error
      return await this.#openElsewhere(operation, { ...options, refusal: error })
    }
  }

  async cancel(operation: JsonObject, { signal }: { signal: AbortSignal }): Promise<void> {
    await this.#service.tell(pathOf(operation), { method: 'DELETE', signal }).catch((error: unknown) => {
      // Not known, over, or a server that cannot: there is nothing left to do about it.
      if (!(error instanceof AppError) || error.code !== 'backend_rejected') throw error
    })
  }

  async #job(operation: JsonObject, signal: AbortSignal): Promise<z.output<typeof jobSchema> | null> {
    try {
      return parseAnswer(jobSchema, await this.#service.ask(pathOf(operation), { signal }), phrase('the state of a video', '视频的状态'))
    } catch (error) {
      if (isGone(error)) return null
      throw error
    }
  }

  #read({ status, progress, error }: z.output<typeof jobSchema>): BackendStatus {
    const state = readJobState(status)
    switch (state) {
      case 'queued': return { at: 'queued' }
      case 'running': return { at: 'running', progress: progress ?? null }
      case 'done': return { at: 'done', output: {} }
      default: return { at: 'failed', error: jobError(state, error, this.#service.scrub) }
    }
  }

  /** A server that keeps its videos in a store of its own says where; the link is asked for when it is needed, because it is a secret and dies soon. */
  async #openElsewhere(operation: JsonObject, { refusal, ...options }: { refusal: AppError; signal: AbortSignal; maxBytes: number }): Promise<AsyncIterable<Uint8Array>> {
    const job = await this.#job(operation, options.signal)
    if (job?.url) return await openVendorFile(job.url, { settings: this.#fetch, ...options })
    throw job === null || isGone(refusal) ? new AppError('output_expired', { cause: refusal }) : refusal
  }

  #judge(answer: unknown): BackendHealth {
    const served = parseAnswer(modelList, answer, phrase('a list of models', '模型列表')).data.map(({ id }) => id)
    const missing = this.models.map(({ config }) => servedName(config)).filter((name) => !served.includes(name))
    if (this.#dialect.isStrictAboutModels && missing.length > 0) return { isHealthy: false, says: `It does not serve ${missing.join(', ')}, but ${served.slice(0, MOST_SHOWN_MODELS).join(', ')}.` }
    return { isHealthy: true, says: `It serves ${served.slice(0, MOST_SHOWN_MODELS).join(', ')}.` }
  }

  #encode(request: BackendRequest): FormData | JsonObject {
    const files = filesOf(request)
    const fields = this.#fields(request)
    if (files.length === 0 && this.#dialect.withoutFiles === 'json') return fields
    const form = new FormData()
    for (const [name, value] of Object.entries(fields)) form.set(name, typeof value === 'object' ? JSON.stringify(value) : String(value))
    const fileField = files.length === 1 ? ONE_FILE : this.#dialect.several ?? ONE_FILE
    for (const file of files) form.append(fileField, file)
    return form
  }

  #fields({ model: id, shot }: BackendRequest): JsonObject {
    const { config, capabilities } = this.models.find((model) => model.id === id) ?? this.models[0]
    const extra = config.extra ?? (config.preset && this.#dialect.extraOf[config.preset])
    return {
      ...config.fields,
      model: servedName(config),
      prompt: shot.prompt,
      seconds: shot.seconds,
      size: shot.size,
      ...(capabilities.hasSeed && shot.seed !== null && { seed: shot.seed }),
      ...(capabilities.hasNegativePrompt && shot.negativePrompt !== null && { negative_prompt: shot.negativePrompt }),
      ...(this.#dialect.extra !== null && extra && { [this.#dialect.extra]: extra }),
    }
  }
}

const servedName = ({ id, servedAs }: OpenAiModelConfig): string => servedAs ?? id

const pathOf = (operation: JsonObject): string => `/videos/${encodeURIComponent(operationSchema.parse(operation).id)}`
