import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { z } from 'zod'

/** What a vendor's next status says. */
export type VendorState =
  | { readonly at: 'working' }
  | { readonly at: 'done'; readonly url?: string; readonly base64?: string }
  | { readonly at: 'failed'; readonly message: string }

/** The video doors of four vendors behind one address, in the shapes that their packages speak. What they do not know, they refuse in their own form. */
export interface StrictVendors extends AsyncDisposable {
  readonly url: string
  state: VendorState
  /** Requests so far, `POST /v2/video_generation`. */
  readonly lines: readonly string[]
  /** The bodies of accepted creates, as they came. */
  readonly bodies: readonly string[]
  /** The next requests are answered with these, first come first served. */
  readonly trouble: { readonly status: number; readonly body: string; readonly location?: string }[]
}

const dataUri = z.string().regex(/^data:(?:image|video)\/[\w.+-]+;base64,[A-Za-z0-9+/]+=*$/)
const base64 = z.base64().min(1)
const KEY = 'vendor-key-0123456789'
export const VENDOR_KEY = KEY

interface Vendor {
  readonly create: RegExp
  readonly poll: RegExp
  readonly auth: string
  readonly body: z.ZodType
  readonly created: unknown
  readonly states: (state: VendorState) => unknown
  readonly refusal: (message: string) => unknown
}

const VENDORS: readonly Vendor[] = [
  { // DashScope
    create: /^POST \/api\/v1\/services\/aigc\/video-generation\/video-synthesis$/,
    poll: /^GET \/api\/v1\/tasks\/task-1$/,
    auth: `Bearer ${KEY}`,
    body: z.strictObject({
      model: z.string(),
      input: z.strictObject({ prompt: z.string(), negative_prompt: z.string().optional(), media: z.array(z.strictObject({ type: z.enum(['reference_image', 'first_frame']), url: dataUri })).optional() }),
      parameters: z.strictObject({ duration: z.int(), seed: z.int().optional(), resolution: z.enum(['480P', '720P', '1080P']), ratio: z.string(), prompt_extend: z.boolean().optional() }),
    }),
    created: { output: { task_status: 'PENDING', task_id: 'task-1' }, request_id: 'r' },
    states: (state) => ({ output: { task_id: 'task-1', ...(state.at === 'working' ? { task_status: 'RUNNING' } : state.at === 'failed' ? { task_status: 'FAILED', message: state.message } : { task_status: 'SUCCEEDED', video_url: state.url }) } }),
    refusal: (message) => ({ code: 'InvalidParameter', message, request_id: 'r' }),
  },
  { // Vertex, express mode
    create: /^POST \/models\/veo-3\.1-[\w-]+:predictLongRunning$/,
    poll: /^POST \/models\/veo-3\.1-[\w-]+:fetchPredictOperation$/,
    auth: KEY,
    body: z.strictObject({
      instances: z.tuple([z.strictObject({
        prompt: z.string(),
        image: z.strictObject({ bytesBase64Encoded: base64, mimeType: z.string() }).optional(),
        referenceImages: z.array(z.strictObject({ image: z.strictObject({ bytesBase64Encoded: base64, mimeType: z.string() }), referenceType: z.literal('asset') })).max(3).optional(),
      })]),
      parameters: z.strictObject({ sampleCount: z.literal(1), aspectRatio: z.enum(['16:9', '9:16']), resolution: z.enum(['720p', '1080p', '4k']), durationSeconds: z.int(), seed: z.int().optional(), negativePrompt: z.string().optional() }),
    }),
    created: { name: 'operations/1' },
    states: (state) => ({ name: 'operations/1', ...(state.at === 'failed' ? { done: true, error: { code: 3, message: state.message } } : state.at === 'done' && { done: true, response: { videos: [{ ...(state.base64 === undefined ? { gcsUri: state.url } : { bytesBase64Encoded: state.base64 }), mimeType: 'video/mp4' }] } }) }),
    refusal: (message) => ({ error: { code: 400, message, status: 'INVALID_ARGUMENT' } }),
  },
  { // MiniMax
    create: /^POST \/v2\/video_generation$/,
    poll: /^GET \/v2\/query\/video_generation\/task-1$/,
    auth: `Bearer ${KEY}`,
    body: z.strictObject({
      model: z.string(),
      content: z.array(z.discriminatedUnion('type', [
        z.strictObject({ type: z.literal('text'), text: z.string() }),
        z.strictObject({ type: z.literal('image_url'), image_url: z.strictObject({ url: dataUri }), role: z.enum(['reference_image', 'first_frame']) }),
        z.strictObject({ type: z.literal('video_url'), video_url: z.strictObject({ url: dataUri }), role: z.literal('reference_video') }),
      ])),
      resolution: z.enum(['768P', '2K']),
      duration: z.int().min(4).max(15),
      ratio: z.string().optional(),
    }),
    created: { task_id: 'task-1' },
    states: (state) => ({ task: { id: 'task-1', ...(state.at === 'working' ? { status: 'running' } : state.at === 'failed' ? { status: 'failed', error: { code: 1, message: state.message } } : { status: 'succeeded', content: { url: state.url } }) } }),
    refusal: (message) => ({ type: 'error', error: { type: 'bad_request', message, http_code: '400' } }),
  },
  { // xAI
    create: /^POST \/videos\/generations$/,
    poll: /^GET \/videos\/task-1$/,
    auth: `Bearer ${KEY}`,
    body: z.strictObject({
      model: z.string(), prompt: z.string(), duration: z.int(), aspect_ratio: z.string(), resolution: z.enum(['480p', '720p']),
      image: z.strictObject({ url: dataUri }).optional(), reference_images: z.array(z.strictObject({ url: dataUri })).max(7).optional(),
    }),
    created: { request_id: 'task-1' },
    states: (state) => (state.at === 'working' ? { status: 'pending' } : state.at === 'failed' ? { status: 'failed', error: { message: state.message } } : { status: 'done', video: { url: state.url, duration: 8 } }),
    refusal: (message) => ({ error: { message, type: 'invalid_request_error' } }),
  },
]

export async function startStrictVendors(): Promise<StrictVendors> {
  const vendors = { state: { at: 'working' } as VendorState, lines: [] as string[], bodies: [] as string[], trouble: [] as StrictVendors['trouble'] }
  const server = createServer((request, response) => { void answer(request, response, vendors) })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const { port } = server.address() as AddressInfo // it listens on a port
  return Object.assign(vendors, {
    url: `http://127.0.0.1:${port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => { server.close(resolve) })
    },
  })
}

type Vendors = Pick<StrictVendors, 'trouble' | 'state'> & { readonly lines: string[]; readonly bodies: string[] }

async function answer(request: IncomingMessage, response: ServerResponse, vendors: Vendors): Promise<void> {
  const line = `${request.method} ${request.url}`
  vendors.lines.push(line)
  const text = await textOf(request)
  const next = vendors.trouble.shift()
  if (next !== undefined) {
    response.writeHead(next.status, { 'content-type': 'application/json', ...(next.location !== undefined && { location: next.location }) }).end(next.body)
    return
  }
  const vendor = VENDORS.find(({ create, poll }) => create.test(line) || poll.test(line))
  const auth = request.headers.authorization ?? request.headers['x-goog-api-key']
  if (vendor === undefined) send(response, 404, { error: { message: 'Not Found' } })
  else if (auth !== vendor.auth) send(response, 401, vendor.refusal('bad key'))
  else if (vendor.poll.test(line)) send(response, 200, vendor.states(vendors.state))
  else create(text, { response, vendor, bodies: vendors.bodies })
}

function create(text: string, { response, vendor, bodies }: { readonly response: ServerResponse; readonly vendor: Vendor; readonly bodies: string[] }): void {
  const { error } = vendor.body.safeParse(JSON.parse(text))
  if (error !== undefined) return send(response, 400, vendor.refusal(z.prettifyError(error)))
  bodies.push(text)
  return send(response, 200, vendor.created)
}

function send(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) text += chunk
  return text
}
