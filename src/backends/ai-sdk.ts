import { z } from 'zod'
import { AppError } from '../domain/errors.ts'
import { phrase } from '../domain/phrase.ts'
import { startDeadline } from '../net/deadline.ts'
import type { FetchSettings } from '../net/limits.ts'
import { invalidOutput, isGone, tooLarge, tooSlow } from '../net/service-call.ts'
import { createScrub, type Scrub } from '../net/service-words.ts'
import type { AiSdkConfig } from './ai-sdk/ai-sdk-config.ts'
import { loadFactory, videoModel, type Factory, type ImportPackage, type VideoFile, type VideoModel, type VideoOptions } from './ai-sdk/load-package.ts'
import type { Shape, TestedModel } from './ai-sdk/models.ts'
import { TESTED_PACKAGES, testedModel, type TestedPackage } from './ai-sdk/packages.ts'
import { createProviderFetch } from './ai-sdk/provider-fetch.ts'
import { assertAllSent, filesToSend, type Sent } from './ai-sdk/reference-guard.ts'
import type { Backend, BackendHealth, BackendModel, BackendRequest, BackendStatus, JsonObject, Picture } from './backend.ts'
import { serviceHealth } from './service-health.ts'
import { UnusableBackend } from './unusable-backend.ts'
import { openVendorFile } from './vendor-file.ts'

const MOST_WARNINGS = 10

const operationSchema = z.object({ model: z.string(), task: z.json(), warnings: z.array(z.string()) })

type Completed = Extract<Awaited<ReturnType<VideoModel['doStatus']>>, { status: 'completed' }>
type ProviderWarnings = Completed['warnings']

interface Model extends BackendModel { readonly shapes: TestedModel['shapes'] }

export interface AiSdkDeps {
  /** For videos that lie elsewhere. */
  readonly fetch: FetchSettings
  readonly load?: ImportPackage
}

/** The video models of a provider package. Rejects with {@link UnusableBackend}. */
export async function openAiSdk(config: AiSdkConfig, { fetch, load }: AiSdkDeps): Promise<Backend> {
  const tested = TESTED_PACKAGES.get(config.package)
  if (tested === undefined) throw new UnusableBackend('package', `${config.package} was not tested`)
  const factory = await loadFactory(config.package, { ...tested, load })
  const backend = new AiSdk(config, { tested, factory, fetch })
  backend.assertUsable()
  return backend
}

class AiSdk implements Backend {
  readonly name: string
  readonly pollMs: number
  readonly models: readonly Model[]
  readonly #config: AiSdkConfig
  readonly #tested: TestedPackage
  readonly #factory: Factory
  readonly #fetch: FetchSettings
  readonly #url: string
  readonly #scrub: Scrub

  constructor(config: AiSdkConfig, { tested, factory, fetch }: { readonly tested: TestedPackage; readonly factory: Factory; readonly fetch: FetchSettings }) {
    this.name = config.name
    this.pollMs = config.pollSeconds * 1000
    this.models = config.models.map((model) => asModel(model, config.package))
    this.#config = config
    this.#tested = tested
    this.#factory = factory
    this.#fetch = fetch
    this.#url = config.url ?? tested.url(config)
    this.#scrub = createScrub([...(config.key === undefined ? [] : [config.key]), ...Object.values(config.headers)])
  }

  assertUsable(): void {
    this.#model(this.models[0].id, globalThis.fetch)
  }

  /** Packages have no call that costs nothing: whether the address answers at all has to do. */
  async health({ signal }: { signal: AbortSignal }): Promise<BackendHealth> {
    return await serviceHealth(async () => {
      const response = await globalThis.fetch(new URL(this.#url).origin, { method: 'HEAD', redirect: 'manual', signal }).catch((error: unknown) => {
        throw signal.aborted ? signal.reason : new AppError('backend_unavailable', { cause: error })
      })
      return response.status >= 500 ? { isHealthy: false, says: `It answers with ${response.status}.` } : { isHealthy: true, says: 'It answers.' }
    })
  }

  async submit(request: BackendRequest, { signal }: { signal: AbortSignal }): Promise<JsonObject> {
    const options = this.#options(request)
    const { operation, warnings } = await this.#call(request.model, { signal, files: filesToSend(request) }, (model, abortSignal) => model.doStart({ ...options, abortSignal }))
    return operationSchema.parse({ model: request.model, task: operation, warnings: this.#words(warnings) })
  }

  async status(operation: JsonObject, { signal }: { signal: AbortSignal }): Promise<BackendStatus> {
    const { warnings } = operationSchema.parse(operation)
    const answer = await this.#ask(operation, signal)
    switch (answer?.status) {
      case undefined: return { at: 'lost' }
      case 'pending': return { at: 'running', progress: null }
      case 'error': return { at: 'failed', error: new AppError('backend_rejected', { details: { said: this.#scrub(answer.error) } }) }
      case 'completed': return { at: 'done', output: {}, warnings: [...warnings, ...this.#words(answer.warnings)].map((message) => ({ code: 'backend_said', message })) }
    }
  }

  /** Asks again where the video is: links are secrets and die soon, and some videos lie in the answer itself. */
  async open(operation: JsonObject, _output: JsonObject, options: { signal: AbortSignal; maxBytes: number }): Promise<AsyncIterable<Uint8Array>> {
    const answer = await this.#ask(operation, options.signal)
    if (answer?.status !== 'completed') throw new AppError('output_expired')
    const [video] = answer.videos
    switch (video?.type) {
      case 'url': return await openVendorFile(video.url, { settings: this.#fetch, ...options })
      case 'base64': return inOnePart(Buffer.from(video.data, 'base64'), options.maxBytes)
      case 'binary': return inOnePart(video.data, options.maxBytes)
      case 'uploaded': throw invalidOutput(phrase('it was stored elsewhere', '视频存放在别处'))
      case undefined: throw invalidOutput(phrase('there is none in its answer', '应答里没有视频'))
    }
  }

  /** Packages cannot stop what they started. */
  async cancel(): Promise<void> {}

  #options({ model: id, shot, references, firstFrame }: BackendRequest): VideoOptions {
    const options = { ...this.#config.options, ...(shot.negativePrompt !== null && { negativePrompt: shot.negativePrompt }) }
    return {
      prompt: shot.prompt,
      n: 1,
      ...shapeOf(shot.size, this.models.find((model) => model.id === id)),
      duration: shot.seconds,
      seed: shot.seed ?? undefined,
      image: undefined,
      frameImages: firstFrame === null ? undefined : [{ image: asFile(firstFrame), frameType: 'first_frame' }],
      inputReferences: references.length === 0 ? undefined : references.map(asFile),
      fps: undefined,
      generateAudio: undefined,
      providerOptions: Object.keys(options).length === 0 ? {} : { [this.#tested.options]: options },
    }
  }

  async #ask(operation: JsonObject, signal: AbortSignal): Promise<Awaited<ReturnType<VideoModel['doStatus']>> | null> {
    const { model: id, task } = operationSchema.parse(operation)
    return await this.#call(id, { signal, files: [] }, (model, abortSignal) => model.doStatus({ operation: task, abortSignal })).catch((error: unknown) => {
      if (isGone(error)) return null
      throw error
    })
  }

  async #call<T>(id: string, { signal, files }: { signal: AbortSignal; files: readonly Sent[] }, use: (model: VideoModel, signal: AbortSignal) => PromiseLike<T>): Promise<T> {
    using deadline = startDeadline(this.#config.timeoutSeconds * 1000, tooSlow, [signal])
    const { fetch, trouble } = createProviderFetch({
      origin: new URL(this.#url).origin, maxAnswerBytes: this.#tested.maxAnswerBytes, scrub: this.#scrub, signal: deadline.signal, inspect: (body) => assertAllSent(body, files),
    })
    try {
      return await use(this.#model(id, fetch), deadline.signal)
    } catch (error) {
      throw trouble.failure ?? (deadline.signal.aborted ? deadline.signal.reason : misread(error, trouble.isAsked))
    }
  }

  #model(id: string, fetch: typeof globalThis.fetch): VideoModel {
    const settings = { ...this.#tested.settings(this.#config, this.#url), headers: this.#config.headers, fetch }
    return videoModel(this.#factory, { settings, model: id, name: this.#config.package, tested: this.#tested.tested })
  }

  #words(warnings: ProviderWarnings): readonly string[] {
    return warnings.slice(0, MOST_WARNINGS).map((warning) => this.#scrub(sentence(warning)))
  }
}

function asModel({ id, preset, capabilities }: AiSdkConfig['models'][number], packageName: string): Model {
  const known = testedModel(packageName, preset ?? id)
  if ('refused' in known) throw new UnusableBackend('models', `${id} ${known.refused}`)
  return { id, capabilities: { ...known.capabilities, ...capabilities }, shapes: known.shapes }
}

/** A size of the operator's own goes as it is. */
const shapeOf = (size: string, model: Model | undefined): Pick<VideoOptions, 'resolution' | 'aspectRatio'> => {
  const { resolution, aspectRatio }: Shape = model?.shapes[size] ?? { resolution: asResolution(size) }
  return { resolution, aspectRatio }
}

function asResolution(size: string): Shape['resolution'] {
  const [width, height] = size.split('x').map(Number)
  return `${width}x${height}`
}

const asFile = ({ mime, bytes }: Picture): VideoFile => ({ type: 'file', mediaType: mime, data: bytes })

const sentence = (warning: ProviderWarnings[number]): string =>
  ('message' in warning ? warning.message : `${warning.feature}: ${warning.details ?? warning.type}`)

/** Before it asked, a package has only lacked something of its own, such as the machine's credentials. */
const misread = (error: unknown, isAsked: boolean): AppError =>
  (isAsked ? invalidOutput(phrase('its answer is not what its package expects', '应答与其软件包的预期不符'), error) : new AppError('backend_unavailable', { cause: error }))

async function *inOnePart(bytes: Uint8Array, maxBytes: number): AsyncGenerator<Uint8Array> {
  if (bytes.length > maxBytes) throw invalidOutput(tooLarge(maxBytes))
  yield bytes
}
