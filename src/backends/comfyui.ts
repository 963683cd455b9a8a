import { z } from 'zod'
import type { VideoId } from '../domain/identifier.ts'
import { AppError } from '../domain/errors.ts'
import { phrase } from '../domain/phrase.ts'
import { createService, isGone, type Service } from '../net/service-call.ts'
import type { Backend, BackendHealth, BackendRequest, BackendStatus, JsonObject } from './backend.ts'
import { loadModel, type ComfyUiConfig, type ComfyUiModel } from './comfyui-config.ts'
import { fillGraph, pathsOf, type Uploads } from './comfyui/graph-map.ts'
import { readHistory } from './comfyui/history.ts'
import { graphFaults, objectInfo } from './comfyui/object-info.ts'
import { parseAnswer } from './parse-answer.ts'
import { referenceFile } from './reference-file.ts'
import { serviceSettings } from './service-config.ts'
import { serviceHealth } from './service-health.ts'
import { UnusableBackend } from './unusable-backend.ts'

const MiB = 1024 * 1024
/** All nodes of an installation with many extensions; every graph that waits. */
const MOST_LISTING_BYTES = 64 * MiB
const CLIENT_ID = 'dramatis'
const SUBFOLDER = 'dramatis'

const operationSchema = z.object({ promptId: z.string(), output: z.string() })
const outputSchema = z.object({ filename: z.string(), subfolder: z.string(), type: z.string() })
const uploaded = z.object({ name: z.string().min(1), subfolder: z.string().default('') })
const accepted = z.object({ prompt_id: z.string().min(1) })
const queueItems = z.array(z.tuple([z.unknown(), z.string()], z.unknown())).default([])
const queueSchema = z.object({ queue_running: queueItems, queue_pending: queueItems })

interface Waiting { readonly signal: AbortSignal }

/** Rejects with {@link UnusableBackend} that names every path of a map that its graph lacks. */
export async function createComfyUi(config: ComfyUiConfig): Promise<Backend> {
  const models = await Promise.all(config.models.map((model, at) => loadModel(model).catch((error: unknown) => {
    throw new UnusableBackend(`models[${at}]`, error instanceof Error ? error.message : String(error))
  })))
  return new ComfyUi(config, models)
}

class ComfyUi implements Backend {
  readonly name: string
  readonly pollMs: number
  readonly models: readonly ComfyUiModel[]
  readonly #service: Service
  #areGraphsChecked = false

  constructor(config: ComfyUiConfig, models: readonly ComfyUiModel[]) {
    this.name = config.name
    this.pollMs = config.pollSeconds * 1000
    this.models = models
    this.#service = createService(serviceSettings(config))
  }

  async health({ signal }: Waiting): Promise<BackendHealth> {
    return await serviceHealth(async () => {
      await this.#service.ask('/system_stats', { signal })
      const faults = this.#areGraphsChecked ? [] : await this.#graphFaults(signal)
      this.#areGraphsChecked = faults.length === 0
      return { isHealthy: faults.length === 0, says: faults.length === 0 ? 'It answers, and has what its graphs need.' : `It cannot run its graphs: ${faults.join('; ')}.` }
    })
  }

  async submit({ model: id, ...request }: BackendRequest, { signal }: Waiting): Promise<JsonObject> {
    const model = this.models.find((model) => model.id === id) ?? this.models[0]
    const operation = { promptId: uuidOf(request.videoId), output: model.map.output }
    // Sent again after an answer that was lost: it is at work on it already, and would do it twice.
    if ((await this.#find(operation.promptId, signal)).at !== 'nowhere') return operation
    const uploads = await this.#upload(request, signal)
    const seed = request.shot.seed ?? seedOf(request.videoId)
    const prompt = fillGraph(model.graph, model.map, { shot: request.shot, uploads, seed, prefix: `${SUBFOLDER}/${request.videoId}` })
    const answer = await this.#service.ask('/prompt', { method: 'POST', body: { prompt, prompt_id: operation.promptId, client_id: CLIENT_ID }, signal })
    // Old ones choose an id of their own.
    return { ...operation, promptId: parseAnswer(accepted, answer, phrase('the id of a prompt', '任务的 id')).prompt_id }
  }

  async status(operation: JsonObject, { signal }: Waiting): Promise<BackendStatus> {
    const { promptId, output } = operationSchema.parse(operation)
    const found = await this.#find(promptId, signal)
    switch (found.at) {
      case 'nowhere': return { at: 'lost' }
      case 'pending': return { at: 'queued' }
      case 'running': return { at: 'running', progress: null }
      case 'history': return readHistory(found.entry, { outputNode: output, scrub: this.#service.scrub })
    }
  }

  async open(_operation: JsonObject, output: JsonObject, options: Waiting & { maxBytes: number }): Promise<AsyncIterable<Uint8Array>> {
    try {
      return await this.#service.open(`/view?${new URLSearchParams(outputSchema.parse(output)).toString()}`, options)
    } catch (error) {
      throw isGone(error) ? new AppError('output_expired', { cause: error }) : error
    }
  }

  async cancel(operation: JsonObject, { signal }: Waiting): Promise<void> {
    const { promptId } = operationSchema.parse(operation)
    await this.#service.tell('/queue', { method: 'POST', body: { delete: [promptId] }, signal })
    // Old ones interrupt whatever runs: so only when it is this one.
    const { at } = await this.#find(promptId, signal)
    if (at === 'running') await this.#service.tell('/interrupt', { method: 'POST', body: { prompt_id: promptId }, signal })
  }

  /** History before and after the queue: between the two looks it may go from the one to the other. */
  async #find(promptId: string, signal: AbortSignal): Promise<{ at: 'nowhere' | 'pending' | 'running' } | { at: 'history'; entry: unknown }> {
    const early = await this.#history(promptId, signal)
    if (early !== undefined) return { at: 'history', entry: early }
    const { queue_running, queue_pending } = parseAnswer(queueSchema, await this.#service.ask('/queue', { signal, maxAnswerBytes: MOST_LISTING_BYTES }), phrase('a queue', '队列'))
    if (queue_running.some(([, id]) => id === promptId)) return { at: 'running' }
    if (queue_pending.some(([, id]) => id === promptId)) return { at: 'pending' }
    const late = await this.#history(promptId, signal)
    return late === undefined ? { at: 'nowhere' } : { at: 'history', entry: late }
  }

  async #history(promptId: string, signal: AbortSignal): Promise<unknown> {
    const answer = await this.#service.ask(`/history/${encodeURIComponent(promptId)}`, { signal })
    return parseAnswer(z.record(z.string(), z.unknown()), answer, phrase('a history', '历史记录'))[promptId]
  }

  async #upload({ videoId, references, firstFrame }: Omit<BackendRequest, 'model'>, signal: AbortSignal): Promise<Uploads> {
    const named: Uploads['references'][number][] = []
    for (const reference of references) {
      named.push({ kind: reference.kind, n: reference.n, name: await this.#uploadOne(referenceFile(reference, reference), { videoId, signal }) })
    }
    return {
      firstFrame: firstFrame === null ? null : await this.#uploadOne(referenceFile(firstFrame, { kind: 'image', n: 0 }), { videoId, signal }),
      references: named,
    }
  }

  /** As graphs call it. */
  async #uploadOne(file: File, { videoId, signal }: Waiting & { videoId: VideoId }): Promise<string> {
    const form = new FormData()
    form.set('image', file, `${videoId}-${file.name}`)
    form.set('type', 'input')
    form.set('overwrite', 'true')
    form.set('subfolder', SUBFOLDER)
    const { name, subfolder } = parseAnswer(uploaded, await this.#service.ask('/upload/image', { method: 'POST', body: form, signal }), phrase('the name of a file', '文件名'))
    return subfolder === '' ? name : `${subfolder}/${name}`
  }

  async #graphFaults(signal: AbortSignal): Promise<readonly string[]> {
    const info = parseAnswer(objectInfo, await this.#service.ask('/object_info', { signal, maxAnswerBytes: MOST_LISTING_BYTES }), phrase('a list of nodes', '节点列表'))
    return this.models.flatMap(({ id, graph, map }) => graphFaults(graph, info, pathsOf(map)).map((fault) => `${id}: ${fault}`))
  }
}

/** The same video is the same prompt, however often it is sent. */
function uuidOf(videoId: VideoId): string {
  return videoId.slice('video_'.length).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

/** Another one for each video, the same when it is sent again. */
const seedOf = (videoId: VideoId): number => Number.parseInt(videoId.slice(-12), 16)
