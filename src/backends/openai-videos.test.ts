import { describe, expect, test } from 'vitest'
import { backendRequest, reference } from '../../test/support/backend-request.ts'
import type { StandIn } from '../../test/support/stand-in.ts'
import { startGeneric } from '../../test/support/strict-generic.ts'
import { startSglang } from '../../test/support/strict-sglang.ts'
import { fileFields, once, textField, type Received } from '../../test/support/strict-server.ts'
import { startVllmOmni } from '../../test/support/strict-vllm-omni.ts'
import { backendSuite, follow, readAll, type BackendUnderTest } from '../../test/suites/backend-suite.ts'
import type { Backend } from './backend.ts'
import { createOpenAiVideos } from './openai-videos.ts'
import { openaiVideosConfig } from './openai-videos-config.ts'

const VIDEO = Uint8Array.from({ length: 50_000 }, (_, index) => (index * 7919) >> 5)
const KEY = 'sk-a-secret-of-the-operator'
const MODEL = 'Wan-AI/Wan2.1-VACE-1.3B-diffusers'
const { signal } = new AbortController()

type Dialect = 'vllm-omni' | 'sglang' | 'generic'
const START = { 'vllm-omni': startVllmOmni, sglang: startSglang, generic: startGeneric } as const
const DIALECTS: readonly Dialect[] = ['vllm-omni', 'sglang', 'generic']

interface Opening { readonly dialect: Dialect; readonly allow?: readonly string[]; readonly model?: object }

function open({ url, pair }: Pick<StandIn, 'url' | 'pair'>, { dialect, allow = [pair], model = {} }: Opening): Backend {
  const config = openaiVideosConfig.parse({ name: 'gpu', kind: 'openai-videos', url, key: KEY, dialect, models: [{ id: MODEL, ...model }], timeoutSeconds: 5 })
  return createOpenAiVideos(config, { fetch: { allow, dnsServers: [], maxBytes: 1 } })
}

const start = (dialect: Dialect): Promise<StandIn> => START[dialect]({ video: VIDEO, key: KEY, model: MODEL })

/** What `create` sent. */
function created({ received }: StandIn): Received {
  const request = received.find(({ method }) => method === 'POST')
  if (request === undefined) throw new Error('nothing was created')
  return request
}

const ERROR_FORMS = {
  'vllm-omni': (detail: string) => ({ detail }), sglang: (detail: string) => ({ detail }), generic: (message: string) => ({ error: { message, type: 'x', param: null, code: null } }),
} as const

function underTest(dialect: Dialect, service: StandIn): BackendUnderTest {
  return {
    open: async () => open(service, { dialect }),
    video: VIDEO,
    service: {
      hold: (isHeld) => { service.isHeld = isHeld },
      fail: (said) => { service.failure = said },
      refuseNext: (status, said) => { service.interfere = once(({ method }) => method === 'POST', { status, body: ERROR_FORMS[dialect](said) }) },
      hangNext: () => { service.interfere = once(() => true, 'hang') },
      forget: () => { service.restart() },
      redirectOutput: (to) => {
        service.outputUrl = `http://${service.pair}/elsewhere`
        service.interfere = ({ path }) => (path === '/elsewhere' ? { status: 302, body: '', headers: { location: to } } : null)
      },
    },
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  }
}

describe.each(DIALECTS)('%s keeps the contract', (dialect) => {
  backendSuite({ start: async () => underTest(dialect, await start(dialect)), can: { misbehave: true, sayWhy: dialect !== 'sglang', resume: true } })
})

describe('what vLLM-Omni is sent', () => {
  test('is multipart: every value as text, one reference as input_reference, byte for byte', async () => {
    await using service = await start('vllm-omni')
    const backend = open(service, { dialect: 'vllm-omni', model: { preset: 'wan2.1-vace-1.3b', extra: { cfg_parallel: true } } })
    const prompt = '让参考图中的角色 “dance”; 50% & 100\r\nlines'
    await backend.submit(backendRequest(backend.models[0], { references: [reference(1)], shot: { prompt, seconds: 5, seed: 7, negativePrompt: 'blurry' } }), { signal })
    expect(created(service).fields).toEqual([
      { name: 'model', value: MODEL },
      { name: 'prompt', value: prompt },
      { name: 'seconds', value: '5' },
      { name: 'size', value: '832x480' },
      { name: 'seed', value: '7' },
      { name: 'negative_prompt', value: 'blurry' },
      { name: 'extra_params', value: '{"cfg_parallel":true}' },
      { name: 'input_reference', filename: 'image1.png', mime: 'image/png', bytes: new Uint8Array(Buffer.from('image 1')) },
    ])
    expect(created(service).headers['content-type']).toMatch(/^multipart\/form-data; boundary=/)
  })

  test('several references go as a repeated input_references, in their order', async () => {
    await using service = await startVllmOmni({ video: VIDEO, key: KEY, model: 'h3', isMixed: true })
    const backend = open(service, { dialect: 'vllm-omni', model: { id: 'h3', preset: 'minimax-h3' } })
    const references = [reference(1), reference(2), reference(1, { kind: 'video', mime: 'video/mp4' }), reference(1, { kind: 'audio', mime: 'audio/wav' })]
    await backend.submit(backendRequest(backend.models[0], { references }), { signal })
    expect(fileFields(created(service)).map(({ name, filename, mime }) => [name, filename, mime])).toEqual([
      ['input_references', 'image1.png', 'image/png'], ['input_references', 'image2.png', 'image/png'], ['input_references', 'video1.mp4', 'video/mp4'], ['input_references', 'audio1.wav', 'audio/wav'],
    ])
    expect(textField(created(service), 'extra_params')).toBe('{"task":"ref2va"}')
    expect(textField(created(service), 'seconds')).toBe('4')
  })

  test('the operator’s own fields go along', async () => {
    await using service = await start('vllm-omni')
    const backend = open(service, { dialect: 'vllm-omni', model: { fields: { num_inference_steps: 30, fps: 16 } } })
    await backend.submit(backendRequest(backend.models[0]), { signal })
    expect(['num_inference_steps', 'fps'].map((name) => textField(created(service), name))).toEqual(['30', '16'])
  })

  test('without a reference and a seed it has no such fields', async () => {
    await using service = await start('vllm-omni')
    const backend = open(service, { dialect: 'vllm-omni' })
    await backend.submit(backendRequest(backend.models[0], { references: [] }), { signal })
    expect(created(service).fields.map(({ name }) => name)).toEqual(['model', 'prompt', 'seconds', 'size'])
  })

  test('a first frame goes as input_reference', async () => {
    await using service = await start('vllm-omni')
    const backend = open(service, { dialect: 'vllm-omni' })
    const request = backendRequest(backend.models[0], { references: [] })
    await backend.submit({ ...request, firstFrame: { mime: 'image/jpeg', bytes: Buffer.from('a frame') } }, { signal })
    expect(fileFields(created(service))).toEqual([{ name: 'input_reference', filename: 'image0.jpg', mime: 'image/jpeg', bytes: new Uint8Array(Buffer.from('a frame')) }])
  })
})

describe('what SGLang is sent', () => {
  test('is multipart with a reference', async () => {
    await using service = await start('sglang')
    const backend = open(service, { dialect: 'sglang', model: { extra: { fps: 16 } } })
    await backend.submit(backendRequest(backend.models[0], { shot: { seconds: 4, seed: 1 } }), { signal })
    expect(created(service).kind).toBe('multipart')
    expect(fileFields(created(service)).map(({ name }) => name)).toEqual(['input_reference'])
    expect(textField(created(service), 'extra_body')).toBe('{"fps":16}')
  })

  test('is JSON without one', async () => {
    await using service = await start('sglang')
    const backend = open(service, { dialect: 'sglang', model: { extra: { fps: 16 } } })
    await backend.submit(backendRequest(backend.models[0], { references: [], shot: { prompt: 'an empty street', seconds: 4, seed: 1, negativePrompt: 'rain' } }), { signal })
    expect(created(service).json).toEqual({ model: MODEL, prompt: 'an empty street', seconds: 4, size: '832x480', seed: 1, negative_prompt: 'rain', extra_body: { fps: 16 } })
  })
})

test('any other server is sent the official fields alone', async () => {
  await using service = await start('generic')
  const backend = open(service, { dialect: 'generic' })
  await backend.submit(backendRequest(backend.models[0], { shot: { seed: 7, negativePrompt: 'blurry' } }), { signal })
  expect(created(service).fields.map(({ name }) => name)).toEqual(['model', 'prompt', 'seconds', 'size', 'input_reference'])
})

test('the service may call a model something else', async () => {
  await using service = await start('vllm-omni')
  const backend = open(service, { dialect: 'vllm-omni', model: { id: 'vace', servedAs: MODEL } })
  expect(backend.models.map(({ id }) => id)).toEqual(['vace'])
  await backend.submit(backendRequest(backend.models[0]), { signal })
  expect(textField(created(service), 'model')).toBe(MODEL)
})

describe('a finished video that lies elsewhere', () => {
  test.each(DIALECTS)('is fetched from where %s says, without the key', async (dialect) => {
    await using service = await start(dialect)
    service.outputUrl = `http://${service.pair}/elsewhere?signature=secret`
    service.interfere = ({ path }) => (path === '/elsewhere' ? { status: 200, body: VIDEO } : null)
    const backend = open(service, { dialect })
    const operation = await backend.submit(backendRequest(backend.models[0]), { signal })
    const { output } = await follow(backend, operation)
    expect(JSON.stringify([operation, output])).not.toContain('secret')
    expect(Buffer.compare(await readAll(await backend.open(operation, output, { signal, maxBytes: 100_000 })), VIDEO)).toBe(0)
    expect(service.received.at(-1)).toMatchObject({ path: '/elsewhere', headers: expect.not.objectContaining({ authorization: expect.anything() }) })
  })

  test('at a private address is refused', async () => {
    await using service = await start('sglang')
    service.outputUrl = `http://${service.pair}/elsewhere`
    const backend = open(service, { dialect: 'sglang', allow: [] })
    const operation = await backend.submit(backendRequest(backend.models[0]), { signal })
    const { output } = await follow(backend, operation)
    await expect(backend.open(operation, output, { signal, maxBytes: 100_000 })).rejects.toMatchObject({ code: 'output_invalid' })
    expect(service.received.some(({ path }) => path === '/elsewhere')).toBe(false)
  })

  test.each(['file:///etc/passwd', '/videos/1.mp4', 'http://example.com:22/'])('at %s is refused', async (address) => {
    await using service = await start('generic')
    service.outputUrl = address
    const backend = open(service, { dialect: 'generic' })
    const operation = await backend.submit(backendRequest(backend.models[0]), { signal })
    const { output } = await follow(backend, operation)
    await expect(backend.open(operation, output, { signal, maxBytes: 100_000 })).rejects.toMatchObject({ code: 'output_invalid' })
  })

  test.each([[403, 'output_expired'], [410, 'output_expired'], [503, 'backend_unavailable'], [418, 'output_invalid']])('whose host answers %i', async (status, code) => {
    await using service = await start('generic')
    service.outputUrl = `http://${service.pair}/elsewhere`
    service.interfere = ({ path }) => (path === '/elsewhere' ? { status, body: '' } : null)
    const backend = open(service, { dialect: 'generic' })
    const operation = await backend.submit(backendRequest(backend.models[0]), { signal })
    const { output } = await follow(backend, operation)
    await expect(backend.open(operation, output, { signal, maxBytes: 100_000 })).rejects.toMatchObject({ code })
  })

  test('and was forgotten is expired', async () => {
    await using service = await start('generic')
    const backend = open(service, { dialect: 'generic' })
    const operation = await backend.submit(backendRequest(backend.models[0]), { signal })
    const { output } = await follow(backend, operation)
    service.restart()
    await expect(backend.open(operation, output, { signal, maxBytes: 100_000 })).rejects.toMatchObject({ code: 'output_expired' })
  })
})

describe('a service that lies', () => {
  test.each<[string, number, unknown, string]>([
    ['an error in an answer of success', 200, { error: { message: 'out of memory' } }, 'out of memory'],
    ['a page', 200, '<!doctype html><title>Welcome</title>', 'HTML'],
    ['text', 200, 'ok', 'not JSON'],
    ['an answer without an id', 200, { object: 'video' }, 'id'],
    ['a list', 200, [1, 2], 'id'],
  ])('%s is no operation', async (_name, status, body, reason) => {
    await using service = await start('generic')
    service.interfere = () => ({ status, body })
    const backend = open(service, { dialect: 'generic' })
    await expect(backend.submit(backendRequest(backend.models[0]), { signal })).rejects.toMatchObject({ code: 'output_invalid', message: expect.stringContaining(reason) })
  })

  test('a page is no video', async () => {
    await using service = await start('generic')
    const backend = open(service, { dialect: 'generic' })
    const operation = await backend.submit(backendRequest(backend.models[0]), { signal })
    service.interfere = () => ({ status: 200, body: '<html>not yet</html>' })
    await expect(backend.open(operation, {}, { signal, maxBytes: 100_000 })).rejects.toMatchObject({ code: 'output_invalid' })
  })

  test('a video that breaks off may come whole later', async () => {
    await using service = await start('generic')
    const backend = open(service, { dialect: 'generic' })
    const operation = await backend.submit(backendRequest(backend.models[0]), { signal })
    service.interfere = () => ({ status: 200, body: VIDEO.subarray(0, 100), headers: { 'content-length': String(VIDEO.length), connection: 'close' } })
    const opened = backend.open(operation, {}, { signal, maxBytes: 100_000 }).then(readAll)
    setTimeout(() => { void service[Symbol.asyncDispose]() }, 50)
    await expect(opened).rejects.toMatchObject({ code: 'backend_unavailable' })
  })

  test('a word for a state that nobody knows is no end', async () => {
    await using service = await start('generic')
    const backend = open(service, { dialect: 'generic' })
    const operation = await backend.submit(backendRequest(backend.models[0]), { signal })
    service.interfere = () => ({ status: 200, body: { id: 'x', status: 'upscaling' } })
    expect(await backend.status(operation, { signal })).toEqual({ at: 'running', progress: null })
  })

  test.each([['SUCCEEDED', 'done'], ['IN_QUEUE', 'queued'], ['THROTTLED', 'queued'], ['processing', 'running'], ['Ready', 'done'], ['expired', 'output_expired'], ['canceled', 'cancelled'], ['FAILURE', 'backend_rejected']])('%s is %s', async (word, ours) => {
    await using service = await start('generic')
    const backend = open(service, { dialect: 'generic' })
    service.interfere = () => ({ status: 200, body: { id: 'x', status: word } })
    const status = await backend.status({ id: 'x' }, { signal })
    expect(status.at === 'failed' ? status.error.code : status.at).toBe(ours)
  })
})

describe('health', () => {
  test('names the models that vLLM-Omni does not serve', async () => {
    await using service = await start('vllm-omni')
    const backend = open(service, { dialect: 'vllm-omni', model: { id: 'another' } })
    expect(await backend.health({ signal })).toEqual({ isHealthy: false, says: `It does not serve another, but ${MODEL}.` })
  })

  test.each<[string, number, string]>([['a wrong key', 401, 'It refuses: no such key'], ['a server that is busy', 503, 'It answers with 503.']])('%s', async (_name, status, says) => {
    await using service = await start('generic')
    service.interfere = () => ({ status, body: { error: { message: 'no such key' } } })
    expect(await open(service, { dialect: 'generic' }).health({ signal })).toEqual({ isHealthy: false, says })
  })

  test('a relay without a list of models is well; vLLM-Omni is not', async () => {
    await using service = await start('generic')
    service.interfere = () => ({ status: 404, body: { detail: 'Not Found' } })
    expect(await open(service, { dialect: 'generic' }).health({ signal })).toEqual({ isHealthy: true, says: 'It serves models that it does not list.' })
    expect(await open(service, { dialect: 'vllm-omni' }).health({ signal })).toEqual({ isHealthy: false, says: 'It refuses: Not Found' })
  })

  test('nobody there', async () => {
    const service = await start('generic')
    await service[Symbol.asyncDispose]()
    expect(await open(service, { dialect: 'generic' }).health({ signal })).toEqual({ isHealthy: false, says: 'It does not answer.' })
  })
})

describe('settings', () => {
  const good = { name: 'gpu', kind: 'openai-videos', url: 'http://10.0.0.5:8091/v1/', dialect: 'sglang', models: [{ id: 'm' }] }

  test('what is not said is assumed, and what is said goes first', () => {
    const config = openaiVideosConfig.parse({ ...good, dialect: 'vllm-omni', models: [{ id: 'a', preset: 'wan2.1-vace-14b', capabilities: { seconds: [5], faces: 'refused' } }, { id: 'b', preset: 'minimax-h3' }] })
    const [vace, h3] = createOpenAiVideos(config, { fetch: { allow: [], dnsServers: [], maxBytes: 1 } }).models.map(({ capabilities }) => capabilities)
    expect(config.url).toBe('http://10.0.0.5:8091/v1')
    expect(vace).toMatchObject({
      maxCharacters: 1, imageForm: 'white', label: 'describe', kinds: { image: { max: 1, mimes: ['image/png'] } }, sizes: ['832x480', '480x832', '1280x720', '720x1280'], seconds: [5], faces: 'refused', licence: 'Apache-2.0',
    })
    expect(h3).toMatchObject({ label: 'tag', hasPreamble: true, maxReferences: 12, kinds: { image: { max: 9 }, video: { max: 3 }, audio: { max: 3 } }, licence: expect.stringContaining('South Korea') })
  })

  test('a model that takes more than its server carries is told so little', () => {
    const config = openaiVideosConfig.parse({ ...good, models: [{ id: 'b', preset: 'minimax-h3' }] })
    const [{ capabilities }] = createOpenAiVideos(config, { fetch: { allow: [], dnsServers: [], maxBytes: 1 } }).models
    expect(capabilities).toMatchObject({ maxCharacters: 1, maxReferences: 1, perCharacter: 1, label: 'tag' })
    expect(capabilities.kinds).toEqual({ image: expect.objectContaining({ max: 1 }) })
  })

  test.each<[string, object, string]>([
    ['a name in capitals', { name: 'GPU' }, 'name'],
    ['an address with a password', { url: 'http://user:pass@host/v1' }, 'url'],
    ['an address with a query', { url: 'http://host/v1?key=x' }, 'url'],
    ['a key of two lines', { key: 'sk\nx' }, 'key'],
    ['a header that fetch sets', { headers: { 'Content-Type': 'text/plain' } }, 'headers.Content-Type'],
    ['several references for SGLang', { models: [{ id: 'm', capabilities: { maxReferences: 2 } }] }, 'models.0.capabilities.maxReferences'],
    ['parameters that no field carries', { dialect: 'generic', models: [{ id: 'm', extra: { a: 1 } }] }, 'models.0.extra'],
    ['a field that each video has', { models: [{ id: 'm', fields: { prompt: 'x' } }] }, 'models.0.fields.prompt'],
    ['no models', { models: [] }, 'models'],
    ['a setting that does not exist', { modells: [] }, ''],
    ['an unknown preset', { models: [{ id: 'm', preset: 'sora' }] }, 'models.0.preset'],
  ])('%s is refused, without its value', (_name, change, path) => {
    const { success, error } = openaiVideosConfig.safeParse({ ...good, ...change })
    expect(success).toBe(false)
    expect(error?.issues.map((issue) => issue.path.join('.'))).toContain(path)
    expect(JSON.stringify(error?.issues)).not.toContain('sk\\n')
  })
})
