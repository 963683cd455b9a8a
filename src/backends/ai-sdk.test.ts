import { createFal } from '@ai-sdk/fal'
import { createReplicate } from '@ai-sdk/replicate'
import { describe, expect, test } from 'vitest'
import type { MediaKind } from '../domain/capabilities.ts'
import { newCharacterId, newVideoId } from '../domain/identifier.ts'
import { startOrigin } from '../../test/support/origins.ts'
import { startStrictVendors, VENDOR_KEY, type StrictVendors } from '../../test/support/strict-vendors.ts'
import { openAiSdk } from './ai-sdk.ts'
import { aiSdkConfig } from './ai-sdk/ai-sdk-config.ts'
import type { ImportPackage, ProviderSettings } from './ai-sdk/load-package.ts'
import { assertAllSent, filesToSend } from './ai-sdk/reference-guard.ts'
import type { Backend, BackendRequest } from './backend.ts'

const signal = AbortSignal.timeout(20_000)

function reference(n: number, { kind = 'image', mime = 'image/jpeg', text = `picture ${n}` }: { readonly kind?: MediaKind; readonly mime?: string; readonly text?: string } = {}): BackendRequest['references'][number] {
  const bytes = Buffer.from(text)
  return { kind, n, of: 'character', cast: 0, character: newCharacterId(), file: { name: 'portrait.webp', bytes: bytes.length, sha256: '00' }, form: 'as-is', mime, bytes }
}

interface Wish { readonly size?: string; readonly seconds?: number; readonly seed?: number; readonly negativePrompt?: string; readonly references?: BackendRequest['references']; readonly firstFrame?: BackendRequest['firstFrame'] }

function request(model: string, { size = '720x1280', seconds = 8, seed, negativePrompt, references = [reference(1), reference(2)], firstFrame = null }: Wish = {}): BackendRequest {
  return {
    videoId: newVideoId(), model, references, firstFrame, caption: '@ana waves', language: 'en',
    shot: { prompt: 'Image 1 waves', references, firstFrame: null, size, seconds, seed: seed ?? null, negativePrompt: negativePrompt ?? null, warnings: [] },
  }
}

interface Setup { readonly models?: readonly object[]; readonly options?: object; readonly allow?: readonly string[]; readonly load?: ImportPackage }

async function rig(name: string, model: string, { allow = [], load, ...more }: Setup = {}): Promise<{ readonly vendor: StrictVendors; readonly backend: Backend } & AsyncDisposable> {
  const vendor = await startStrictVendors()
  const config = aiSdkConfig.parse({ kind: 'ai-sdk', name: 'vendor', package: name, key: VENDOR_KEY, url: vendor.url, models: [{ id: model }], ...more })
  const backend = await openAiSdk(config, { fetch: { allow, dnsServers: [], maxBytes: 1000 }, load })
  return { vendor, backend, [Symbol.asyncDispose]: () => vendor[Symbol.asyncDispose]() }
}

async function readAll(chunks: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = []
  for await (const chunk of chunks) parts.push(chunk)
  return Buffer.concat(parts).toString()
}

const ONE = Buffer.from('picture 1').toString('base64')
const TWO = Buffer.from('picture 2').toString('base64')

/** Per package: a model, what is wished, and the body that leaves. */
const SHAPES = [
  ['@ai-sdk/alibaba', 'wan2.7-r2v', { seed: 7, negativePrompt: 'blur' }, {
    model: 'wan2.7-r2v',
    input: { prompt: 'Image 1 waves', negative_prompt: 'blur', media: [{ type: 'reference_image', url: `data:image/jpeg;base64,${ONE}` }, { type: 'reference_image', url: `data:image/jpeg;base64,${TWO}` }] },
    parameters: { duration: 8, seed: 7, resolution: '720P', ratio: '9:16' },
  }],
  ['@ai-sdk/alibaba', 'wan3.0-video', { size: '1920x1080' }, {
    model: 'wan3.0-video',
    input: { prompt: 'Image 1 waves', media: [{ type: 'reference_image', url: `data:image/jpeg;base64,${ONE}` }, { type: 'reference_image', url: `data:image/jpeg;base64,${TWO}` }] },
    parameters: { duration: 8, resolution: '1080P', ratio: '16:9' },
  }],
  ['@ai-sdk/google-vertex', 'veo-3.1-generate-001', { seed: 7, negativePrompt: 'blur' }, {
    instances: [{ prompt: 'Image 1 waves', referenceImages: [ONE, TWO].map((bytesBase64Encoded) => ({ image: { bytesBase64Encoded, mimeType: 'image/jpeg' }, referenceType: 'asset' })) }],
    parameters: { sampleCount: 1, aspectRatio: '9:16', resolution: '720p', durationSeconds: 8, seed: 7, negativePrompt: 'blur' },
  }],
  ['@ai-sdk/minimax', 'MiniMax-H3', { size: '768x1366', references: [reference(1), reference(1, { kind: 'video', mime: 'video/mp4', text: 'picture 2' })] }, {
    model: 'MiniMax-H3',
    content: [
      { type: 'text', text: 'Image 1 waves' }, { type: 'image_url', image_url: { url: `data:image/jpeg;base64,${ONE}` }, role: 'reference_image' },
      { type: 'video_url', video_url: { url: `data:video/mp4;base64,${TWO}` }, role: 'reference_video' },
    ],
    resolution: '768P', duration: 8, ratio: '9:16',
  }],
  ['@ai-sdk/xai', 'grok-imagine-video-1.5', {}, {
    model: 'grok-imagine-video-1.5', prompt: 'Image 1 waves', duration: 8, aspect_ratio: '9:16', resolution: '720p',
    reference_images: [{ url: `data:image/jpeg;base64,${ONE}` }, { url: `data:image/jpeg;base64,${TWO}` }],
  }],
] as const

describe.each(SHAPES)('%s, %s', (name, model, wish, body) => {
  test('sends prompt, size and every reference, and nothing it was not told', async () => {
    await using it = await rig(name, model)
    const operation = await it.backend.submit(request(model, wish), { signal })
    expect(it.vendor.bodies.map((text) => JSON.parse(text))).toEqual([body])
    expect(operation).toMatchObject({ model, warnings: [] })
    expect(JSON.stringify(operation)).not.toContain(VENDOR_KEY)
  })

  test('carries every size that it is said to make', async () => {
    await using it = await rig(name, model)
    const { sizes } = it.backend.models[0].capabilities
    for (const size of sizes) expect(await it.backend.submit(request(model, { size }), { signal })).toMatchObject({ warnings: [] })
    expect(it.vendor.bodies).toHaveLength(sizes.length)
  })

  test('is followed by another process to its failure', async () => {
    await using it = await rig(name, model)
    const stored = JSON.parse(JSON.stringify(await it.backend.submit(request(model, wish), { signal })))
    expect(await it.backend.status(stored, { signal })).toEqual({ at: 'running', progress: null })
    it.vendor.state = { at: 'failed', message: `policy, see https://vendor.example/?key=${VENDOR_KEY}` }
    const { at, error } = { error: null, ...await it.backend.status(stored, { signal }) }
    expect({ at, code: error?.code }).toEqual({ at: 'failed', code: 'backend_rejected' })
    expect(error?.details.said).toMatch(/policy, see \[address\]/)
  })

  test('refusals are passed on, load passes, and what it forgot is lost', async () => {
    await using it = await rig(name, model)
    const words = 'this prompt is not allowed'
    it.vendor.trouble.push({ status: 400, body: JSON.stringify({ message: words, error: { message: words } }) })
    await expect(it.backend.submit(request(model, wish), { signal })).rejects.toMatchObject({ code: 'backend_rejected', details: { said: words } })
    it.vendor.trouble.push({ status: 429, body: '{}' })
    await expect(it.backend.submit(request(model, wish), { signal })).rejects.toMatchObject({ code: 'backend_unavailable' })
    const operation = await it.backend.submit(request(model, wish), { signal })
    it.vendor.trouble.push({ status: 503, body: '' })
    await expect(it.backend.status(operation, { signal })).rejects.toMatchObject({ code: 'backend_unavailable' })
    it.vendor.trouble.push({ status: 404, body: '{"message":"no such task"}' })
    expect(await it.backend.status(operation, { signal })).toEqual({ at: 'lost' })
  })

  test('a redirect is not followed, and what is not JSON makes no sense', async () => {
    await using it = await rig(name, model)
    await using elsewhere = await startOrigin((_request, response) => { response.end('{}') })
    it.vendor.trouble.push({ status: 307, body: '', location: elsewhere.url })
    await expect(it.backend.submit(request(model, wish), { signal })).rejects.toMatchObject({ code: 'output_invalid' })
    it.vendor.trouble.push({ status: 200, body: '<html>' })
    await expect(it.backend.submit(request(model, wish), { signal })).rejects.toMatchObject({ code: 'output_invalid' })
    expect(elsewhere.connections).toHaveLength(0)
  })
})

describe('the finished video', () => {
  test('is fetched from the address the vendor names, without the key', async () => {
    const asked: (string | undefined)[] = []
    await using store = await startOrigin((request, response) => {
      asked.push(request.headers.authorization)
      response.writeHead(200, { 'content-type': 'video/mp4' }).end('the film')
    })
    await using it = await rig('@ai-sdk/alibaba', 'wan2.7-r2v', { allow: [store.pair] })
    const operation = await it.backend.submit(request('wan2.7-r2v'), { signal })
    it.vendor.state = { at: 'done', url: store.url }
    expect(await it.backend.status(operation, { signal })).toEqual({ at: 'done', output: {}, warnings: [] })
    expect(await readAll(await it.backend.open(operation, {}, { signal, maxBytes: 100 }))).toBe('the film')
    expect(asked).toEqual([undefined])
  })

  test('is not fetched from a private address', async () => {
    await using store = await startOrigin((_request, response) => { response.end('secret') })
    await using it = await rig('@ai-sdk/xai', 'grok-imagine-video')
    const operation = await it.backend.submit(request('grok-imagine-video'), { signal })
    it.vendor.state = { at: 'done', url: store.url }
    await expect(it.backend.open(operation, {}, { signal, maxBytes: 100 })).rejects.toMatchObject({ code: 'output_invalid' })
    expect(store.connections).toHaveLength(0)
  })

  test('may lie in the answer, up to the limit', async () => {
    await using it = await rig('@ai-sdk/google-vertex', 'veo-3.1-generate-001')
    const operation = await it.backend.submit(request('veo-3.1-generate-001'), { signal })
    it.vendor.state = { at: 'done', base64: Buffer.from('the film').toString('base64') }
    expect(await it.backend.status(operation, { signal })).toEqual({ at: 'done', output: {}, warnings: [] })
    expect(await readAll(await it.backend.open(operation, {}, { signal, maxBytes: 8 }))).toBe('the film')
    await expect(it.backend.open(operation, {}, { signal, maxBytes: 7 }).then(readAll)).rejects.toMatchObject({ code: 'output_invalid' })
  })

  test('in a store that only its owner can read, it cannot be had', async () => {
    await using it = await rig('@ai-sdk/google-vertex', 'veo-3.1-generate-001')
    const operation = await it.backend.submit(request('veo-3.1-generate-001'), { signal })
    it.vendor.state = { at: 'done', url: 'gs://bucket/film.mp4' }
    await expect(it.backend.open(operation, {}, { signal, maxBytes: 100 })).rejects.toMatchObject({ code: 'output_invalid' })
  })

  test("is expired once the vendor has forgotten it", async () => {
    await using it = await rig('@ai-sdk/xai', 'grok-imagine-video')
    const operation = await it.backend.submit(request('grok-imagine-video'), { signal })
    it.vendor.trouble.push({ status: 404, body: '{}' })
    await expect(it.backend.open(operation, {}, { signal, maxBytes: 100 })).rejects.toMatchObject({ code: 'output_expired' })
  })
})

describe('the proof that references leave', () => {
  test('what a package would drop is not sent at all, and the refusal names it', async () => {
    await using it = await rig('@ai-sdk/xai', 'grok-imagine-video')
    const references = [reference(1), reference(1, { kind: 'video', mime: 'video/mp4', text: 'clip' })]
    await expect(it.backend.submit(request('grok-imagine-video', { references }), { signal })).rejects.toMatchObject({
      code: 'backend_rejected', details: { missing: ['video 1'], said: expect.stringContaining('video 1') },
    })
    expect(it.vendor.lines).toEqual([])
  })

  test('a first frame beside references that the package leaves out is noticed as well', async () => {
    await using it = await rig('@ai-sdk/minimax', 'MiniMax-H3')
    const wish = { size: '768x1366', firstFrame: { mime: 'image/png', bytes: Buffer.from('frame') } }
    await expect(it.backend.submit(request('MiniMax-H3', wish), { signal })).rejects.toMatchObject({ details: { missing: ['image 1', 'image 2'] } })
    await it.backend.submit(request('MiniMax-H3', { ...wish, references: [] }), { signal })
    expect(it.vendor.bodies[0]).toContain(Buffer.from('frame').toString('base64'))
  })

  test('the same picture given twice has to leave twice', () => {
    const twice = filesToSend(request('m', { references: [reference(1, { text: 'same' }), reference(2, { text: 'same' })] }))
    const base64 = Buffer.from('same').toString('base64')
    expect(() => assertAllSent(`["${base64}"]`, twice)).toThrow(expect.objectContaining({ details: expect.objectContaining({ missing: ['image 2'] }) }))
    expect(() => assertAllSent(`["${base64}","${base64}"]`, twice)).not.toThrow()
  })

  test.each([
    ['@ai-sdk/fal', (settings: ProviderSettings) => createFal({ apiKey: 'k', ...settings }).video('luma-ray-2')],
    ['@ai-sdk/replicate', (settings: ProviderSettings) => createReplicate({ apiToken: 'k', ...settings }).video('minimax/video-01')],
  ])('%s drops them without a warning, as the refusal says', async (name, make) => {
    let body = ''
    const fetch: typeof globalThis.fetch = async (_url, init) => {
      body = String(init?.body)
      return Response.json({ request_id: '1', response_url: 'https://queue.fal.run/1', id: '1', status: 'starting', urls: { get: 'https://api.replicate.com/1' } })
    }
    const asked = request('m')
    const started = await make({ fetch, headers: {} }).doStart?.({
      prompt: 'Image 1 waves', n: 1, aspectRatio: '9:16', resolution: undefined, duration: 8, fps: undefined, seed: undefined, image: undefined, frameImages: undefined, generateAudio: undefined, providerOptions: {},
      inputReferences: asked.references.map(({ mime, bytes }) => ({ type: 'file', mediaType: mime, data: bytes })),
    })
    expect(started?.warnings).toEqual([])
    expect(body).toContain('Image 1 waves')
    expect(() => assertAllSent(body, filesToSend(asked))).toThrow(expect.objectContaining({ details: expect.objectContaining({ missing: ['image 1', 'image 2'] }) }))
    expect(() => aiSdkConfig.parse({ kind: 'ai-sdk', name: 'x', package: name, key: 'k', models: [{ id: 'm' }] })).toThrow('drops references without a warning')
  })
})

function problems(settings: object): readonly string[] {
  const { error } = aiSdkConfig.safeParse({ kind: 'ai-sdk', name: 'x', key: 'k', ...settings })
  return error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ?? []
}

const notInstalled: ImportPackage = (name) => import(`${name}-that-nobody-installed`)

describe('at the start', () => {
  test.each([
    [{ package: '@ai-sdk/luma', models: [{ id: 'ray' }] }, /^package: @ai-sdk\/luma was not tested with references; tested are @ai-sdk\/alibaba/],
    [{ package: '@ai-sdk/alibaba', models: [{ id: 'wan2.6-r2v' }] }, /^models\.0\.id: wan2\.6-r2v takes references by address only/],
    [{ package: '@ai-sdk/minimax', models: [{ id: 'MiniMax-H3-Max' }] }, /^models\.0\.id: MiniMax-H3-Max takes no references/],
    [{ package: '@ai-sdk/xai', models: [{ id: 'grok-9' }] }, /^models\.0\.id: grok-9 was not tested/],
    [{ package: '@ai-sdk/xai', key: undefined, models: [{ id: 'grok-imagine-video' }] }, /^key: is needed$/],
    [{ package: '@ai-sdk/google-vertex', key: undefined, models: [{ id: 'veo-3.1-generate-001' }] }, /^key: is needed, or a project$/],
  ])('%j cannot be used', (settings, problem) => {
    expect(problems(settings)).toEqual([expect.stringMatching(problem)])
  })

  test('a new model is used as the tested one it is like', async () => {
    await using it = await rig('@ai-sdk/xai', '', { models: [{ id: 'grok-2', preset: 'grok-imagine-video', capabilities: { maxReferences: 3 } }] })
    expect(it.backend.models).toMatchObject([{ id: 'grok-2', capabilities: { label: 'bracket', maxReferences: 3, maxCharacters: 7 } }])
  })

  test('a package that is not installed, or is another version, says what to install', async () => {
    const install = 'run: npm install --save-exact @ai-sdk/xai@5.0.12'
    await expect(rig('@ai-sdk/xai', 'grok-imagine-video', { load: notInstalled })).rejects.toMatchObject({ name: 'UnusableBackend', path: 'package', message: `@ai-sdk/xai is not installed; ${install}` })
    await expect(rig('@ai-sdk/xai', 'grok-imagine-video', { load: async () => ({}) })).rejects.toThrow(`has no createXai; ${install}`)
    const old = { createXai: () => ({ video: () => ({ doGenerate: () => null }) }) }
    await expect(rig('@ai-sdk/xai', 'grok-imagine-video', { load: async () => old })).rejects.toThrow(install)
  })
})

test.each([
  ['us-central1', 'https://us-central1-aiplatform.googleapis.com/v1beta1/projects/film-1/locations/us-central1/publishers/google'],
  ['eu', 'https://aiplatform.eu.rep.googleapis.com/v1beta1/projects/film-1/locations/eu/publishers/google'],
  [undefined, 'https://aiplatform.googleapis.com/v1beta1/projects/film-1/locations/global/publishers/google'],
])("Vertex with the machine's credentials, in %s", async (location, baseURL) => {
  const given: ProviderSettings[] = []
  const load: ImportPackage = async () => ({ createGoogleVertex: (settings: ProviderSettings) => { given.push(settings); return { video: () => ({ doStart() {}, doStatus() {} }) } } })
  const config = aiSdkConfig.parse({ kind: 'ai-sdk', name: 'veo', package: '@ai-sdk/google-vertex', project: 'film-1', location, models: [{ id: 'veo-3.1-generate-001' }] })
  await openAiSdk(config, { fetch: { allow: [], dnsServers: [], maxBytes: 1 }, load })
  expect(given).toEqual([expect.objectContaining({ project: 'film-1', baseURL })])
  expect(given[0]).not.toHaveProperty('apiKey')
})

test("the package's own warnings become the video's", async () => {
  await using it = await rig('@ai-sdk/alibaba', 'wan2.7-r2v', { options: { shotType: 'multi' } })
  const operation = await it.backend.submit(request('wan2.7-r2v'), { signal })
  it.vendor.state = { at: 'done', url: 'https://vendor.example/film.mp4' }
  expect(await it.backend.status(operation, { signal })).toMatchObject({ warnings: [{ code: 'backend_said', message: expect.stringMatching(/^shotType: wan2\.7 models do not support/) }] })
})

test('health is whether its address answers', async () => {
  const it = await rig('@ai-sdk/xai', 'grok-imagine-video')
  expect(await it.backend.health({ signal })).toEqual({ isHealthy: true, says: 'It answers.' })
  await it[Symbol.asyncDispose]()
  expect(await it.backend.health({ signal })).toEqual({ isHealthy: false, says: 'It does not answer.' })
})

test('who stops waiting hears their own reason', async () => {
  await using it = await rig('@ai-sdk/xai', 'grok-imagine-video')
  await expect(it.backend.submit(request('grok-imagine-video'), { signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow('gone')
})
