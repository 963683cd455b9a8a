import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import comfyNodes from '../../test/fixtures/comfyui-object-info.json' with { type: 'json' }
import { backendRequest, reference } from '../../test/support/backend-request.ts'
import { startComfyUi, type ComfyUi } from '../../test/support/strict-comfyui.ts'
import { fileFields, once, textField } from '../../test/support/strict-server.ts'
import { backendSuite, follow, type BackendUnderTest } from '../../test/suites/backend-suite.ts'
import type { Backend, JsonObject } from './backend.ts'
import { createComfyUi } from './comfyui.ts'
import { comfyuiConfig } from './comfyui-config.ts'
import { NO_REASON } from './job-states.ts'

const VIDEO = Uint8Array.from({ length: 50_000 }, (_, index) => (index * 7919) >> 5)
const KEY = 'a-secret-of-the-operator'
const BUNDLED = new URL('comfyui/wan2.1-vace.api.json', import.meta.url)
const { signal } = new AbortController()

const VACE = { id: 'vace', preset: 'wan2.1-vace-1.3b' }
const start = (): Promise<ComfyUi> => startComfyUi({ video: VIDEO, key: KEY })

async function open({ url }: Pick<ComfyUi, 'url'>, model: object = VACE): Promise<Backend> {
  return await createComfyUi(comfyuiConfig.parse({ name: 'comfy', kind: 'comfyui', url, key: KEY, models: [model], timeoutSeconds: 5 }))
}

function underTest(service: ComfyUi): BackendUnderTest {
  return {
    open: () => open(service),
    video: VIDEO,
    service: {
      hold: (isHeld) => { service.isHeld = isHeld },
      fail: (said) => { service.failure = said },
      refuseNext: (status, said) => { service.interfere = once(({ path }) => path === '/prompt', { status, body: { error: { type: 'invalid_prompt', message: said, details: '', extra_info: {} }, node_errors: {} } }) },
      hangNext: () => { service.interfere = once(() => true, 'hang') },
      forget: () => { service.restart() },
      redirectOutput: (to) => { service.outputUrl = to },
    },
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  }
}

describe('comfyui keeps the contract', () => {
  backendSuite({ start: async () => underTest(await start()), can: { misbehave: true, sayWhy: true, resume: true } })
})

describe('what ComfyUI is sent', () => {
  test('is the picture, then the graph with everything in its place', async () => {
    await using service = await start()
    const backend = await open(service)
    const prompt = 'a woman, 50% slower, {"text"} \\n %date%'
    const request = backendRequest(backend.models[0], { references: [reference(1)], shot: { prompt, negativePrompt: 'blurry', size: '480x832', seconds: 5, seed: 7 } })
    const operation = await backend.submit(request, { signal })
    const uuid = request.videoId.slice(6).replace(/^(\w{8})(\w{4})(\w{4})(\w{4})/, '$1-$2-$3-$4-')
    expect(operation).toEqual({ promptId: uuid, output: 'file' })
    const upload = service.received.find(({ path }) => path === '/upload/image')
    expect(upload && fileFields(upload)).toEqual([{ name: 'image', filename: `${request.videoId}-image1.png`, mime: 'image/png', bytes: new Uint8Array(Buffer.from('image 1')) }])
    expect(upload && ['type', 'overwrite', 'subfolder'].map((name) => textField(upload, name))).toEqual(['input', 'true', 'dramatis'])
    const bundled = JSON.parse(await readFile(BUNDLED, 'utf8'))
    bundled.wanted.inputs.text = prompt
    bundled.unwanted.inputs.text = 'blurry'
    bundled.character.inputs.image = `dramatis/${request.videoId}-image1.png`
    Object.assign(bundled.vace.inputs, { width: 480, height: 832, length: 81 })
    bundled.denoised.inputs.seed = 7
    bundled.file.inputs.filename_prefix = `dramatis/${request.videoId}`
    expect(service.graphs.get(uuid)).toEqual(bundled)
  })

  test.each([[1, 17], [2, 33], [3, 49], [4, 65], [5, 81]])('%i s are %i frames', async (seconds, frames) => {
    await using service = await start()
    const backend = await open(service)
    const { promptId } = await backend.submit(backendRequest(backend.models[0], { shot: { seconds } }), { signal })
    expect(service.graphs.get(String(promptId))?.vace.inputs.length).toBe(frames)
  })

  test('without a reference has nothing that loads one', async () => {
    await using service = await start()
    const backend = await open(service)
    const { promptId } = await backend.submit(backendRequest(backend.models[0], { references: [] }), { signal })
    const graph = service.graphs.get(String(promptId))
    expect(Object.keys(graph ?? {})).not.toContain('character')
    expect(Object.keys(graph?.vace.inputs ?? {})).not.toContain('reference_image')
  })

  test('names the files of the larger model, and those of the operator', async () => {
    await using service = await start()
    const backend = await open(service, { id: 'big', preset: 'wan2.1-vace-14b', inputs: { 'denoised.steps': 30, 'diffusion_model.weight_dtype': 'fp8_e4m3fn' } })
    const { promptId } = await backend.submit(backendRequest(backend.models[0]), { signal })
    const graph = service.graphs.get(String(promptId))
    expect(graph?.diffusion_model.inputs).toEqual({ unet_name: 'wan2.1_vace_14B_fp16.safetensors', weight_dtype: 'fp8_e4m3fn' })
    expect(graph?.denoised.inputs.steps).toBe(30)
    expect(backend.models[0].capabilities.sizes).toContain('1280x720')
  })

  test('has a seed of its own for each video where none was asked for', async () => {
    await using service = await start()
    const backend = await open(service)
    const operations = [await backend.submit(backendRequest(backend.models[0]), { signal }), await backend.submit(backendRequest(backend.models[0]), { signal })]
    const seeds = operations.map(({ promptId }) => service.graphs.get(String(promptId))?.denoised.inputs.seed)
    expect(new Set(seeds).size).toBe(2)
    expect(seeds.every(Number.isSafeInteger)).toBe(true)
  })
})

test('sent twice, it is one prompt', async () => {
  await using service = await start()
  service.isHeld = true
  const backend = await open(service)
  const request = backendRequest(backend.models[0])
  const first = await backend.submit(request, { signal })
  expect(await backend.submit(request, { signal })).toEqual(first)
  expect(service.received.filter(({ path }) => path === '/prompt')).toHaveLength(1)
})

test('after it was forgotten it is sent again', async () => {
  await using service = await start()
  const backend = await open(service)
  const request = backendRequest(backend.models[0])
  await backend.submit(request, { signal })
  service.restart()
  const { states } = await follow(backend, await backend.submit(request, { signal }))
  expect(states).toContain('done')
})

test('an old ComfyUI that chooses the id of a prompt is followed by that', async () => {
  await using service = await start()
  service.interfere = once(({ path }) => path === '/prompt', { status: 200, body: { prompt_id: 'its-own', number: 1, node_errors: {} } })
  const backend = await open(service)
  expect(await backend.submit(backendRequest(backend.models[0]), { signal })).toEqual({ promptId: 'its-own', output: 'file' })
})

interface Running { readonly backend: Backend; readonly operation: JsonObject; look(times: number): Promise<void> }

async function running(service: ComfyUi): Promise<Running> {
  service.isHeld = true
  const backend = await open(service)
  const operation = await backend.submit(backendRequest(backend.models[0]), { signal })
  return { backend, operation, look: async (times) => { for (let time = 0; time < times; time++) await backend.status(operation, { signal }) } }
}

const interruptions = ({ received }: ComfyUi): readonly unknown[] => received.filter(({ path }) => path === '/interrupt').map(({ json }) => json)

describe('cancelling', () => {
  test('takes what waits out of the queue, and interrupts nobody', async () => {
    await using service = await start()
    const { backend, operation } = await running(service)
    await backend.cancel(operation, { signal })
    expect(interruptions(service)).toEqual([])
    expect(await backend.status(operation, { signal })).toEqual({ at: 'lost' })
  })

  test('interrupts what runs, by its id', async () => {
    await using service = await start()
    const { backend, operation, look } = await running(service)
    await look(3)
    await backend.cancel(operation, { signal })
    expect(interruptions(service)).toEqual([{ prompt_id: operation.promptId }])
    expect(await backend.status(operation, { signal })).toMatchObject({ at: 'failed', error: { code: 'cancelled' } })
  })

  test('never interrupts what somebody else runs', async () => {
    await using service = await start()
    const { backend, operation } = await running(service)
    service.interfere = ({ path, method }) => (path === '/queue' && method === 'GET' ? { status: 200, body: { queue_running: [[0, 'another', {}, {}, []]], queue_pending: [] } } : null)
    await backend.cancel(operation, { signal })
    expect(interruptions(service)).toEqual([])
  })
})

describe('a graph of the operator’s own', () => {
  let folder: string
  beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'graph-')) })
  afterEach(async () => { await rm(folder, { recursive: true }) })

  const PHANTOM = {
    1: { class_type: 'CLIPLoader', inputs: { clip_name: 'umt5_xxl_fp8_e4m3fn_scaled.safetensors', type: 'wan' } },
    2: { class_type: 'VAELoader', inputs: { vae_name: 'wan_2.1_vae.safetensors' } },
    3: { class_type: 'CLIPTextEncode', inputs: { clip: ['1', 0], text: '' } },
    4: { class_type: 'LoadImage', inputs: { image: '' } },
    5: { class_type: 'LoadImage', inputs: { image: '' } },
    6: { class_type: 'ImageBatch', inputs: { image1: ['4', 0], image2: ['5', 0] } },
    7: { class_type: 'WanPhantomSubjectToVideo', inputs: { positive: ['3', 0], negative: ['3', 0], vae: ['2', 0], width: 832, height: 480, length: 81, batch_size: 1, images: ['6', 0] } },
    8: { class_type: 'VAEDecode', inputs: { samples: ['7', 3], vae: ['2', 0] } },
    9: { class_type: 'CreateVideo', inputs: { images: ['8', 0], fps: 24 } },
    10: { class_type: 'SaveVideo', inputs: { video: ['9', 0], filename_prefix: 'x', format: 'mp4', codec: 'h264' } },
  }
  const MAP = { prompt: '3.text', references: ['4.image', '5.image'], width: '7.width', height: '7.height', frames: '7.length', fps: 24, output: '10' }

  async function graphFile(graph: unknown = PHANTOM): Promise<string> {
    const path = join(folder, 'graph.json')
    await writeFile(path, JSON.stringify(graph))
    return path
  }

  test('takes as many characters as its map has places for', async () => {
    await using service = await start()
    const backend = await open(service, { id: 'phantom', graph: await graphFile(), map: MAP })
    expect(backend.models[0].capabilities).toMatchObject({ maxCharacters: 2, maxReferences: 2, kinds: { image: { max: 2 } }, hasSeed: false, hasNegativePrompt: false, firstFrame: 'none' })
    const request = backendRequest(backend.models[0], { references: [reference(1), reference(2)], shot: { seconds: 5 } })
    const operation = await backend.submit(request, { signal })
    const graph = service.graphs.get(String(operation.promptId))
    expect([graph?.[4].inputs.image, graph?.[5].inputs.image]).toEqual([1, 2].map((n) => `dramatis/${request.videoId}-image${n}.png`))
    expect(graph?.[7].inputs.length).toBe(121)
    expect([...service.inputs.values()].map((bytes) => Buffer.from(bytes).toString())).toEqual(['image 1', 'image 2'])
    await follow(backend, operation)
  })

  test.each<[string, object, readonly string[]]>([
    ['every wrong path, by its name', { map: { ...MAP, width: '7.widht', references: ['4.image', '99.image'] } }, ['map.width: the graph has no input 7.widht', 'map.references[1]: the graph has no input 99.image']],
    ['an output that is not there', { map: { ...MAP, output: 'save' } }, ['map.output: the graph has no node save']],
    ['a value for what is not there', { inputs: { '9.frames': 5 } }, ['inputs: the graph has no input 9.frames']],
    ['more references than places', { capabilities: { kinds: { image: { max: 3, mimes: ['image/png'] } } } }, ['capabilities.kinds.image: the map has places for 2']],
    ['a seed without a place', { capabilities: { hasSeed: true } }, ['the map has no seed']],
  ])('%s is refused at start', async (_name, change, problems) => {
    const opening = open({ url: 'http://127.0.0.1:1' }, { id: 'phantom', graph: await graphFile(), map: MAP, ...change })
    const error: Error = await opening.then(() => { throw new Error('it started') }, (error: Error) => error)
    expect(error).toMatchObject({ name: 'UnusableBackend', path: 'models[0]' })
    expect(problems.filter((problem) => !error.message.includes(problem))).toEqual([])
  })

  test.each<[string, unknown, string]>([['saved by its page', { nodes: [], links: [] }, 'API format'], ['of another kind', { 1: { class: 'x' } }, '1.class_type: ']])('one %s is refused at start', async (_name, graph, reason) => {
    await expect(open({ url: 'http://127.0.0.1:1' }, { id: 'phantom', graph: await graphFile(graph), map: MAP })).rejects.toThrow(reason)
  })

  test('one that is not there is refused at start', async () => {
    await expect(open({ url: 'http://127.0.0.1:1' }, { id: 'phantom', graph: join(folder, 'missing.json'), map: MAP })).rejects.toThrow(/cannot be used: ENOENT/)
  })

  test.each([{ id: 'm' }, { id: 'm', graph: 'x.json' }, { id: 'm', preset: 'wan2.1-vace-14b', graph: 'x.json', map: MAP }])('a model is either known, or a graph and its map: not %o', (model) => {
    expect(comfyuiConfig.safeParse({ name: 'c', kind: 'comfyui', url: 'http://127.0.0.1:1', models: [model] }).success).toBe(false)
  })
})

describe('what ComfyUI answers', () => {
  const at = { status_str: 'success', completed: true, messages: [] }
  test.each<[string, object, object]>([
    ['videos listed as such', { outputs: { file: { gifs: [{ filename: 'a.mp4', subfolder: '', type: 'output' }] } }, status: at }, { at: 'done', output: { filename: 'a.mp4', subfolder: '', type: 'output' } }],
    ['no state, as old ones', { outputs: { file: { images: [{ filename: 'a.png' }, { filename: 'b.webm' }] } } }, { at: 'done', output: { filename: 'b.webm', subfolder: '', type: 'output' } }],
    ['an error without its words', { outputs: {}, status: { ...at, status_str: 'error' } }, { at: 'failed', error: { code: 'backend_rejected', details: { said: NO_REASON } } }],
    ['an error of a node without words', { outputs: {}, status: { ...at, status_str: 'error', messages: [['execution_error', { node_type: 'KSampler', exception_message: '' }]] } }, { at: 'failed', error: { details: { said: 'KSampler' } } }],
    ['an error of a node', { outputs: {}, status: { ...at, status_str: 'error', messages: [['execution_error', { node_type: 'KSampler', exception_message: 'out of\nmemory' }]] } }, { at: 'failed', error: { details: { said: 'KSampler: out of memory' } } }],
  ])('%s', async (_name, entry, status) => {
    await using service = await start()
    service.interfere = () => ({ status: 200, body: { p: entry } })
    expect(await (await open(service)).status({ promptId: 'p', output: 'file' }, { signal })).toMatchObject(status)
  })

  test('a prompt that saved no video is no video', async () => {
    await using service = await start()
    service.interfere = () => ({ status: 200, body: { p: { outputs: { file: { images: [{ filename: 'a.png' }] } }, status: at } } })
    await expect((await open(service)).status({ promptId: 'p', output: 'file' }, { signal })).rejects.toMatchObject({ code: 'output_invalid' })
  })

  test('one that ends between two looks is not lost', async () => {
    await using service = await start()
    let looks = 0
    const done = { p: { outputs: { file: { images: [{ filename: 'a.mp4' }] } }, status: at } }
    service.interfere = ({ path }) => ({ status: 200, body: path === '/queue' ? { queue_running: [], queue_pending: [] } : ++looks === 1 ? {} : done })
    expect(await (await open(service)).status({ promptId: 'p', output: 'file' }, { signal })).toMatchObject({ at: 'done' })
  })

  test('a video that was swept away is expired', async () => {
    await using service = await start()
    const backend = await open(service)
    await expect(backend.open({ promptId: 'p', output: 'file' }, { filename: 'gone.mp4', subfolder: 'dramatis', type: 'output' }, { signal, maxBytes: 10 })).rejects.toMatchObject({ code: 'output_expired' })
  })
})

const requiring = (node: { readonly input: { readonly required: object } }, change: object): object => ({ ...node, input: { ...node.input, required: { ...node.input.required, ...change } } })

describe('health', () => {
  test('asks for the nodes once, when they are there', async () => {
    await using service = await start()
    const backend = await open(service)
    await backend.health({ signal })
    expect(await backend.health({ signal })).toEqual({ isHealthy: true, says: 'It answers, and has what its graphs need.' })
    expect(service.received.map(({ path }) => path)).toEqual(['/system_stats', '/object_info', '/system_stats'])
  })

  test('knows the newer node that saves videos, whose codec belongs to its format', async () => {
    await using service = await start()
    const codec = ['COMFY_DYNAMICCOMBO_V3', { options: [{ key: 'auto', inputs: { required: {} } }, { key: 'h264', inputs: { required: {} } }] }]
    const format = ['COMFY_DYNAMICCOMBO_V3', { options: ['auto', 'mp4'].map((key) => ({ key, inputs: { required: { codec } } })) }]
    const newer = { input: { required: { video: ['VIDEO', {}], filename_prefix: ['STRING', {}], format }, optional: { codec } } }
    service.interfere = ({ path }) => (path === '/object_info' ? { status: 200, body: { ...comfyNodes, SaveVideo: newer } } : null)
    expect(await (await open(service)).health({ signal })).toMatchObject({ isHealthy: true })
  })

  const { UNETLoader, SaveVideo, KSampler, WanVaceToVideo } = comfyNodes

  test.each<[string, object, string]>([
    ['a node that is not installed', { WanVaceToVideo: undefined }, 'it has no node WanVaceToVideo'],
    ['a model file that is not there', { UNETLoader: requiring(UNETLoader, { unet_name: [['other.safetensors']] }) }, 'UNETLoader has no unet_name wan2.1_vace_1.3B_fp16.safetensors'],
    ['a codec that is not there', { SaveVideo: requiring(SaveVideo, { codec: ['COMBO', { options: ['auto'] }] }) }, 'SaveVideo has no codec h264'],
    ['an input it wants besides', { KSampler: requiring(KSampler, { noise: ['NOISE'] }) }, 'KSampler wants noise'],
    ['an input it no longer has', { WanVaceToVideo: requiring(WanVaceToVideo, { length: undefined }) }, 'WanVaceToVideo has no input length'],
  ])('tells %s', async (_name, changed, fault) => {
    await using service = await start()
    const nodes = { ...comfyNodes, ...changed }
    service.interfere = ({ path }) => (path === '/object_info' ? { status: 200, body: nodes } : null)
    const backend = await open(service)
    expect(await backend.health({ signal })).toEqual({ isHealthy: false, says: `It cannot run its graphs: vace: ${fault}.` })
    service.interfere = null
    expect(await backend.health({ signal })).toMatchObject({ isHealthy: true })
  })
})
