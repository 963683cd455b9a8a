import { setTimeout as sleep } from 'node:timers/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { obedientLenses, silent } from '../../test/support/lenses.ts'
import { AppError } from '../domain/errors.ts'
import { newCharacterId, newVideoId } from '../domain/identifier.ts'
import type { RenderedReference } from '../domain/shot.ts'
import { JAILS } from '../jail/jail-kinds.ts'
import { startLenses, type Lenses } from '../jail/lenses.ts'
import { ANIMATIC, createAnimatic } from './animatic.ts'
import { stageRequest } from './animatic/stage-request.ts'
import type { Backend, BackendRequest, BackendStatus, JsonObject } from './backend.ts'

const modelsFolder = join(import.meta.dirname, '../../models/onnx')
const { signal } = new AbortController()
const MiB = 1024 * 1024

const flat = (background: string): Promise<Uint8Array> => sharp({ create: { width: 64, height: 64, channels: 3, background } }).webp().toBuffer()
const reference = (cast: number, n: number, form: 'cutout' | 'as-is', bytes: Uint8Array): RenderedReference & { mime: string; bytes: Uint8Array } => (
  { kind: 'image', n, of: 'character', cast, character: newCharacterId(), form, file: { name: 'portrait.webp', key: 'char_1/1/portrait.webp', bytes: bytes.length, sha256: '' }, mime: 'image/webp', bytes }
)

async function request(changes: { readonly seconds?: number; readonly size?: string; readonly bytes?: Uint8Array } = {}): Promise<BackendRequest> {
  const bytes = changes.bytes ?? await flat('red')
  const references = [reference(0, 1, 'cutout', bytes), reference(0, 2, 'as-is', bytes), reference(1, 3, 'as-is', bytes)]
  return {
    videoId: newVideoId(), model: 'animatic', references, firstFrame: null, caption: '@a 把信交给 @b', language: 'zh',
    shot: { prompt: '', references, firstFrame: null, size: changes.size ?? '480x848', seconds: changes.seconds ?? 1, seed: null, negativePrompt: null, warnings: [] },
  }
}

/** Every status until it ends. */
async function followed(backend: Backend, operation: JsonObject): Promise<readonly BackendStatus[]> {
  const statuses: BackendStatus[] = []
  for (;;) {
    const status = await backend.status(operation, { signal })
    statuses.push(status)
    if (status.at !== 'queued' && status.at !== 'running') return statuses
    await sleep(10)
  }
}

const last = (statuses: readonly BackendStatus[]): BackendStatus => statuses[statuses.length - 1]

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const chunk of chunks) all.push(chunk)
  return Buffer.concat(all)
}

describe('in real lenses', () => {
  let lenses: Lenses
  let backend: Backend
  beforeAll(async () => {
    lenses = await startLenses({ processes: 1, modelsFolder, log: silent })
    backend = createAnimatic({ lenses })
  }, 60_000)
  afterAll(() => lenses[Symbol.asyncDispose]())

  test('a video is drawn, told with growing percents, and given once', async () => {
    const operation = await backend.submit(await request({ seconds: 3 }), { signal })
    expect(JSON.parse(JSON.stringify(operation))).toEqual(operation)
    const statuses = await followed(backend, operation)
    const done = last(statuses)
    if (done.at !== 'done') throw new Error(`it is ${done.at}`)
    expect(done.warnings).toEqual([{ code: 'preview_only', message: expect.stringContaining('preview') }])
    const progress = statuses.flatMap((status) => (status.at === 'running' ? [status.progress ?? -1] : []))
    expect(progress).toEqual(progress.toSorted((a, b) => a - b))
    expect(new Set(progress).size).toBeGreaterThan(1)
    const video = await bytesOf(await backend.open(operation, done.output, { signal, maxBytes: 64 * MiB }))
    expect(video.subarray(4, 8).toString()).toBe('ftyp')
    await expect(backend.open(operation, done.output, { signal, maxBytes: 64 * MiB })).rejects.toMatchObject({ code: 'output_expired' })
    expect(await backend.status(operation, { signal })).toEqual({ at: 'lost' })
  })

  test('a video that is cancelled frees its lens', async () => {
    const long = await backend.submit(await request({ seconds: 20, size: '1920x1080' }), { signal })
    while ((await backend.status(long, { signal })).at === 'queued') await sleep(5)
    await backend.cancel(long, { signal })
    expect(await backend.status(long, { signal })).toEqual({ at: 'lost' })
    const next = await backend.submit(await request(), { signal })
    expect(last(await followed(backend, next)).at).toBe('done')
    await backend.cancel(long, { signal })
  })

  test('what is no picture fails it', async () => {
    const operation = await backend.submit(await request({ bytes: new TextEncoder().encode('no picture') }), { signal })
    expect(last(await followed(backend, operation))).toMatchObject({ at: 'failed', error: { code: 'backend_rejected' } })
  })

  test('what is larger than the caller takes is not given', async () => {
    const operation = await backend.submit(await request(), { signal })
    const done = last(await followed(backend, operation))
    if (done.at !== 'done') throw new Error(`it is ${done.at}`)
    await expect(backend.open(operation, done.output, { signal, maxBytes: 1000 })).rejects.toMatchObject({ code: 'output_invalid' })
  })

  test("another process's video is lost", async () => {
    const operation = await backend.submit(await request(), { signal })
    expect(await createAnimatic({ lenses }).status(operation, { signal })).toEqual({ at: 'lost' })
    await backend.cancel(operation, { signal })
  })
})

test('a lens that dies is replaced once, and then the video has failed', async () => {
  const tries: string[] = []
  await using lenses = await startLenses({ ...obedientLenses(JAILS[2]), processes: 2 })
  const counting = { open: async (...[source, options]: Parameters<Lenses['open']>) => { tries.push('open'); return lenses.open(source, options) }, stats: lenses.stats }
  const backend = createAnimatic({ lenses: counting })
  // These lenses know no stage: they end when they are asked for one.
  const operation = await backend.submit(await request(), { signal })
  expect(last(await followed(backend, operation))).toMatchObject({ at: 'failed', error: { code: 'lens_failed' } })
  expect(tries).toHaveLength(2)
})

test.each([['lens_unavailable', { at: 'failed', error: { code: 'backend_unavailable' } }], ['shutting_down', { at: 'lost' }]] as const)('lenses that reject with %s make it %j', async (code, ended) => {
  const open = (): Promise<never> => Promise.reject(new AppError(code, { details: { retryAfterSeconds: 5 } }))
  const backend = createAnimatic({ lenses: { open, stats: { idle: 0, starting: 0, busy: 0, waiting: 0, restarts: 0 } } })
  expect(last(await followed(backend, await backend.submit(await request(), { signal })))).toMatchObject(ended)
})

describe('what the lens is asked to draw', () => {
  test('is figures in the order of the cast, as cards where they are no cut-outs, and one backdrop for each', async () => {
    const [cut, other, card, sound] = ['cut', 'other', 'card', 'sound'].map((text) => new TextEncoder().encode(text))
    const base = await request()
    const references = [reference(1, 1, 'as-is', card), reference(0, 2, 'cutout', cut), reference(0, 3, 'as-is', other), { ...reference(0, 1, 'as-is', sound), kind: 'audio' as const }]
    expect(stageRequest({ ...base, references, shot: { ...base.shot, seed: 5 } })).toEqual({
      width: 480, height: 848, seconds: 1, caption: '@a 把信交给 @b', language: 'zh', seed: 5,
      cast: [{ figure: cut, isCutout: true }, { figure: card, isCutout: false }], backdrops: [other, card], voice: sound,
    })
  })

  test("has the user's own picture as its backdrop", async () => {
    const own = new TextEncoder().encode('own')
    const base = await request()
    const references = [...base.references, { kind: 'image' as const, n: 4, of: 'picture' as const, picture: 0, mime: 'image/webp', bytes: own }]
    expect(stageRequest({ ...base, references }).backdrops).toEqual([own])
  })

  test('is the same for the same video, and another for another', async () => {
    const base = await request()
    expect(stageRequest(base).seed).toBe(stageRequest(base).seed)
    expect(stageRequest(base).seed).not.toBe(stageRequest({ ...base, videoId: newVideoId() }).seed)
  })
})

test('all that the capabilities allow fits together', () => {
  const { kinds, maxReferences, maxCharacters, perCharacter, sizes } = ANIMATIC
  expect(maxReferences).toBe((kinds.image?.max ?? 0) + (kinds.audio?.max ?? 0))
  expect(maxCharacters * perCharacter).toBeLessThan(maxReferences)
  for (const size of sizes) expect(size).toMatch(/^\d*[02468]x\d*[02468]$/)
})
