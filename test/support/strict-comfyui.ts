import { z } from 'zod'
import comfyNodes from '../fixtures/comfyui-object-info.json' with { type: 'json' }
import { promptFault, type PromptGraph } from './comfyui-prompt.ts'
import type { StandIn, StandInOptions } from './stand-in.ts'
import { fileFields, startStrictServer, textField, type Answer, type Interference, type Received } from './strict-server.ts'

interface Prompt { readonly id: string; readonly graph: PromptGraph; looks: number; isInterrupted: boolean }
type Place = 'pending' | 'running' | 'history'

export interface ComfyUi extends StandIn {
  /** Graphs that were accepted, by prompt id. */
  readonly graphs: ReadonlyMap<string, PromptGraph>
  /** Uploaded files by the name that graphs use. */
  readonly inputs: ReadonlyMap<string, Uint8Array>
}

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const promptBody = z.strictObject({ prompt: z.record(z.string(), z.strictObject({ class_type: z.string(), inputs: z.record(z.string(), z.unknown()), _meta: z.unknown().optional() })), prompt_id: z.string().regex(uuid), client_id: z.string().optional() })
const UPLOAD_FIELDS: ReadonlySet<string> = new Set(['image', 'type', 'overwrite', 'subfolder'])

/** ComfyUI's routes for prompts: graphs are judged by what its nodes say of their inputs. A prompt moves on with each look at the queue. */
export async function startComfyUi({ video, key }: StandInOptions): Promise<ComfyUi> {
  const prompts = new Map<string, Prompt>()
  const graphs = new Map<string, PromptGraph>()
  const inputs = new Map<string, Uint8Array>()
  const state = { video, failure: null as string | null, isHeld: false, outputUrl: null as string | null, interfere: null as Interference | null }
  const placeOf = ({ looks, isInterrupted }: Prompt): Place => {
    if (isInterrupted) return 'history'
    if (looks <= 1) return 'pending'
    return looks === 2 || state.isHeld ? 'running' : 'history'
  }
  const queue = (): Answer => {
    const placed = Map.groupBy(prompts.values(), placeOf)
    const body = { queue_running: placed.get('running')?.map(queueItem) ?? [], queue_pending: placed.get('pending')?.map(queueItem) ?? [] }
    for (const prompt of prompts.values()) prompt.looks++
    return { status: 200, body }
  }
  const history = (id: string): Answer => {
    const prompt = prompts.get(id)
    if (prompt === undefined) return { status: 200, body: {} }
    if (placeOf(prompt) === 'running') prompt.looks++ // it goes on while nobody asks for the queue
    return { status: 200, body: placeOf(prompt) === 'history' ? { [id]: entryOf(prompt, state.failure) } : {} }
  }
  const submit = (request: Received): Answer => {
    const { success, data, error } = promptBody.safeParse(request.json)
    if (!success) return refuse('invalid_request', error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '))
    const fault = promptFault(data.prompt, inputs)
    if (fault !== null) return refuse('prompt_outputs_failed_validation', fault)
    prompts.set(data.prompt_id, { id: data.prompt_id, graph: data.prompt, looks: 0, isInterrupted: false })
    graphs.set(data.prompt_id, data.prompt)
    return { status: 200, body: { prompt_id: data.prompt_id, number: prompts.size, node_errors: {} } }
  }
  const change = ({ json }: Received): Answer => {
    const { delete: ids } = z.strictObject({ delete: z.array(z.string()) }).parse(json)
    for (const prompt of prompts.values()) if (ids.includes(prompt.id) && placeOf(prompt) === 'pending') prompts.delete(prompt.id)
    return { status: 200, body: '' }
  }
  const interrupt = ({ json }: Received): Answer => {
    const prompt = prompts.get(z.strictObject({ prompt_id: z.string() }).parse(json).prompt_id)
    if (prompt !== undefined && placeOf(prompt) === 'running') prompt.isInterrupted = true
    return { status: 200, body: '' }
  }
  const view = ({ query }: Received): Answer => {
    if (state.outputUrl !== null) return { status: 302, body: '', headers: { location: state.outputUrl } }
    const isKnown = [...prompts.keys()].some((id) => query.get('filename') === fileOf(id)) && query.get('subfolder') === 'dramatis' && query.get('type') === 'output'
    return isKnown ? { status: 200, body: state.video } : { status: 404, body: '' }
  }
  const routes: Readonly<Record<string, (request: Received) => Answer>> = {
    'GET /system_stats': () => ({ status: 200, body: { system: { comfyui_version: '0.3.64' }, devices: [] } }),
    'GET /object_info': () => ({ status: 200, body: comfyNodes }),
    'POST /upload/image': (request) => upload(request, inputs),
    'POST /prompt': submit,
    'GET /queue': queue,
    'POST /queue': change,
    'POST /interrupt': interrupt,
    'GET /view': view,
  }
  const server = await startStrictServer((request) => {
    if (key !== undefined && request.headers.authorization !== `Bearer ${key}`) return { status: 401, body: 'Unauthorized' }
    if (request.method === 'GET' && request.path.startsWith('/history/')) return history(request.path.slice('/history/'.length))
    return routes[`${request.method} ${request.path}`]?.(request) ?? { status: 404, body: '404: Not Found' }
  }, state)
  return Object.assign(state, {
    graphs, inputs, url: server.origin, pair: server.pair, received: server.received,
    restart: () => { prompts.clear() },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  })
}

const queueItem = ({ id, graph }: Prompt, number: number): unknown => [number, id, graph, { client_id: 'x' }, ['file']]

const refuse = (type: string, details: string): Answer => ({ status: 400, body: { error: { type, message: 'Prompt outputs failed validation', details, extra_info: {} }, node_errors: {} } })

const fileOf = (id: string): string => `${id}_00001_.mp4`

/** SaveVideo lists its videos as pictures. */
function entryOf({ id, isInterrupted, graph }: Prompt, failure: string | null): unknown {
  const start = ['execution_start', { prompt_id: id, timestamp: 1 }]
  if (isInterrupted) return { outputs: {}, status: { status_str: 'error', completed: false, messages: [start, ['execution_interrupted', { prompt_id: id, node_type: 'KSampler' }]] } }
  if (failure !== null) {
    return { outputs: {}, status: { status_str: 'error', completed: false, messages: [start, ['execution_error', { prompt_id: id, node_id: 'x', node_type: 'KSampler', exception_message: failure, exception_type: 'RuntimeError', traceback: [] }]] } }
  }
  const saved = Object.entries(graph).filter(([, { class_type }]) => class_type === 'SaveVideo').map(([node]) => [node, { images: [{ filename: fileOf(id), subfolder: 'dramatis', type: 'output' }], animated: [true] }])
  return { outputs: Object.fromEntries(saved), status: { status_str: 'success', completed: true, messages: [start, ['execution_success', { prompt_id: id, timestamp: 2 }]] } }
}

function upload(request: Received, inputs: Map<string, Uint8Array>): Answer {
  const [file, ...others] = fileFields(request)
  const isOdd = request.fields.some(({ name }) => !UPLOAD_FIELDS.has(name))
  if (file?.name !== 'image' || others.length > 0 || isOdd || textField(request, 'type') !== 'input') return { status: 400, body: '' }
  const subfolder = textField(request, 'subfolder') ?? ''
  const path = subfolder === '' ? file.filename : `${subfolder}/${file.filename}`
  if (inputs.has(path) && textField(request, 'overwrite') !== 'true') return { status: 400, body: 'it is there already' }
  inputs.set(path, file.bytes)
  return { status: 200, body: { name: file.filename, subfolder, type: 'input' } }
}
