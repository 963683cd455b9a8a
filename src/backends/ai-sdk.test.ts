import { VERSION as alibaba } from '@ai-sdk/alibaba'
import { createFal } from '@ai-sdk/fal'
import { VERSION as vertex } from '@ai-sdk/google-vertex'
import { VERSION as minimax } from '@ai-sdk/minimax'
import { createReplicate } from '@ai-sdk/replicate'
import { VERSION as xai } from '@ai-sdk/xai'
import { describe, expect, test } from 'vitest'
import { backendRequest, reference } from '../../test/support/backend-request.ts'
import { startOrigin } from '../../test/support/origins.ts'
import type { StandIn } from '../../test/support/stand-in.ts'
import { once } from '../../test/support/strict-server.ts'
import { startStrictVendor, type VendorPackage } from '../../test/support/strict-vendors.ts'
import { backendSuite, follow, type BackendUnderTest } from '../../test/suites/backend-suite.ts'
import { openAiSdk } from './ai-sdk.ts'
import { aiSdkConfig } from './ai-sdk/ai-sdk-config.ts'
import type { ImportPackage, ProviderSettings } from './ai-sdk/load-package.ts'
import { TESTED_PACKAGES } from './ai-sdk/packages.ts'
import { assertAllSent, filesToSend } from './ai-sdk/reference-guard.ts'
import type { Backend, BackendRequest } from './backend.ts'

const KEY = 'vendor-key-0123456789'
const VIDEO = Buffer.from('the bytes of a film')
const { signal } = new AbortController()
const NO_FETCH = { allow: [], dnsServers: [], maxBytes: 1000 }

interface Setup { readonly models?: readonly object[]; readonly options?: object; readonly load?: ImportPackage; readonly allow?: readonly string[] }

const openAt = (url: string, name: VendorPackage, { load, allow = [], ...more }: Setup): Promise<Backend> =>
  openAiSdk(aiSdkConfig.parse({ kind: 'ai-sdk', name: 'vendor', package: name, key: KEY, url, ...more }), { fetch: { ...NO_FETCH, allow }, load })

interface Rig extends AsyncDisposable { readonly vendor: StandIn; readonly backend: Backend }

async function rig(name: VendorPackage, model: string, setup: Setup = {}): Promise<Rig> {
  const vendor = await startStrictVendor(name, { key: KEY, video: VIDEO })
  const backend = await openAt(vendor.url, name, { models: [{ id: model }], allow: [vendor.pair], ...setup })
  return { vendor, backend, [Symbol.asyncDispose]: () => vendor[Symbol.asyncDispose]() }
}

interface Wish { readonly shot?: Partial<BackendRequest['shot']>; readonly references?: BackendRequest['references']; readonly firstFrame?: BackendRequest['firstFrame'] }

const PICTURES = [reference(1, { mime: 'image/jpeg' }), reference(2, { mime: 'image/jpeg' })]

function request({ models: [model] }: Pick<Backend, 'models'>, { shot, references = PICTURES, firstFrame = null }: Wish = {}): BackendRequest {
  return { ...backendRequest(model, { references, shot: { prompt: 'Image 1 waves', seconds: 8, ...shot } }), firstFrame }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')
const ONE = base64('image 1')
const TWO = base64('image 2')

/** Per package: a model, what is wished, and the body that leaves. */
const SHAPES = [
  ['@ai-sdk/alibaba', 'wan2.7-r2v', { shot: { seed: 7, negativePrompt: 'blur' } }, {
    model: 'wan2.7-r2v',
    input: { prompt: 'Image 1 waves', negative_prompt: 'blur', media: [{ type: 'reference_image', url: `data:image/jpeg;base64,${ONE}` }, { type: 'reference_image', url: `data:image/jpeg;base64,${TWO}` }] },
    parameters: { duration: 8, seed: 7, resolution: '720P', ratio: '9:16' },
  }],
  ['@ai-sdk/alibaba', 'wan3.0-video', { shot: { size: '1920x1080' } }, {
    model: 'wan3.0-video',
    input: { prompt: 'Image 1 waves', media: [{ type: 'reference_image', url: `data:image/jpeg;base64,${ONE}` }, { type: 'reference_image', url: `data:image/jpeg;base64,${TWO}` }] },
    parameters: { duration: 8, resolution: '1080P', ratio: '16:9' },
  }],
  ['@ai-sdk/google-vertex', 'veo-3.1-generate-001', { shot: { seed: 7, negativePrompt: 'blur' } }, {
    instances: [{ prompt: 'Image 1 waves', referenceImages: [ONE, TWO].map((bytesBase64Encoded) => ({ image: { bytesBase64Encoded, mimeType: 'image/jpeg' }, referenceType: 'asset' })) }],
    parameters: { sampleCount: 1, aspectRatio: '9:16', resolution: '720p', durationSeconds: 8, seed: 7, negativePrompt: 'blur' },
  }],
  ['@ai-sdk/minimax', 'MiniMax-H3', { references: [PICTURES[0], reference(1, { kind: 'video', mime: 'video/mp4' })] }, {
    model: 'MiniMax-H3',
    content: [
      { type: 'text', text: 'Image 1 waves' }, { type: 'image_url', image_url: { url: `data:image/jpeg;base64,${ONE}` }, role: 'reference_image' },
      { type: 'video_url', video_url: { url: `data:video/mp4;base64,${base64('video 1')}` }, role: 'reference_video' },
    ],
    resolution: '768P', duration: 8, ratio: '9:16',
  }],
  ['@ai-sdk/xai', 'grok-imagine-video-1.5', {}, {
    model: 'grok-imagine-video-1.5', prompt: 'Image 1 waves', duration: 8, aspect_ratio: '9:16', resolution: '720p',
    reference_images: [{ url: `data:image/jpeg;base64,${ONE}` }, { url: `data:image/jpeg;base64,${TWO}` }],
  }],
] as const

const created = ({ received }: StandIn): readonly unknown[] => received.map(({ json }) => json).filter((json) => json !== null)

describe.each(SHAPES)('%s, %s', (name, model, wish, body) => {
  test('sends prompt, size and every reference, and nothing it was not told', async () => {
    await using it = await rig(name, model)
    const operation = await it.backend.submit(request(it.backend, wish), { signal })
    expect(created(it.vendor)).toEqual([body])
    expect(operation).toMatchObject({ model, warnings: [] })
    expect(JSON.stringify(operation)).not.toContain(KEY)
  })

  test('carries every size that it is said to make', async () => {
    await using it = await rig(name, model)
    const { sizes } = it.backend.models[0].capabilities
    for (const size of sizes) expect(await it.backend.submit(request(it.backend, { shot: { size } }), { signal })).toMatchObject({ warnings: [] })
    expect(created(it.vendor)).toHaveLength(sizes.length)
  })

  test('goes nowhere but to its address, and takes no page for an answer', async () => {
    await using it = await rig(name, model)
    await using elsewhere = await startOrigin((_request, response) => { response.end('{}') })
    it.vendor.interfere = () => ({ status: 307, body: '', headers: { location: elsewhere.url } })
    await expect(it.backend.submit(request(it.backend, wish), { signal })).rejects.toMatchObject({ code: 'backend_rejected' })
    it.vendor.interfere = () => ({ status: 200, body: '<html>' })
    await expect(it.backend.submit(request(it.backend, wish), { signal })).rejects.toMatchObject({ code: 'output_invalid' })
    expect(elsewhere.connections).toHaveLength(0)
  })
})

function underTest(name: VendorPackage, { model, vendor }: { readonly model: string; readonly vendor: StandIn }): BackendUnderTest {
  return {
    open: () => openAt(vendor.url, name, { models: [{ id: model }], allow: [vendor.pair] }),
    video: VIDEO,
    service: {
      hold: (isHeld) => { vendor.isHeld = isHeld },
      fail: (said) => { vendor.failure = said },
      refuseNext: (status, said) => { vendor.interfere = once(({ method }) => method === 'POST', { status, body: { message: said, error: { message: said } } }) },
      hangNext: () => { vendor.interfere = once(() => true, 'hang') },
      forget: () => { vendor.restart() },
      redirectOutput: (to) => {
        vendor.outputUrl = `${vendor.url}/elsewhere`
        vendor.interfere = ({ path }) => (path === '/elsewhere' ? { status: 302, body: '', headers: { location: to } } : null)
      },
    },
    [Symbol.asyncDispose]: () => vendor[Symbol.asyncDispose](),
  }
}

describe.each([['@ai-sdk/alibaba', 'wan2.7-r2v'], ['@ai-sdk/google-vertex', 'veo-3.1-generate-001'], ['@ai-sdk/minimax', 'MiniMax-H3'], ['@ai-sdk/xai', 'grok-imagine-video']] as const)('%s keeps the contract', (name, model) => {
  backendSuite({ start: async () => underTest(name, { model, vendor: await startStrictVendor(name, { key: KEY, video: VIDEO }) }), can: { misbehave: true, sayWhy: true, resume: true } })
})

describe('the finished video', () => {
  test('is fetched from the address the vendor names, not from a private one', async () => {
    await using it = await rig('@ai-sdk/xai', 'grok-imagine-video', { allow: [] })
    const operation = await it.backend.submit(request(it.backend), { signal })
    const { output } = await follow(it.backend, operation)
    await expect(it.backend.open(operation, output, { signal, maxBytes: 100 })).rejects.toMatchObject({ code: 'output_invalid' })
    expect(it.vendor.received.filter(({ path }) => path.startsWith('/store/'))).toEqual([])
    expect(output).toEqual({})
  })

  test('in a store that only its owner can read, it cannot be had', async () => {
    await using it = await rig('@ai-sdk/google-vertex', 'veo-3.1-generate-001')
    it.vendor.outputUrl = 'gs://bucket/film.mp4'
    const operation = await it.backend.submit(request(it.backend), { signal })
    const { output } = await follow(it.backend, operation)
    await expect(it.backend.open(operation, output, { signal, maxBytes: 100 })).rejects.toMatchObject({ code: 'output_invalid' })
  })

  test('is expired once the vendor has forgotten it', async () => {
    await using it = await rig('@ai-sdk/xai', 'grok-imagine-video')
    const operation = await it.backend.submit(request(it.backend), { signal })
    it.vendor.restart()
    await expect(it.backend.open(operation, {}, { signal, maxBytes: 100 })).rejects.toMatchObject({ code: 'output_expired' })
  })

  test('of a failure, the words come without addresses and keys', async () => {
    await using it = await rig('@ai-sdk/xai', 'grok-imagine-video')
    it.vendor.failure = `policy, see https://vendor.example/?x=1 (${KEY})`
    const operation = await it.backend.submit(request(it.backend), { signal })
    await it.backend.status(operation, { signal })
    expect(await it.backend.status(operation, { signal })).toMatchObject({ at: 'failed', error: { details: { said: 'Video generation failed: policy, see [address] (…)' } } })
  })
})

describe('the proof that references leave', () => {
  test('what a package would drop is not sent at all, and the refusal names it', async () => {
    await using it = await rig('@ai-sdk/xai', 'grok-imagine-video')
    const references = [PICTURES[0], reference(1, { kind: 'video', mime: 'video/mp4' })]
    await expect(it.backend.submit(request(it.backend, { references }), { signal })).rejects.toMatchObject({
      code: 'backend_rejected', details: { missing: ['video 1'], said: { en: expect.stringContaining('video 1'), zh: expect.stringMatching(/^\P{Script=Latin}+video 1$/u) } },
    })
    expect(it.vendor.received).toEqual([])
  })

  test('a first frame beside references that the package leaves out is noticed as well', async () => {
    await using it = await rig('@ai-sdk/minimax', 'MiniMax-H3')
    const firstFrame = { mime: 'image/png', bytes: Buffer.from('frame') }
    await expect(it.backend.submit(request(it.backend, { firstFrame }), { signal })).rejects.toMatchObject({ details: { missing: ['image 1', 'image 2'] } })
    await it.backend.submit(request(it.backend, { firstFrame, references: [] }), { signal })
    expect(JSON.stringify(created(it.vendor))).toContain(base64('frame'))
  })

  test('a first frame that is left out is missed', () => {
    const files = filesToSend({ firstFrame: { mime: 'image/png', bytes: Buffer.from('frame') }, references: PICTURES })
    expect(() => assertAllSent(`["${ONE}","${TWO}"]`, files)).toThrow(expect.objectContaining({ details: expect.objectContaining({ missing: ['the first frame'] }) }))
  })

  test('the same picture given twice has to leave twice', () => {
    const [first] = PICTURES
    const twice = filesToSend({ firstFrame: null, references: [first, { ...first, n: 2 }] })
    expect(() => assertAllSent(`["${ONE}"]`, twice)).toThrow(expect.objectContaining({ details: expect.objectContaining({ missing: ['image 2'] }) }))
    expect(() => assertAllSent(`["${ONE}","${ONE}"]`, twice)).not.toThrow()
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
    const started = await make({ fetch, headers: {} }).doStart?.({
      prompt: 'Image 1 waves', n: 1, aspectRatio: '9:16', resolution: undefined, duration: 8, fps: undefined, seed: undefined, image: undefined, frameImages: undefined, generateAudio: undefined, providerOptions: {},
      inputReferences: PICTURES.map(({ mime, bytes }) => ({ type: 'file', mediaType: mime, data: bytes })),
    })
    expect(started?.warnings).toEqual([])
    expect(body).toContain('Image 1 waves')
    expect(() => assertAllSent(body, filesToSend({ firstFrame: null, references: PICTURES }))).toThrow(expect.objectContaining({ details: expect.objectContaining({ missing: ['image 1', 'image 2'] }) }))
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
  await openAiSdk(config, { fetch: NO_FETCH, load })
  expect(given).toEqual([expect.objectContaining({ project: 'film-1', baseURL })])
  expect(given[0]).not.toHaveProperty('apiKey')
})

test('the versions that are asked for are the ones that these tests ran with', () => {
  expect(Object.fromEntries([...TESTED_PACKAGES].map(([name, { tested }]) => [name, tested]))).toEqual({
    '@ai-sdk/alibaba': alibaba, '@ai-sdk/google-vertex': vertex, '@ai-sdk/minimax': minimax, '@ai-sdk/xai': xai,
  })
})

test('every package is told the address that its calls are held to', async () => {
  const given: unknown[] = []
  const make = (settings: ProviderSettings): unknown => { given.push(settings.baseURL ?? settings.videoBaseURL); return { video: () => ({ doStart() {}, doStatus() {} }) } }
  const load: ImportPackage = async () => ({ createAlibaba: make, createGoogleVertex: make, createMiniMax: make, createXai: make })
  for (const [name, id] of [['@ai-sdk/alibaba', 'wan2.7-r2v'], ['@ai-sdk/google-vertex', 'veo-3.1-generate-001'], ['@ai-sdk/minimax', 'MiniMax-H3'], ['@ai-sdk/xai', 'grok-imagine-video']]) {
    await openAiSdk(aiSdkConfig.parse({ kind: 'ai-sdk', name: 'x', package: name, key: KEY, models: [{ id }] }), { fetch: NO_FETCH, load })
  }
  expect(given).toEqual(['https://dashscope-intl.aliyuncs.com', 'https://aiplatform.googleapis.com/v1/publishers/google', 'https://api.minimax.io', 'https://api.x.ai/v1'])
})

test("the package's own warnings become the video's", async () => {
  await using it = await rig('@ai-sdk/alibaba', 'wan2.7-r2v', { options: { shotType: 'multi' } })
  const operation = await it.backend.submit(request(it.backend), { signal })
  await follow(it.backend, operation)
  expect(await it.backend.status(operation, { signal })).toMatchObject({ warnings: [{ code: 'backend_said', message: expect.stringMatching(/^shotType: wan2\.7 models do not support/) }] })
})

test('health is whether its address answers', async () => {
  const it = await rig('@ai-sdk/xai', 'grok-imagine-video')
  expect(await it.backend.health({ signal })).toEqual({ isHealthy: true, says: 'It answers.' })
  await it[Symbol.asyncDispose]()
  expect(await it.backend.health({ signal })).toEqual({ isHealthy: false, says: 'It does not answer.' })
})
