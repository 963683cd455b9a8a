import { z } from 'zod'
import type { StandIn, StandInOptions } from './stand-in.ts'
import { fileFields, textField, type Answer, type Received } from './strict-server.ts'
import { startVideoJobs, type Family, type Job } from './video-jobs.ts'

const TEXTS: ReadonlySet<string> = new Set(['prompt', 'model', 'seconds', 'size', 'fps', 'num_frames', 'seed', 'negative_prompt', 'guidance_scale', 'num_inference_steps', 'extra_body'])

/** `VideoGenerationsRequest`. `input_reference` is a path on the server, and no client's business. */
const jsonBody = z.strictObject({
  prompt: z.string().min(1),
  model: z.string().optional(),
  seconds: z.int().min(1).optional(),
  size: z.string().regex(/^\d+x\d+$/).optional(),
  fps: z.int().optional(),
  num_frames: z.int().optional(),
  seed: z.int().optional(),
  negative_prompt: z.string().optional(),
  guidance_scale: z.number().optional(),
  num_inference_steps: z.int().optional(),
  reference_url: z.string().optional(),
  extra_body: z.record(z.string(), z.unknown()).optional(),
})

/** SGLang's older kind: multipart needs a file, what it shows of a job lacks its error. */
export async function startSglang({ model, ...options }: StandInOptions & { readonly model: string }): Promise<StandIn> {
  return await startVideoJobs(family(model), options)
}

const refuse = (status: number, detail: unknown): Answer => ({ status, body: { detail } })

function family(model: string): Family {
  return {
    refuse,
    models: [model],
    noContent: { elsewhere: 400, early: 404 },
    read: (request) => (request.kind === 'multipart' ? readForm(request) : readJson(request)),
    show: ({ id, model, seconds, size, looks }, status) => ({ id, object: 'video', model, status, progress: status === 'completed' ? 100 : Math.min(looks, 99), created_at: 1, size, seconds, quality: 'standard' }),
  }
}

function readForm(request: Received): Answer | Omit<Job, 'id' | 'looks'> {
  const files = fileFields(request)
  const prompt = textField(request, 'prompt')
  const seconds = textField(request, 'seconds') ?? '4'
  if (!prompt) return refuse(400, 'prompt is required')
  if (!files.some(({ name }) => name === 'input_reference')) return refuse(400, 'input_reference file is required')
  const odd = request.fields.find((field) => ('filename' in field ? field.name !== 'input_reference' : !TEXTS.has(field.name)))
  if (odd !== undefined || files.length > 1) return refuse(422, [{ type: 'extra_forbidden', loc: ['body', odd?.name ?? 'input_reference'], msg: 'Extra inputs are not permitted' }])
  if (!/^\d+$/.test(seconds)) return refuse(422, [{ type: 'int_parsing', loc: ['body', 'seconds'], msg: 'Input should be a valid integer' }])
  if (!files[0].mime.startsWith('image/')) return refuse(400, 'input_reference is not an image')
  return { model: textField(request, 'model') ?? 'sora-2', prompt, seconds, size: textField(request, 'size') ?? '720x1280' }
}

function readJson(request: Received): Answer | Omit<Job, 'id' | 'looks'> {
  const { success, data, error } = jsonBody.safeParse(request.json)
  if (!success) return refuse(400, `Invalid request body: ${error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; ')}`)
  return { model: data.model ?? 'sora-2', prompt: data.prompt, seconds: String(data.seconds ?? 4), size: data.size ?? '720x1280' }
}
