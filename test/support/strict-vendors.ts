import { z } from 'zod'
import type { StandIn, StandInOptions } from './stand-in.ts'
import { startStrictServer, type Answer, type Interference, type Received } from './strict-server.ts'

/** What a status says. */
type JobState = { readonly at: 'working' } | { readonly at: 'done'; readonly url: string; readonly base64: string } | { readonly at: 'failed'; readonly message: string }

/** The video door of a vendor, in the shapes that its package speaks. */
interface Vendor {
  readonly create: RegExp
  readonly poll: RegExp
  readonly auth: (key: string) => Readonly<Record<string, string>>
  readonly body: z.ZodType
  readonly created: unknown
  readonly show: (state: JobState) => unknown
  readonly refuse: (message: string) => unknown
}

const dataUri = z.string().regex(/^data:(?:image|video)\/[\w.+-]+;base64,[A-Za-z0-9+/]+=*$/)
const base64 = z.base64().min(1)
const bearer = (key: string): Readonly<Record<string, string>> => ({ authorization: `Bearer ${key}` })

const TASK = 'task-1'

function alibabaOutput(state: JobState): unknown {
  switch (state.at) {
    case 'working': return { task_status: 'RUNNING' }
    case 'failed': return { task_status: 'FAILED', message: state.message }
    case 'done': return { task_status: 'SUCCEEDED', video_url: state.url }
  }
}

function vertexOutput(state: JobState): unknown {
  switch (state.at) {
    case 'working': return {}
    case 'failed': return { done: true, error: { code: 3, message: state.message } }
    case 'done': return { done: true, response: { videos: [{ ...(state.base64 === '' ? { gcsUri: state.url } : { bytesBase64Encoded: state.base64 }), mimeType: 'video/mp4' }] } }
  }
}

function minimaxOutput(state: JobState): unknown {
  switch (state.at) {
    case 'working': return { status: 'running' }
    case 'failed': return { status: 'failed', error: { code: 1, message: state.message } }
    case 'done': return { status: 'succeeded', content: { url: state.url } }
  }
}

function xaiOutput(state: JobState): unknown {
  switch (state.at) {
    case 'working': return { status: 'pending' }
    case 'failed': return { status: 'failed', error: { message: state.message } }
    case 'done': return { status: 'done', video: { url: state.url, duration: 8 } }
  }
}

/** By the package that speaks to them. */
const VENDORS = {
  '@ai-sdk/alibaba': {
    create: /^POST \/api\/v1\/services\/aigc\/video-generation\/video-synthesis$/,
    poll: /^GET \/api\/v1\/tasks\/task-1$/,
    auth: bearer,
    body: z.strictObject({
      model: z.string(),
      input: z.strictObject({ prompt: z.string(), negative_prompt: z.string().optional(), media: z.array(z.strictObject({ type: z.enum(['reference_image', 'first_frame']), url: dataUri })).optional() }),
      parameters: z.strictObject({ duration: z.int().min(2).max(15), seed: z.int().optional(), resolution: z.enum(['480P', '720P', '1080P']), ratio: z.string() }),
    }),
    created: { output: { task_status: 'PENDING', task_id: TASK }, request_id: 'r' },
    show: (state) => ({ output: Object.assign({ task_id: TASK }, alibabaOutput(state)) }),
    refuse: (message) => ({ code: 'InvalidParameter', message, request_id: 'r' }),
  },
  // In express mode: with a key.
  '@ai-sdk/google-vertex': {
    create: /^POST \/models\/veo-3\.1-[\w-]+:predictLongRunning$/,
    poll: /^POST \/models\/veo-3\.1-[\w-]+:fetchPredictOperation$/,
    auth: (key) => ({ 'x-goog-api-key': key }),
    body: z.strictObject({
      instances: z.tuple([z.strictObject({
        prompt: z.string(),
        image: z.strictObject({ bytesBase64Encoded: base64, mimeType: z.string() }).optional(),
        referenceImages: z.array(z.strictObject({ image: z.strictObject({ bytesBase64Encoded: base64, mimeType: z.string() }), referenceType: z.literal('asset') })).max(3).optional(),
      })]),
      parameters: z.strictObject({ sampleCount: z.literal(1), aspectRatio: z.enum(['16:9', '9:16']), resolution: z.enum(['720p', '1080p', '4k']), durationSeconds: z.literal(8), seed: z.int().optional(), negativePrompt: z.string().optional() }),
    }),
    created: { name: 'operations/1' },
    show: (state) => Object.assign({ name: 'operations/1' }, vertexOutput(state)),
    refuse: (message) => ({ error: { code: 400, message, status: 'INVALID_ARGUMENT' } }),
  },
  '@ai-sdk/minimax': {
    create: /^POST \/v2\/video_generation$/,
    poll: /^GET \/v2\/query\/video_generation\/task-1$/,
    auth: bearer,
    body: z.strictObject({
      model: z.string(),
      content: z.array(z.discriminatedUnion('type', [
        z.strictObject({ type: z.literal('text'), text: z.string() }),
        z.strictObject({ type: z.literal('image_url'), image_url: z.strictObject({ url: dataUri }), role: z.enum(['reference_image', 'first_frame']) }),
        z.strictObject({ type: z.literal('video_url'), video_url: z.strictObject({ url: dataUri }), role: z.literal('reference_video') }),
      ])),
      resolution: z.enum(['768P', '2K']),
      duration: z.int().min(4).max(15),
      ratio: z.enum(['21:9', '16:9', '4:3', '1:1', '3:4', '9:16']).optional(),
    }),
    created: { task_id: TASK },
    show: (state) => ({ task: Object.assign({ id: TASK }, minimaxOutput(state)) }),
    refuse: (message) => ({ type: 'error', error: { type: 'bad_request', message, http_code: '400' } }),
  },
  '@ai-sdk/xai': {
    create: /^POST \/videos\/generations$/,
    poll: /^GET \/videos\/task-1$/,
    auth: bearer,
    body: z.strictObject({
      model: z.string(), prompt: z.string(), duration: z.int().min(1).max(10), aspect_ratio: z.string(), resolution: z.enum(['480p', '720p']),
      image: z.strictObject({ url: dataUri }).optional(), reference_images: z.array(z.strictObject({ url: dataUri })).max(7).optional(),
    }),
    created: { request_id: TASK },
    show: xaiOutput,
    refuse: (message) => ({ error: { message, type: 'invalid_request_error' } }),
  },
} as const satisfies Readonly<Record<string, Vendor>>

export type VendorPackage = keyof typeof VENDORS
const FILM = '/store/film.mp4'

/**
 * The vendor behind a package of the AI SDK. What it does not know, it refuses in its own form. It holds one job, which is done at the second look unless it is held;
 * its films lie at an address, Vertex's in the answer unless `outputUrl` is set.
 */
export async function startStrictVendor(name: VendorPackage, { key, video }: StandInOptions & { readonly key: string }): Promise<StandIn> {
  const vendor: Vendor = VENDORS[name]
  const job = { looks: 0, isKnown: false }
  const state = { video, failure: null as string | null, isHeld: false, outputUrl: null as string | null, interfere: null as Interference | null }
  const look = (origin: string): JobState => {
    job.looks++
    if (state.isHeld || job.looks <= 1) return { at: 'working' }
    if (state.failure !== null) return { at: 'failed', message: state.failure }
    return { at: 'done', url: state.outputUrl ?? `${origin}${FILM}`, base64: state.outputUrl === null ? Buffer.from(state.video).toString('base64') : '' }
  }
  const create = ({ json }: Received): Answer => {
    const { error } = vendor.body.safeParse(json)
    if (error !== undefined) return { status: 400, body: vendor.refuse(z.prettifyError(error)) }
    Object.assign(job, { looks: 0, isKnown: true })
    return { status: 200, body: vendor.created }
  }
  const server = await startStrictServer((request): Answer => {
    const line = `${request.method} ${request.path}`
    if (line === `GET ${FILM}`) return request.headers.authorization === undefined ? { status: 200, body: state.video } : { status: 400, body: vendor.refuse('a signed link takes no key') }
    if (line === 'HEAD /') return { status: 404, body: '' }
    if (Object.entries(vendor.auth(key)).some(([header, value]) => request.headers[header] !== value)) return { status: 401, body: vendor.refuse('Incorrect API key provided') }
    if (vendor.create.test(line)) return create(request)
    if (vendor.poll.test(line) && job.isKnown) return { status: 200, body: vendor.show(look(server.origin)) }
    return { status: 404, body: vendor.refuse('Not found') }
  }, state)
  return Object.assign(state, {
    url: server.origin,
    pair: server.pair,
    received: server.received,
    restart: () => { job.isKnown = false },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  })
}
