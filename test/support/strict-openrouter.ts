import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'

/** A model as `GET /videos/models` lists it, as far as requests are held to it. */
export interface OfferedModel { readonly id: string; readonly supported_sizes: readonly string[]; readonly supported_durations: readonly number[] }

export interface OpenRouterJob { status: 'pending' | 'in_progress' | 'completed' | 'failed' | 'cancelled' | 'expired'; error?: string; content: Uint8Array | null }

/** OpenRouter's video door as its published types describe it. What they do not know, it refuses in its own form. */
export interface StrictOpenRouter extends AsyncDisposable {
  readonly url: string
  readonly jobs: Map<string, OpenRouterJob>
  /** The bodies of accepted creates, as they came. */
  readonly bodies: readonly string[]
  /** Every request so far: `GET /api/v1/videos/models`. */
  readonly lines: readonly string[]
  /** The next requests are answered with these, first come first served. */
  readonly trouble: { readonly status: number; readonly body: string; readonly type?: string }[]
}

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

export async function startStrictOpenRouter({ key, models }: { readonly key: string; readonly models: readonly OfferedModel[] }): Promise<StrictOpenRouter> {
  const state = { jobs: new Map<string, OpenRouterJob>(), bodies: [] as string[], lines: [] as string[], trouble: [] as StrictOpenRouter['trouble'] }
  const server = createServer((request, response) => {
    void answer(request, { ...state, key, models, response })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const { port } = server.address() as AddressInfo // it listens on a port
  return {
    ...state,
    url: `http://127.0.0.1:${port}/api/v1`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => { server.close(resolve) })
    },
  }
}

interface Asked extends Pick<StrictOpenRouter, 'jobs' | 'trouble'> {
  readonly key: string
  readonly models: readonly OfferedModel[]
  readonly bodies: string[]
  readonly lines: string[]
  readonly response: ServerResponse
}

async function answer(request: IncomingMessage, asked: Asked): Promise<void> {
  const { response, lines, trouble, key } = asked
  lines.push(`${request.method} ${request.url}`)
  const body = await textOf(request)
  const next = trouble.shift()
  if (next !== undefined) response.writeHead(next.status, { 'content-type': next.type ?? 'application/json' }).end(next.body)
  else if (request.headers.authorization !== `Bearer ${key}`) fail(response, 401, 'No cookie auth credentials found')
  else route(`${request.method} ${request.url}`, { ...asked, body, type: request.headers['content-type'] ?? '' })
}

function route(line: string, asked: Asked & { readonly body: string; readonly type: string }): void {
  const [, id, file] = /^GET \/api\/v1\/videos\/([^/?]+)(\/content\?index=0)?$/.exec(line) ?? []
  if (line === 'POST /api/v1/videos') create(asked)
  else if (id === 'models') send(asked.response, 200, { data: asked.models.map((model) => ({ ...model, canonical_slug: `${model.id}-20261001`, name: model.id, created: 1_790_000_000 })) })
  else if (id === undefined) fail(asked.response, 404, 'Not Found')
  else if (file === undefined) poll(id, asked)
  else content(id, asked)
}

function create({ body, type, models, jobs, bodies, response }: Asked & { readonly body: string; readonly type: string }): void {
  const { data, error } = type === 'application/json' ? createSchema.safeParse(JSON.parse(body)) : { data: undefined, error: null }
  if (data === undefined) return fail(response, 400, error === null ? 'Expected a JSON body' : z.prettifyError(error))
  const model = models.find(({ id }) => id === data.model)
  if (model === undefined) return fail(response, 400, `Model ${data.model} does not exist`)
  if (data.size !== undefined && !model.supported_sizes.includes(data.size)) return fail(response, 400, `size: unsupported ${data.size}`)
  if (data.duration !== undefined && !model.supported_durations.includes(data.duration)) return fail(response, 400, `duration: unsupported ${data.duration}`)
  const id = `gen-vid-1790000000-${String(jobs.size).padStart(20, '0')}`
  jobs.set(id, { status: 'pending', content: null })
  bodies.push(body)
  return send(response, 202, { id, polling_url: `https://169.254.169.254/api/v1/videos/${id}`, status: 'pending' })
}

function poll(id: string, { jobs, response }: Asked): void {
  const job = jobs.get(id)
  if (job === undefined) return fail(response, 404, `Job ${id} not found`)
  const { status, error } = job
  return send(response, 200, {
    id, polling_url: `https://169.254.169.254/api/v1/videos/${id}`, status, ...(error !== undefined && { error }),
    ...(status === 'completed' && { generation_id: 'gen-1', unsigned_urls: ['https://169.254.169.254/secret.mp4'], usage: { cost: 0.25, is_byok: false } }),
  })
}

function content(id: string, { jobs, response }: Asked): void {
  const job = jobs.get(id)
  if (job === undefined) return fail(response, 404, `Job ${id} not found`)
  if (job.status !== 'completed') return fail(response, 409, 'The video is not ready')
  if (job.content === null) return fail(response, 410, 'The video is gone')
  response.writeHead(200, { 'content-type': 'video/mp4' }).end(job.content)
}

function fail(response: ServerResponse, code: number, message: string): void {
  send(response, code, { error: { code, message } })
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  return text
}
