import type { StandIn, StandInOptions } from './stand-in.ts'
import { fileFields, textField, type Answer, type Received } from './strict-server.ts'
import { startVideoJobs, type Family } from './video-jobs.ts'

const TEXTS: ReadonlySet<string> = new Set(['prompt', 'model', 'seconds', 'size'])
const SIZES: ReadonlySet<string> = new Set(['720x1280', '1280x720', '1024x1792', '1792x1024'])

/** A server that takes the fields of OpenAI's official contract and no others. */
export async function startGeneric({ model, ...options }: StandInOptions & { readonly model: string }): Promise<StandIn> {
  return await startVideoJobs(family(model), options)
}

const refuse = (status: number, message: string): Answer => ({ status, body: { error: { message, type: 'invalid_request_error', param: null, code: null } } })

function family(model: string): Family {
  return {
    refuse,
    models: [model],
    noContent: { elsewhere: 404, early: 404 },
    read: (request) => faultOf(request) ?? {
      model: textField(request, 'model') ?? model, prompt: textField(request, 'prompt') ?? '', seconds: textField(request, 'seconds') ?? '4', size: textField(request, 'size') ?? '720x1280',
    },
    show: ({ looks, ...job }, status, error) => ({
      ...job, object: 'video', status, progress: status === 'completed' ? 100 : looks, created_at: 1, completed_at: null, expires_at: null, remixed_from_video_id: null,
      error: error === null ? null : { code: 'moderation_blocked', message: error },
    }),
  }
}

function faultOf(request: Received): Answer | null {
  if (request.kind !== 'multipart') return refuse(400, 'multipart/form-data is expected')
  const files = fileFields(request)
  const odd = request.fields.find((field) => ('filename' in field ? field.name !== 'input_reference' : !TEXTS.has(field.name)))
  if (odd !== undefined) return refuse(400, `Unknown parameter: '${odd.name}'.`)
  if (files.length > 1) return refuse(400, "Duplicate parameter: 'input_reference'.")
  if (!textField(request, 'prompt')) return refuse(400, "Missing required parameter: 'prompt'.")
  if (!['4', '8', '12'].includes(textField(request, 'seconds') ?? '4')) return refuse(400, "Invalid value for 'seconds'.")
  if (!SIZES.has(textField(request, 'size') ?? '720x1280')) return refuse(400, "Invalid value for 'size'.")
  return null
}
