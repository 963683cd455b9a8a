import { describe, expect, test } from 'vitest'
import type { Capabilities, VideoOperation } from '../domain/capabilities.ts'
import { AppError } from '../domain/errors.ts'
import type { Backend, BackendHealth } from './backend.ts'
import type { Backends } from './backends.ts'
import { createBackends } from './registry.ts'

const never = new AbortController().signal

function capabilities(operations: readonly VideoOperation[] = []): Capabilities {
  return {
    maxCharacters: 1, maxReferences: 1, perCharacter: 1, kinds: { image: { max: 1, mimes: ['image/png'] } }, prefer: 'image', imageForm: 'as-is', label: 'describe', hasPreamble: false,
    firstFrame: 'none', sizes: ['720x1280'], seconds: [4], promptMax: 1000, faces: 'ok', hasSeed: false, hasNegativePrompt: false, operations,
  }
}

interface Stub { readonly operations?: readonly VideoOperation[]; readonly health?: Backend['health'] }

const unused = (): never => { throw new Error('not part of this test') }

const backend = (name: string, models: readonly string[], { operations, health = unused }: Stub = {}): Backend => ({
  name, models: models.map((id) => ({ id, capabilities: capabilities(operations) })), pollMs: 1, health, submit: unused, status: unused, open: unused, cancel: unused,
})

const registry = (...[first, ...others]: readonly [Backend, ...Backend[]]): Backends => createBackends([first, ...others], { clock: Date.now })

const routesOf = (backends: Backends, model: string | null): readonly string[] =>
  backends.route(model).routes.map((route) => `${route.backend.name}/${route.model.id}`)

describe('two backends of one kind, and one of another', () => {
  const backends = registry(backend('near', ['wan-vace', 'wan-i2v']), backend('far', ['wan-i2v', 'wan-vace']), backend('animatic', ['animatic']))

  test('a model is routed to every backend that has it, in the order of the settings', () => {
    expect(routesOf(backends, 'wan-vace')).toEqual(['near/wan-vace', 'far/wan-vace'])
    expect(routesOf(backends, 'wan-i2v')).toEqual(['near/wan-i2v', 'far/wan-i2v'])
  })

  test("a backend's name means its first model, on it alone", () => {
    expect(routesOf(backends, 'far')).toEqual(['far/wan-i2v'])
  })

  test('without a model the first one of the first backend is used, and others that have it can stand in', () => {
    expect(routesOf(backends, null)).toEqual(['near/wan-vace', 'far/wan-vace'])
    expect(backends.route(null).isSubstituted).toBe(false)
  })

  test.each(['sora-2', 'sora-2-pro', 'Sora-2-2025-10-06'])('%s is replaced, and the routing says so', (model) => {
    expect(routesOf(backends, model)).toEqual(['near/wan-vace', 'far/wan-vace'])
    expect(backends.route(model).isSubstituted).toBe(true)
  })

  test('what nobody has is refused with what there is', () => {
    expect(() => backends.route('veo-9')).toThrow(expect.objectContaining({
      code: 'model_not_found', param: 'model', status: 400, details: { known: ['wan-vace', 'wan-i2v', 'animatic', 'near', 'far'] },
    }))
  })

  test('the model of a stored video is found exactly, or not at all', () => {
    expect(backends.find('far', 'wan-vace')?.backend.name).toBe('far')
    expect(backends.find('far', 'animatic')).toBeNull()
    expect(backends.find('gone', 'wan-vace')).toBeNull()
  })
})

test('case decides between models that differ by it alone, and is forgiven otherwise', () => {
  const backends = registry(backend('a', ['MiniMax-H3']), backend('b', ['minimax-h3']))
  expect(routesOf(backends, 'minimax-h3')).toEqual(['b/minimax-h3'])
  expect(routesOf(backends, 'MINIMAX-h3')).toEqual(['a/MiniMax-H3', 'b/minimax-h3'])
  expect(routesOf(backends, 'B')).toEqual(['b/minimax-h3'])
})

test('a model that is called like a replaced one is used as it is', () => {
  const backends = registry(backend('first', ['wan']), backend('relay', ['sora-2']))
  expect(routesOf(backends, 'sora-2')).toEqual(['relay/sora-2'])
  expect(backends.route('sora-2').isSubstituted).toBe(false)
})

test('the error lists a bounded number of names', () => {
  const backends = registry(backend('many', Array.from({ length: 500 }, (_, index) => `model-${index}`)))
  expect(() => backends.route('none')).toThrow(expect.objectContaining({ details: { known: expect.toSatisfy((known: unknown[]) => known.length <= 20) } }))
})

test('only the backends with a model that can are named for an operation', () => {
  const backends = registry(backend('a', ['one']), backend('b', ['two'], { operations: ['extend'] }))
  expect(backends.thatCan('extend')).toEqual(['b'])
  expect(backends.thatCan('edit')).toEqual([])
})

describe('health', () => {
  test('askers share one probe, and its answer while it is fresh', async () => {
    let nowMs = 0
    let probes = 0
    const answer = Promise.withResolvers<BackendHealth>()
    const asked = backend('a', ['one'], { health: () => { probes++; return answer.promise } })
    const backends = createBackends([asked], { clock: () => nowMs })
    const both = [backends.health(asked, { signal: never }), backends.health(asked, { signal: never })]
    nowMs = 60_000
    const third = backends.health(asked, { signal: never })
    answer.resolve({ isHealthy: true, says: 'ready' })
    expect(await Promise.all([...both, third])).toEqual(Array.from({ length: 3 }, () => ({ isHealthy: true, says: 'ready' })))
    expect(probes).toBe(1)

    nowMs = 9999
    await backends.health(asked, { signal: never })
    expect(probes).toBe(1)
    nowMs = 10_000
    await backends.health(asked, { signal: never })
    expect(probes).toBe(2)
  })

  test('a backend that throws, or hangs, is not healthy', async () => {
    const throwing = backend('a', ['one'], { health: () => Promise.reject(new AppError('backend_unavailable')) })
    const hanging = backend('b', ['two'], { health: () => new Promise(() => {}) })
    const backends = createBackends([throwing, hanging], { clock: Date.now, probeMs: 20 })
    expect(await backends.health(throwing, { signal: never })).toEqual({ isHealthy: false, says: 'could not be asked' })
    expect(await backends.health(hanging, { signal: never })).toEqual({ isHealthy: false, says: 'no answer within 0.02 s' })
  })

  test('who stops waiting does not stop the others', async () => {
    const answer = Promise.withResolvers<BackendHealth>()
    const asked = backend('a', ['one'], { health: () => answer.promise })
    const backends = createBackends([asked], { clock: Date.now })
    const leaving = new AbortController()
    const left = backends.health(asked, { signal: leaving.signal })
    const stayed = backends.health(asked, { signal: never })
    leaving.abort(new Error('gone'))
    await expect(left).rejects.toThrow('gone')
    answer.resolve({ isHealthy: true, says: 'ready' })
    expect(await stayed).toEqual({ isHealthy: true, says: 'ready' })
  })
})
