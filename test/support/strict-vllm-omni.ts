import type { StandIn, StandInOptions } from './stand-in.ts'
import { fileFields, textField, type Answer, type Received } from './strict-server.ts'
import { startVideoJobs, type Family } from './video-jobs.ts'

/** The form parameters of `POST /v1/videos`, as its documentation lists them. */
const TEXTS: ReadonlySet<string> = new Set([
  'prompt', 'model', 'seconds', 'size', 'width', 'height', 'num_frames', 'fps', 'seed', 'negative_prompt', 'num_inference_steps', 'guidance_scale', 'flow_shift',
  'extra_params', 'generate_sound', 'image_reference', 'video_reference', 'audio_reference',
])
const FILES: ReadonlySet<string> = new Set(['input_reference', 'input_references'])
const FORMS = { seconds: /^[1-9]\d*$/, size: /^[1-9]\d*x[1-9]\d*$/, seed: /^\d+$/, width: /^\d+$/, height: /^\d+$/, num_frames: /^\d+$/, fps: /^\d+$/ } as const

export interface VllmOmniOptions extends StandInOptions {
  readonly model: string
  /** Whether it takes references of several kinds; where not, it reads `input_references` as videos. */
  readonly isMixed?: boolean
}

/** vLLM-Omni as its published signature says. Unlike the real one it refuses what it does not know. */
export async function startVllmOmni({ model, isMixed = false, ...options }: VllmOmniOptions): Promise<StandIn> {
  return await startVideoJobs(family(model, isMixed), options)
}

const refuse = (status: number, detail: unknown): Answer => ({ status, body: { detail } })
const unprocessable = (field: string, msg: string): Answer => refuse(422, [{ type: 'value_error', loc: ['body', field], msg, input: null }])

function family(model: string, isMixed: boolean): Family {
  return {
    refuse,
    models: [model],
    noContent: { elsewhere: 404, early: 409 },
    read: (request) => faultOf(request, { model, isMixed }) ?? {
      model, prompt: textField(request, 'prompt') ?? '', seconds: textField(request, 'seconds') ?? '4', size: textField(request, 'size') ?? '',
    },
    show: ({ looks, ...job }, status, error) => ({
      ...job, object: 'video', status, progress: status === 'completed' ? 100 : Math.min(looks * 20, 90), created_at: 1, completed_at: status === 'completed' ? 2 : null,
      error: error === null ? null : { code: 'generation_failed', message: error },
    }),
  }
}

function faultOf(request: Received, { model, isMixed }: { model: string; isMixed: boolean }): Answer | null {
  if (request.kind !== 'multipart') return unprocessable('prompt', 'Field required')
  const unknown = request.fields.find((field) => !('filename' in field ? FILES : TEXTS).has(field.name))
  if (unknown !== undefined) return unprocessable(unknown.name, 'Extra inputs are not permitted')
  if (!textField(request, 'prompt')) return unprocessable('prompt', 'Field required')
  for (const [name, form] of Object.entries(FORMS)) {
    const value = textField(request, name)
    if (value !== null && !form.test(value)) return unprocessable(name, `String should match pattern '${form.source}'`)
  }
  const asked = textField(request, 'model')
  if (asked !== null && asked !== model) return refuse(400, `Model mismatch: request specifies '${asked}' but server is running '${model}'.`)
  return extraFault(request) ?? referenceFault(request, isMixed)
}

function extraFault(request: Received): Answer | null {
  try {
    JSON.parse(textField(request, 'extra_params') ?? '{}')
    return null
  } catch {
    return refuse(400, 'Invalid JSON in extra_params.')
  }
}

function referenceFault(request: Received, isMixed: boolean): Answer | null {
  const files = fileFields(request)
  const several = files.filter(({ name }) => name === 'input_references')
  const single = files.filter(({ name }) => name === 'input_reference')
  const isOtherwise = single.length > 0 || ['image_reference', 'video_reference'].some((name) => textField(request, name) !== null)
  if (several.length > 0 && isOtherwise) return refuse(400, 'Provide input_references alone, without input_reference, image_reference, or video_reference.')
  if (single.length > 1) return unprocessable('input_reference', 'Input should be one file')
  if (!isMixed && several.some(({ mime }) => !mime.startsWith('video/'))) return refuse(400, 'Invalid video reference.')
  const counts = ['image', 'video', 'audio'].map((kind) => files.filter(({ mime }) => mime.startsWith(`${kind}/`)).length)
  if (isMixed && (files.length > 12 || counts.some((count, at) => count > [9, 3, 3][at]))) return refuse(400, 'Too many references.')
  return null
}
