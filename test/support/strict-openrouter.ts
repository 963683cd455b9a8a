import { z } from 'zod'
import type { StandIn, StandInOptions } from './stand-in.ts'
import { startStrictServer, type Answer, type Interference, type Received } from './strict-server.ts'

/** A model as `GET /videos/models` lists it, as far as requests are held to it. */
export interface OfferedModel { readonly id: string; readonly supported_sizes: readonly string[]; readonly supported_durations: readonly number[] }

/** Answers name these; nobody may ask for them. */
const ELSEWHERE = 'https://169.254.169.254/api/v1/videos'

const url = z.strictObject({ url: z.string().regex(/^(?:https:\/\/|data:[a-z]+\/[\w.+-]+;base64,[A-Za-z0-9+/]+=*$)/) })
const image = z.strictObject({ type: z.literal('image_url'), image_url: url })
const openSlugs = z.record(z.string(), z.record(z.string(), z.unknown()))

/** `VideoGenerationRequest` of @openrouter/sdk 1.3.19. */
const createSchema = z.strictObject({
  aspect_ratio: z.enum(['16:9', '9:16', '1:1', '4:3', '3:4', '3:2', '2:3', '21:9', '9:21']).optional(),
  callback_url: z.url({ protocol: /^https$/ }).optional(),
  creativity: z.int().optional(),
  duration: z.int().min(1).optional(),
  frame_images: z.array(image.extend({ frame_type: z.enum(['first_frame', 'last_frame']) })).optional(),
  generate_audio: z.boolean().optional(),
  input_references: z.array(z.discriminatedUnion('type', [
    image,
    z.strictObject({ type: z.literal('video_url'), video_url: url }),
    z.strictObject({ type: z.literal('audio_url'), audio_url: url }),
  ])).optional(),
  model: z.string(),
  previous_job_id: z.string().optional(),
  prompt: z.string().optional(),
  provider: z.strictObject({ options: openSlugs.optional() }).optional(),
  resolution: z.enum(['360p', '480p', '720p', '768p', '1080p', '1K', '2K', '4K']).optional(),
  seed: z.int().optional(),
  session_id: z.string().max(256).optional(),
  size: z.string().regex(/^\d+x\d+$/).optional(),
  trace: z.record(z.string(), z.unknown()).optional(),
  upscale_factor: z.number().optional(),
  user: z.string().optional(),
})

interface Job { readonly id: string; looks: number }
type JobState = 'pending' | 'in_progress' | 'completed' | 'failed'

interface Door { readonly models: readonly OfferedModel[]; readonly jobs: Map<string, Job>; readonly state: Pick<StandIn, 'video' | 'failure' | 'isHeld' | 'outputUrl'> }

/** OpenRouter's video door as its published types describe it. What they do not know, it refuses in its own form. It has no way to cancel: nothing held, a job is done at the second look. */
export async function startStrictOpenRouter({ models, key, video }: StandInOptions & { readonly models: readonly OfferedModel[] }): Promise<StandIn> {
  const jobs = new Map<string, Job>()
  const state = { video, failure: null as string | null, isHeld: false, outputUrl: null as string | null, interfere: null as Interference | null }
  const server = await startStrictServer((request) => {
    if (request.headers.authorization !== `Bearer ${key}`) return refuse(401, 'No cookie auth credentials found')
    return answer(request, { models, jobs, state })
  }, state)
  return Object.assign(state, {
    url: `${server.origin}/api/v1`,
    pair: server.pair,
    received: server.received,
    restart: () => { jobs.clear() },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  })
}

const refuse = (code: number, message: string): Answer => ({ status: code, body: { error: { code, message } } })

function answer(request: Received, door: Door): Answer {
  const { method, path, query } = request
  if (method === 'POST' && path === '/api/v1/videos') return create(request, door)
  const [, id, file] = (method === 'GET' && /^\/api\/v1\/videos\/([^/]+)(\/content)?$/.exec(path)) || []
  if (id === 'models') return { status: 200, body: { data: door.models.map((model) => ({ ...model, canonical_slug: `${model.id}-20261001`, name: model.id, created: 1_790_000_000 })) } }
  const job = door.jobs.get(id)
  if (job === undefined) return refuse(404, `Job ${id} not found`)
  if (file === undefined) return { status: 200, body: look(job, door) }
  return query.get('index') === '0' ? content(job, door) : refuse(400, 'index: required here')
}

function create({ kind, json }: Received, { models, jobs }: Door): Answer {
  const { data, error } = createSchema.safeParse(json)
  if (kind !== 'json' || data === undefined) return refuse(400, error === undefined ? 'Expected a JSON body' : z.prettifyError(error))
  const model = models.find(({ id }) => id === data.model)
  if (model === undefined) return refuse(400, `Model ${data.model} does not exist`)
  if (data.size !== undefined && !model.supported_sizes.includes(data.size)) return refuse(400, `size: unsupported ${data.size}`)
  if (data.duration !== undefined && !model.supported_durations.includes(data.duration)) return refuse(400, `duration: unsupported ${data.duration}`)
  const id = `gen-vid-1790000000-${String(jobs.size).padStart(20, '0')}`
  jobs.set(id, { id, looks: 0 })
  return { status: 202, body: { id, polling_url: `${ELSEWHERE}/${id}`, status: 'pending' } }
}

function stateOf({ looks }: Job, { isHeld, failure }: Door['state']): JobState {
  if (isHeld) return 'in_progress'
  if (looks <= 1) return 'pending'
  return failure === null ? 'completed' : 'failed'
}

function look(job: Job, { state }: Door): unknown {
  job.looks++
  const status = stateOf(job, state)
  return {
    id: job.id, polling_url: `${ELSEWHERE}/${job.id}`, status,
    ...(status === 'failed' && { error: state.failure }),
    ...(status === 'completed' && { generation_id: 'gen-1', unsigned_urls: [`${ELSEWHERE}/secret.mp4`], usage: { cost: 0.25, is_byok: false } }),
  }
}

function content(job: Job, { state }: Door): Answer {
  if (stateOf(job, state) !== 'completed') return refuse(409, 'The video is not ready')
  return state.outputUrl === null ? { status: 200, body: state.video } : { status: 302, body: '', headers: { location: state.outputUrl } }
}
