import { createReadStream } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import OpenAI from 'openai'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { videoResource, type VideoResource } from '../../src/http/schemas/video.ts'
import { makeClip } from '../fixtures/make-clip.ts'
import { answerOf, filesBelow, get, postJson, refusalOf } from '../support/client.ts'
import { startService, type RunningService } from '../support/service.ts'
import type { StandIn } from '../support/stand-in.ts'
import { startComfyUi } from '../support/strict-comfyui.ts'
import { startVllmOmni } from '../support/strict-vllm-omni.ts'

/** The whole program before servers of the operator's: kills, lies and silences. */

const SLOW_MS = 90_000
const MODEL = 'Wan2.1-VACE-1.3B'
const KEY = 'hazelnut-secret-key'
let folder: string
let video: Uint8Array<ArrayBuffer>
let gpu: StandIn
let comfy: StandIn
let service: RunningService
let settings: Readonly<Record<string, string>>

const start = (): Promise<RunningService> => startService({ dataFolder: join(folder, 'data'), environment: settings })

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dramatis-remote-'))
  video = await makeClip({ seconds: 2, width: 832, height: 480, framesPerSecond: 16, scene: 'noise' })
  gpu = await startVllmOmni({ video, model: MODEL, key: KEY })
  comfy = await startComfyUi({ video })
  const backends = [
    { kind: 'openai-videos', name: 'gpu', dialect: 'vllm-omni', url: gpu.url, key: 'env:GPU_KEY', pollSeconds: 0.1, models: [{ id: 'wan-vace', servedAs: MODEL, preset: 'wan2.1-vace-1.3b' }] },
    { kind: 'comfyui', name: 'comfy', url: comfy.url, pollSeconds: 0.1, models: [{ id: 'wan-vace', preset: 'wan2.1-vace-1.3b' }] },
  ]
  settings = { LENS_PROCESSES: '1', VIDEOS_AT_ONCE: '1', BACKENDS: JSON.stringify(backends), GPU_KEY: KEY, LOG_LEVEL: 'info' }
  await writeFile(join(folder, 'toy.mp4'), await makeClip({ scene: 'toy', seconds: 3 }))
  service = await start()
  await createCharacter('toy')
}, SLOW_MS)
afterEach(() => { Object.assign(gpu, { video, isHeld: false, failure: null, interfere: null }) })
afterAll(async () => {
  await service[Symbol.asyncDispose]()
  for (const each of [gpu, comfy]) await each[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

async function createCharacter(username: string): Promise<void> {
  const client = new OpenAI({ apiKey: 'any', baseURL: `${service.url}/v1` })
  const ours = { timestamps: '0,2', username, description: 'a red wooden toy', force: true }
  await client.videos.createCharacter({ name: 'A toy', video: createReadStream(join(folder, 'toy.mp4')), ...ours })
}
const ask = async (body: Readonly<Record<string, unknown>> = {}): Promise<VideoResource> =>
  answerOf(await postJson(service, '/v1/videos', { prompt: '@toy rolls, 50% slower', seconds: 2, size: '832x480', ...body }), videoResource)
const look = (id: string): Promise<VideoResource> => get(service, `/v1/videos/${id}`, videoResource)

async function until(id: string, isSo: (video: VideoResource) => boolean): Promise<VideoResource> {
  for (;;) {
    const state = await look(id)
    if (isSo(state)) return state
    await sleep(50)
  }
}
const finished = (id: string): Promise<VideoResource> => until(id, ({ status }) => status === 'completed' || status === 'failed')
const submitted = ({ received }: StandIn): number => received.filter(({ method, path }) => method === 'POST' && /\/(?:videos|prompt)$/.test(path)).length

/** Resolves when the server is asked after a video that it has been given from now on. */
async function followed({ received }: StandIn): Promise<void> {
  const from = received.length
  await vi.waitUntil(() => received.slice(from).some(({ method, path }) => method === 'GET' && path.includes('/videos/')), { timeout: 20_000 })
}

test('a prompt reaches the server in its own words, with the picture it takes, and comes back as the video it made', async () => {
  const before = gpu.received.length
  const made = await finished((await ask({ seed: 7, negative_prompt: 'blurry' })).id)
  expect(made).toMatchObject({ status: 'completed', model: 'wan-vace', backend: 'gpu', size: '832x480', prompt: '@toy rolls, 50% slower' })
  const create = gpu.received.slice(before).find(({ method }) => method === 'POST')
  const texts = (create?.fields ?? []).flatMap((field) => ('value' in field ? [[field.name, field.value]] : []))
  expect(Object.fromEntries(texts)).toEqual({ model: MODEL, prompt: 'a red wooden toy rolls, 50% slower', seconds: '2', size: '832x480', seed: '7', negative_prompt: 'blurry' })
  expect((create?.fields ?? []).flatMap((field) => ('filename' in field ? [[field.name, field.mime]] : []))).toEqual([['input_reference', 'image/png']])
  const content = await fetch(`${service.url}/v1/videos/${made.id}/content`)
  expect(Buffer.from(await content.arrayBuffer()).equals(video)).toBe(true)
})

test('killed while the server is at work: followed to its end after the restart, and submitted once', async () => {
  const before = submitted(gpu)
  gpu.isHeld = true
  const isFollowed = followed(gpu)
  const { id } = await ask()
  await isFollowed
  await service.stop('SIGKILL')
  service = await start()
  gpu.isHeld = false
  expect(await finished(id)).toMatchObject({ status: 'completed', backend: 'gpu' })
  expect(submitted(gpu) - before).toBe(1)
}, SLOW_MS)

describe.each([['deleted', ''], ['purged', '?purge=true']])('a character that is %s while its video waits', (_how, query) => {
  test('ends it before any reference leaves', async () => {
    await createCharacter('doomed')
    gpu.isHeld = true
    const isFollowed = followed(gpu)
    const first = await ask({ prompt: 'an empty street' })
    await isFollowed
    const before = submitted(gpu)
    const waiting = await ask({ prompt: '@doomed rolls' })
    await fetch(`${service.url}/v1/characters/doomed${query}`, { method: 'DELETE' })
    gpu.isHeld = false
    expect(await finished(waiting.id)).toMatchObject({ status: 'failed', error: { code: 'character_revoked' } })
    expect(await finished(first.id)).toMatchObject({ status: 'completed' })
    expect(submitted(gpu) - before).toBe(0)
    expect(await filesBelow(service, `objects/${waiting.id}`)).toEqual([])
    await fetch(`${service.url}/v1/characters/doomed?purge=true`, { method: 'DELETE' })
  })
})

describe('a server that lies or falls silent', () => {
  const html = { status: 200, body: '<!doctype html><p>Sign in</p>', headers: { 'content-type': 'text/html' } } as const

  test('truncated videos, and pages in place of videos, are output_invalid', async () => {
    gpu.video = video.subarray(0, 2000)
    expect(await finished((await ask()).id)).toMatchObject({ status: 'failed', error: { code: 'output_invalid' } })
    gpu.video = new TextEncoder().encode('<!doctype html><p>Sign in</p>'.repeat(100))
    expect(await finished((await ask()).id)).toMatchObject({ status: 'failed', error: { code: 'output_invalid' } })
  })

  test('success that holds an error, or a page, is output_invalid', async () => {
    for (const answer of [{ status: 200, body: { error: { message: 'out of memory' } } }, html]) {
      gpu.interfere = ({ method }) => (method === 'POST' ? answer : null)
      expect(await finished((await ask()).id)).toMatchObject({ status: 'failed', error: { code: 'output_invalid' } })
    }
  })

  test('a refusal is backend_rejected, in its own words', async () => {
    gpu.failure = 'the prompt was judged unsafe'
    expect(await finished((await ask()).id)).toMatchObject({ status: 'failed', error: { code: 'backend_rejected', message: expect.stringContaining('the prompt was judged unsafe') } })
  })

  test('a live job that it forgets is submitted once more, then backend_lost', async () => {
    const before = submitted(gpu)
    gpu.interfere = ({ method }) => (method === 'GET' ? { status: 404, body: { detail: 'Video not found' } } : null)
    expect(await finished((await ask()).id)).toMatchObject({ status: 'failed', error: { code: 'backend_lost' } })
    expect(submitted(gpu) - before).toBe(2)
  })

  test('one that cannot be reached gives way to the next one with the same model', async () => {
    gpu.interfere = () => 'hang up'
    const before = submitted(comfy)
    const made = await finished((await ask()).id)
    expect(made).toMatchObject({ status: 'completed', backend: 'comfy', model: 'wan-vace' })
    expect(submitted(comfy) - before).toBe(1)
  }, SLOW_MS)
})

const refused = async (body: Readonly<Record<string, unknown>>) => refusalOf(await postJson(service, '/v1/videos', { prompt: '@toy', size: '832x480', seconds: 2, ...body }))

test('what this model cannot make is refused at once, with its limits and the nearest that would pass', async () => {
  expect(await refused({ size: '1280x720' })).toMatchObject({ code: 'invalid_parameter', param: 'size', details: { nearest: '832x480' } })
  expect(await refused({ seconds: 60 })).toMatchObject({ code: 'invalid_parameter', param: 'seconds', details: { nearest: expect.anything() } })
  expect(await refused({ prompt: '@toyy' })).toMatchObject({ code: 'character_not_found', param: 'prompt', details: { suggestions: ['toy'] } })
  expect(await refused({ prompt: 'x '.repeat(16_000) })).toMatchObject({ code: 'prompt_too_long', details: { limit: expect.any(Number) } })
  expect(await refused({ model: 'nothing' })).toMatchObject({ code: 'model_not_found', details: { known: ['wan-vace', 'animatic', 'gpu', 'comfy'] } })
})

test('the key of a backend is in no answer and in no line of the log', async () => {
  const backends = await (await fetch(`${service.url}/v1/backends`)).text()
  expect(backends).toContain('"name":"gpu"')
  expect(backends + service.log()).not.toContain(KEY)
})
