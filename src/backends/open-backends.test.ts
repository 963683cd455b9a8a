import { describe, expect, test } from 'vitest'
import { startStrictOpenRouter } from '../../test/support/strict-openrouter.ts'
import { backendRequest } from '../../test/support/backend-request.ts'
import { parseBackendConfigs, type BackendConfig } from './backend-config.ts'
import type { Backend } from './backend.ts'
import type { Backends } from './backends.ts'
import { openBackends } from './open-backends.ts'

const { signal } = new AbortController()
const fetch = { allow: [], dnsServers: [], maxBytes: 1000 }
const MODEL = 'bytedance/seedance-2.0'
const OFFERED = [{ id: MODEL, supported_sizes: ['720x1280'], supported_durations: [4] }]

const unused = (): never => { throw new Error('not part of this test') }

const EMBEDDED: Backend = {
  name: 'animatic', pollMs: 1, health: async () => ({ isHealthy: true, says: 'It is here.' }), submit: unused, status: unused, open: unused, cancel: unused,
  models: [{
    id: 'animatic',
    capabilities: {
      maxCharacters: 8, maxReferences: 8, perCharacter: 1, kinds: { image: { max: 8, mimes: ['image/webp'] } }, prefer: 'image', imageForm: 'as-is', label: 'describe', hasPreamble: false, firstFrame: 'none',
      sizes: ['720x1280'], seconds: [4], promptMax: 2000, faces: 'ok', hasSeed: true, hasNegativePrompt: false, operations: ['edit', 'extend'],
    },
  }],
}

function configs(list: readonly object[]): readonly BackendConfig[] {
  const result = parseBackendConfigs(list)
  if ('faults' in result) throw new Error(JSON.stringify(result.faults))
  return result.configs
}

const openList = (list: readonly object[]): Promise<Backends> => openBackends({ configured: configs(list), embedded: EMBEDDED, fetch, clock: Date.now })

const router = (name: string, url = 'http://127.0.0.1:1/api/v1'): object => ({ kind: 'openrouter', name, key: 'the-key', url, models: [{ id: MODEL }] })

const names = ({ all }: Backends): readonly string[] => all.map(({ name }) => name)

describe('the order', () => {
  test('without settings there is the embedded one', async () => {
    const backends = await openList([])
    expect(names(backends)).toEqual(['animatic'])
    expect(backends.route(null).routes[0].model.id).toBe('animatic')
    expect(backends.route('sora-2').isSubstituted).toBe(true)
  })

  test('the embedded one comes last, and where the settings place it', async () => {
    expect(names(await openList([router('a')]))).toEqual(['a', 'animatic'])
    expect(names(await openList([{ kind: 'animatic' }, router('a')]))).toEqual(['animatic', 'a'])
  })

  test('of every kind there is one', async () => {
    const backends = await openList([
      router('a'),
      { kind: 'openai-videos', name: 'gpu', url: 'http://127.0.0.1:1/v1', models: [{ id: 'wan', preset: 'wan2.1-vace-1.3b' }] },
      { kind: 'comfyui', name: 'comfy', url: 'http://127.0.0.1:1', models: [{ id: 'vace', preset: 'wan2.1-vace-1.3b' }] },
      { kind: 'ai-sdk', name: 'grok', package: '@ai-sdk/xai', key: 'the-key', models: [{ id: 'grok-imagine-video' }] },
    ])
    expect(names(backends)).toEqual(['a', 'gpu', 'comfy', 'grok', 'animatic'])
    expect(backends.thatCan('extend')).toEqual(['animatic'])
  })
})

test('two of one kind: the second makes the video that the first cannot be asked for', async () => {
  await using server = await startStrictOpenRouter({ key: 'the-key', models: OFFERED, video: Buffer.from('film') })
  const backends = await openList([router('gone'), router('there', server.url)])
  const { routes } = backends.route(MODEL)
  expect(routes.map(({ backend }) => backend.name)).toEqual(['gone', 'there'])

  const [gone, there] = routes
  await expect(gone.backend.submit(backendRequest(gone.model), { signal })).rejects.toMatchObject({ code: 'backend_unavailable' })
  const operation = await there.backend.submit(backendRequest(there.model), { signal })
  expect(await backends.find('there', MODEL)?.backend.status(operation, { signal })).toEqual({ at: 'queued' })
  expect(await backends.health(gone.backend, { signal })).toEqual({ isHealthy: false, says: 'It does not answer.' })
  expect(await backends.health(there.backend, { signal })).toEqual({ isHealthy: true, says: 'It offers every model.' })
})

test('all that cannot be built is told at once, by its place', async () => {
  const list = [
    { kind: 'comfyui', name: 'one', url: 'http://127.0.0.1:1', models: [{ id: 'own', graph: '/no/such/graph.json', map: { prompt: 'a.text', references: ['b.image'], output: 'c', fps: 16 } }] },
    router('fine'),
    { kind: 'comfyui', name: 'two', url: 'http://127.0.0.1:1', models: [{ id: 'own', graph: '/no/such/other.json', map: { prompt: 'a.text', references: ['b.image'], output: 'c', fps: 16 } }] },
  ]
  await expect(openList(list)).rejects.toMatchObject({
    name: 'UnusableBackends', problems: [expect.stringMatching(/^BACKENDS\[0\]\.models\[0\]: graph/), expect.stringMatching(/^BACKENDS\[2\]\.models\[0\]: graph/)],
  })
})
