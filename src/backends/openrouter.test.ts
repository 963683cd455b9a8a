import { describe, expect, test } from 'vitest'
import { backendRequest, reference } from '../../test/support/backend-request.ts'
import type { StandIn } from '../../test/support/stand-in.ts'
import { startStrictOpenRouter } from '../../test/support/strict-openrouter.ts'
import { once } from '../../test/support/strict-server.ts'
import { backendSuite, follow, readAll, type BackendUnderTest } from '../../test/suites/backend-suite.ts'
import type { Backend, BackendRequest } from './backend.ts'
import { createOpenRouter, openRouterConfig } from './openrouter.ts'

const KEY = 'sk-or-v1-0123456789abcdef'
const VIDEO = Buffer.from('the bytes of a film')
const { signal } = new AbortController()
const SIZES = { supported_sizes: ['720x1280', '1280x720'], supported_durations: [1, 4, 8] }
const OFFERED = [{ id: 'bytedance/seedance-2.0', ...SIZES }, { id: 'nobody/new-model', ...SIZES }]
const UNKNOWN = 'nobody/new-model'

const backendAt = (url: string, { key = KEY, models = OFFERED.map(({ id }) => ({ id })) }: { readonly key?: string; readonly models?: readonly object[] } = {}): Backend =>
  createOpenRouter(openRouterConfig.parse({ kind: 'openrouter', name: 'router', url, key, models }))

async function rig(options?: Parameters<typeof backendAt>[1]): Promise<{ readonly server: StandIn; readonly backend: Backend } & AsyncDisposable> {
  const server = await startStrictOpenRouter({ key: KEY, models: OFFERED, video: VIDEO })
  return { server, backend: backendAt(server.url, options), [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

const request = ({ models }: Backend, changes: Parameters<typeof backendRequest>[1] = {}, at = 0): BackendRequest => backendRequest(models[at], changes)

const errorBody = (code: number, message: string): object => ({ error: { code, message } })

function underTest(service: StandIn): BackendUnderTest {
  return {
    open: async () => backendAt(service.url),
    video: VIDEO,
    service: {
      hold: (isHeld) => { service.isHeld = isHeld },
      fail: (said) => { service.failure = said },
      refuseNext: (status, said) => { service.interfere = once(({ method }) => method === 'POST', { status, body: errorBody(status, said) }) },
      hangNext: () => { service.interfere = once(() => true, 'hang') },
      forget: () => { service.restart() },
      redirectOutput: (to) => { service.outputUrl = to },
    },
    [Symbol.asyncDispose]: () => service[Symbol.asyncDispose](),
  }
}

describe('the contract is kept', () => {
  backendSuite({ start: async () => underTest(await startStrictOpenRouter({ key: KEY, models: OFFERED, video: VIDEO })), can: { misbehave: true, sayWhy: true, resume: true } })
})

describe('what is sent', () => {
  test('prompt and references, byte for byte', async () => {
    await using it = await rig()
    const references = [reference(1, { mime: 'image/webp' }), reference(1, { kind: 'video', mime: 'video/mp4' }), reference(1, { kind: 'audio', mime: 'audio/wav' })]
    const shot = { prompt: 'Image 1 waves — 50% “slower”', seed: 7 }
    await it.backend.submit({ ...request(it.backend, { references, shot }), firstFrame: { mime: 'image/png', bytes: new Uint8Array([0, 255, 254, 253]) } }, { signal })
    expect(JSON.stringify(it.server.received[0].json)).toBe(
      '{"model":"bytedance/seedance-2.0","prompt":"Image 1 waves — 50% “slower”","size":"720x1280","duration":4,"seed":7,'
      + '"frame_images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AP/+/Q=="},"frame_type":"first_frame"}],'
      + '"input_references":[{"type":"image_url","image_url":{"url":"data:image/webp;base64,aW1hZ2UgMQ=="}},'
      + '{"type":"video_url","video_url":{"url":"data:video/mp4;base64,dmlkZW8gMQ=="}},{"type":"audio_url","audio_url":{"url":"data:audio/wav;base64,YXVkaW8gMQ=="}}]}',
    )
  })

  test('without references, seed or first frame there is no word of them', async () => {
    await using it = await rig()
    await it.backend.submit(request(it.backend, { references: [] }), { signal })
    expect(it.server.received[0].json).toEqual({ model: 'bytedance/seedance-2.0', prompt: expect.any(String), size: '720x1280', duration: 4 })
  })

  test('only its own address is asked, whatever the answers name', async () => {
    await using it = await rig()
    const operation = await it.backend.submit(request(it.backend), { signal })
    const { output } = await follow(it.backend, operation)
    expect(await readAll(await it.backend.open(operation, output, { signal, maxBytes: 1000 }))).toEqual(VIDEO)
    expect(it.server.received.map(({ method, path }) => `${method} ${path.replace(/gen-vid-[\d-]+/, 'ID')}`)).toEqual([
      'POST /api/v1/videos', 'GET /api/v1/videos/ID', 'GET /api/v1/videos/ID', 'GET /api/v1/videos/ID/content',
    ])
    expect(JSON.stringify({ operation, output })).not.toMatch(/sk-or|169\.254/)
  })
})

describe('how a video ends without bytes', () => {
  test.each([
    ['failed', 'backend_rejected', { said: 'no, see [address]' }],
    ['cancelled', 'cancelled', {}],
    ['expired', 'output_expired', {}],
  ])('%s', async (status, code, details) => {
    await using it = await rig()
    const operation = await it.backend.submit(request(it.backend), { signal })
    it.server.interfere = () => ({ status: 200, body: { id: 'x', polling_url: '/x', status, error: 'no, see https://vendor.example/x?key=1' } })
    expect(await it.backend.status(operation, { signal })).toMatchObject({ at: 'failed', error: { code, details } })
  })

  test.each([404, 410])('content that is answered with %i is expired', async (status) => {
    await using it = await rig()
    const operation = await it.backend.submit(request(it.backend), { signal })
    it.server.interfere = () => ({ status, body: errorBody(status, 'gone') })
    await expect(it.backend.open(operation, {}, { signal, maxBytes: 1000 })).rejects.toMatchObject({ code: 'output_expired' })
  })
})

describe('refusals', () => {
  test('its own words are passed on, without the key', async () => {
    await using it = await rig()
    await expect(it.backend.submit(request(it.backend, { shot: { seconds: 5 } }), { signal })).rejects.toMatchObject({ code: 'backend_rejected', details: { said: 'duration: unsupported 5' } })
    it.server.interfere = () => ({ status: 400, body: errorBody(400, `bad key ${KEY}`) })
    await expect(it.backend.submit(request(it.backend), { signal })).rejects.toMatchObject({ details: { said: 'bad key …' } })
  })

  test('a wrong key is a refusal, not a reason to try again', async () => {
    await using it = await rig({ key: 'sk-or-wrong' })
    await expect(it.backend.submit(request(it.backend), { signal })).rejects.toMatchObject({ code: 'backend_rejected' })
  })

  test.each([
    ['a page', '<html>sign in</html>'],
    ['an error inside a success', errorBody(500, 'no')],
    ['a create without an id', { status: 'pending' }],
    ['an id that is a path', { id: '../key', status: 'pending' }],
  ])('%s makes no sense', async (_name, body) => {
    await using it = await rig()
    it.server.interfere = () => ({ status: 202, body })
    await expect(it.backend.submit(request(it.backend), { signal })).rejects.toMatchObject({ code: 'output_invalid' })
  })
})

/** The last status of a video of the model at that place. */
async function ended({ backend }: { readonly backend: Backend }, at: number): Promise<unknown> {
  const operation = await backend.submit(request(backend, {}, at), { signal })
  await follow(backend, operation)
  return await backend.status(operation, { signal })
}

describe('models', () => {
  test('one that is not known takes pictures alone, and its videos say what is not known', async () => {
    await using it = await rig()
    expect(Object.keys(it.backend.models[1].capabilities.kinds)).toEqual(['image'])
    expect(await ended(it, 1)).toMatchObject({ warnings: [{ code: 'backend_said', message: expect.stringContaining(UNKNOWN) }] })
    expect(await ended(it, 0)).toMatchObject({ warnings: [] })
  })

  test('one that the operator describes is known', async () => {
    await using it = await rig({ models: [{ id: UNKNOWN, capabilities: { label: 'ordinal', maxReferences: 2 } }] })
    expect(it.backend.models[0].capabilities).toMatchObject({ label: 'ordinal', maxReferences: 2, perCharacter: 1 })
    expect(await ended(it, 0)).toMatchObject({ warnings: [] })
  })

  test('health tells which of them are not offered', async () => {
    await using it = await rig()
    expect(await it.backend.health({ signal })).toEqual({ isHealthy: true, says: 'It offers every model.' })
    const other = backendAt(it.server.url, { models: [{ id: 'bytedance/seedance-2.0' }, { id: 'gone/model' }] })
    expect(await other.health({ signal })).toEqual({ isHealthy: true, says: 'It does not offer gone/model.' })
    it.server.interfere = () => ({ status: 503, body: '' })
    expect(await it.backend.health({ signal })).toEqual({ isHealthy: false, says: 'It answers with 503.' })
  })
})
