import { describe, expect, test } from 'vitest'
import { newCharacterId, newVideoId } from '../domain/identifier.ts'
import type { MediaKind } from '../domain/capabilities.ts'
import { startStrictOpenRouter, type OpenRouterJob, type StrictOpenRouter } from '../../test/support/strict-openrouter.ts'
import type { Backend, BackendRequest } from './backend.ts'
import { createOpenRouter, openRouterConfig } from './openrouter.ts'

const KEY = 'sk-or-v1-0123456789abcdef'
const signal = AbortSignal.timeout(20_000)
const SIZES = { supported_sizes: ['720x1280', '1280x720'], supported_durations: [4, 8] }
const OFFERED = [{ id: 'bytedance/seedance-2.0', ...SIZES }, { id: 'nobody/new-model', ...SIZES }]

const bytesOf = (text: string): Uint8Array => Buffer.from(text)

function reference(kind: MediaKind, n: number, { mime, bytes }: { readonly mime: string; readonly bytes: Uint8Array }): BackendRequest['references'][number] {
  return { kind, n, of: 'character', cast: 0, character: newCharacterId(), file: { name: `${kind}.bin`, bytes: bytes.length, sha256: '00' }, form: 'as-is', mime, bytes }
}

function request({ model = 'bytedance/seedance-2.0', references = [], firstFrame = null, seed = null, size = '720x1280', seconds = 4 }: Partial<BackendRequest> & { readonly seed?: number | null; readonly size?: string; readonly seconds?: number } = {}): BackendRequest {
  return {
    videoId: newVideoId(), model, references, firstFrame, caption: '@ana waves', language: 'en',
    shot: { prompt: 'Image 1 waves — 50% “slower”', references, firstFrame: null, size, seconds, seed, negativePrompt: null, warnings: [] },
  }
}

const backendAt = (url: string, { key = KEY, models = OFFERED.map(({ id }) => ({ id })) }: { readonly key?: string; readonly models?: readonly object[] } = {}): Backend =>
  createOpenRouter(openRouterConfig.parse({ kind: 'openrouter', name: 'router', url, key, models }))

async function rig(options?: Parameters<typeof backendAt>[1]): Promise<{ readonly server: StrictOpenRouter; readonly backend: Backend } & AsyncDisposable> {
  const server = await startStrictOpenRouter({ key: KEY, models: OFFERED })
  return { server, backend: backendAt(server.url, options), [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

function onlyJob({ jobs }: StrictOpenRouter): OpenRouterJob {
  const [job] = jobs.values()
  return job
}

async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return Buffer.concat(parts)
}

const open = (backend: Backend, operation: Parameters<Backend['open']>[0], maxBytes = 1000): ReturnType<Backend['open']> => backend.open(operation, {}, { signal, maxBytes })

describe('a video from its start to its bytes', () => {
  test('prompt and references arrive byte for byte', async () => {
    await using it = await rig()
    const references = [
      reference('image', 1, { mime: 'image/webp', bytes: new Uint8Array([0, 255, 254, 253]) }),
      reference('video', 1, { mime: 'video/mp4', bytes: bytesOf('clip') }),
      reference('audio', 1, { mime: 'audio/wav', bytes: bytesOf('voice') }),
    ]
    await it.backend.submit(request({ references, firstFrame: { mime: 'image/png', bytes: bytesOf('frame') }, seed: 7 }), { signal })
    expect(it.server.bodies).toEqual([
      '{"model":"bytedance/seedance-2.0","prompt":"Image 1 waves — 50% “slower”","size":"720x1280","duration":4,"seed":7,'
      + '"frame_images":[{"type":"image_url","image_url":{"url":"data:image/png;base64,ZnJhbWU="},"frame_type":"first_frame"}],'
      + '"input_references":[{"type":"image_url","image_url":{"url":"data:image/webp;base64,AP/+/Q=="}},'
      + '{"type":"video_url","video_url":{"url":"data:video/mp4;base64,Y2xpcA=="}},{"type":"audio_url","audio_url":{"url":"data:audio/wav;base64,dm9pY2U="}}]}',
    ])
  })

  test('without references, seed or first frame there is no word of them', async () => {
    await using it = await rig()
    await it.backend.submit(request(), { signal })
    expect(Object.keys(JSON.parse(it.server.bodies[0]))).toEqual(['model', 'prompt', 'size', 'duration'])
  })

  test('it is followed through its states, and only the configured address is called', async () => {
    await using it = await rig()
    const operation = await it.backend.submit(request(), { signal })
    expect(await it.backend.status(operation, { signal })).toEqual({ at: 'queued' })
    const job = onlyJob(it.server)
    job.status = 'in_progress'
    expect(await it.backend.status(operation, { signal })).toEqual({ at: 'running', progress: null })
    Object.assign(job, { status: 'completed', content: bytesOf('the film') })
    expect(await it.backend.status(operation, { signal })).toEqual({ at: 'done', output: {}, warnings: [] })
    expect((await readAll(await open(it.backend, operation))).toString()).toBe('the film')
    expect(it.server.lines.at(-1)).toMatch(/^GET \/api\/v1\/videos\/gen-vid-[\w-]+\/content\?index=0$/)
    expect(JSON.stringify(operation)).not.toContain(KEY)
  })

  test('another process goes on from the stored operation', async () => {
    await using it = await rig()
    const stored = JSON.parse(JSON.stringify(await it.backend.submit(request(), { signal })))
    expect(await backendAt(it.server.url).status(stored, { signal })).toEqual({ at: 'queued' })
  })
})

describe('how a video ends without bytes', () => {
  test.each([
    ['failed', { error: 'Content policy\nsee https://vendor.example/x?key=1' }, 'backend_rejected', { said: 'Content policy see [address]' }],
    ['cancelled', {}, 'cancelled', {}],
    ['expired', {}, 'output_expired', {}],
  ] as const)('%s', async (status, fields, code, details) => {
    await using it = await rig()
    const operation = await it.backend.submit(request(), { signal })
    Object.assign(onlyJob(it.server), { status, ...fields })
    expect(await it.backend.status(operation, { signal })).toMatchObject({ at: 'failed', error: { code, details } })
  })

  test('one it knows nothing of is lost', async () => {
    await using it = await rig()
    expect(await it.backend.status({ id: 'gen-vid-1-unknown' }, { signal })).toEqual({ at: 'lost' })
  })

  test('content that is gone is expired, content beyond the limit is invalid', async () => {
    await using it = await rig()
    const operation = await it.backend.submit(request(), { signal })
    const job = onlyJob(it.server)
    job.status = 'completed'
    await expect(open(it.backend, operation)).rejects.toMatchObject({ code: 'output_expired' })
    job.content = new Uint8Array(1001)
    await expect(open(it.backend, operation).then(readAll)).rejects.toMatchObject({ code: 'output_invalid' })
  })

  test('there is no way to cancel, and asking for it does no harm', async () => {
    await using it = await rig()
    await it.backend.cancel({ id: 'gen-vid-1-unknown' }, { signal })
    expect(it.server.lines).toEqual([])
  })
})

describe('refusals', () => {
  test('its own words are passed on, without the key', async () => {
    await using it = await rig()
    await expect(it.backend.submit(request({ seconds: 5 }), { signal })).rejects.toMatchObject({ code: 'backend_rejected', details: { said: 'duration: unsupported 5' } })
    it.server.trouble.push({ status: 400, body: JSON.stringify({ error: { code: 400, message: `bad key ${KEY}` } }) })
    await expect(it.backend.submit(request(), { signal })).rejects.toMatchObject({ details: { said: 'bad key …' } })
  })

  test('a wrong key is a refusal, not a reason to try again', async () => {
    await using it = await rig({ key: 'sk-or-wrong' })
    await expect(it.backend.submit(request(), { signal })).rejects.toMatchObject({ code: 'backend_rejected' })
  })

  test.each([429, 500, 502, 503])('%i may pass', async (status) => {
    await using it = await rig()
    it.server.trouble.push({ status, body: '{"error":{"code":1,"message":"busy"}}' })
    await expect(it.backend.submit(request(), { signal })).rejects.toMatchObject({ code: 'backend_unavailable' })
    await it.backend.submit(request(), { signal })
  })

  test.each([
    ['a page', { status: 200, body: '<html>sign in</html>', type: 'text/html' }],
    ['an error inside a success', { status: 200, body: '{"error":{"code":500,"message":"no"}}' }],
    ['a create without an id', { status: 202, body: '{"status":"pending"}' }],
    ['an id that is a path', { status: 202, body: '{"id":"../key","status":"pending"}' }],
  ])('%s makes no sense', async (_name, trouble) => {
    await using it = await rig()
    it.server.trouble.push(trouble)
    await expect(it.backend.submit(request(), { signal })).rejects.toMatchObject({ code: 'output_invalid' })
  })
})

describe('models', () => {
  test('one that is not known takes pictures alone, and its videos say what is not known', async () => {
    await using it = await rig()
    const unknown = it.backend.models.find(({ id }) => id === 'nobody/new-model')
    expect(Object.keys(unknown?.capabilities.kinds ?? {})).toEqual(['image'])
    const operation = await it.backend.submit(request({ model: 'nobody/new-model', references: [reference('image', 1, { mime: 'image/png', bytes: bytesOf('face') })] }), { signal })
    onlyJob(it.server).status = 'completed'
    expect(await it.backend.status(operation, { signal })).toMatchObject({ warnings: [{ code: 'backend_said', message: expect.stringContaining('nobody/new-model') }] })
  })

  test('one that the operator describes is known', async () => {
    await using it = await rig({ models: [{ id: 'nobody/new-model', capabilities: { label: 'ordinal', maxReferences: 2 } }] })
    expect(it.backend.models[0].capabilities).toMatchObject({ label: 'ordinal', maxReferences: 2, perCharacter: 1 })
    const operation = await it.backend.submit(request({ model: 'nobody/new-model', references: [reference('image', 1, { mime: 'image/png', bytes: bytesOf('face') })] }), { signal })
    onlyJob(it.server).status = 'completed'
    expect(await it.backend.status(operation, { signal })).toMatchObject({ warnings: [] })
  })

  test('health tells which of them are not offered', async () => {
    await using it = await rig()
    expect(await it.backend.health({ signal })).toEqual({ isHealthy: true, says: 'It offers every model.' })
    const other = backendAt(it.server.url, { models: [{ id: 'bytedance/seedance-2.0' }, { id: 'gone/model' }] })
    expect(await other.health({ signal })).toEqual({ isHealthy: true, says: 'It does not offer gone/model.' })
    it.server.trouble.push({ status: 503, body: '' })
    expect(await it.backend.health({ signal })).toEqual({ isHealthy: false, says: 'It answers with 503.' })
  })
})
