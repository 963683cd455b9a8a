import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { AppError } from '../../domain/errors.ts'
import { Renders, type Rendering, type RenderState } from './renders.ts'

/** Work that is done when it is told so. */
function work() {
  const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>()
  let given: Rendering | null = null
  const start = (rendering: Rendering): Promise<Uint8Array> => {
    given = rendering
    rendering.signal.addEventListener('abort', () => reject(rendering.signal.reason))
    return promise
  }
  return { start, finish: (bytes = 1) => resolve(new Uint8Array(bytes)), fail: reject, progress: (percent: number) => given?.onProgress(percent), isStarted: () => given !== null, isAborted: () => given?.signal.aborted }
}

async function settled(renders: Renders, id: string): Promise<RenderState | undefined> {
  for (let i = 0; i < 100; i++) {
    const state = renders.stateOf(id)
    if (state === undefined || state.at === 'done' || state.at === 'failed') return state
    await sleep(1)
  }
  throw new Error('it never ended')
}

test('only so many are under way; the others wait in line', async () => {
  const renders = new Renders({ atOnce: 1 })
  const [one, two] = [work(), work()]
  const [first, second] = [renders.start(one.start), renders.start(two.start)]
  expect([renders.stateOf(first)?.at, renders.stateOf(second)?.at, two.isStarted()]).toEqual(['running', 'queued', false])
  one.finish()
  expect(await settled(renders, first)).toMatchObject({ at: 'done' })
  two.finish()
  expect(await settled(renders, second)).toMatchObject({ at: 'done' })
})

test('progress never falls', () => {
  const renders = new Renders({ atOnce: 1 })
  const one = work()
  const id = renders.start(one.start)
  const told = [30.7, 5, 31].map((percent) => {
    one.progress(percent)
    return renders.stateOf(id)
  })
  expect(told).toEqual([30, 30, 31].map((progress) => ({ at: 'running', progress })))
})

test('one that is forgotten stops, whether it runs or waits', async () => {
  const renders = new Renders({ atOnce: 1 })
  const [one, two, three] = [work(), work(), work()]
  const [first, second, third] = [one, two, three].map(({ start }) => renders.start(start))
  renders.forget(first)
  renders.forget(second)
  three.finish()
  expect(await settled(renders, third)).toMatchObject({ at: 'done' })
  expect([renders.stateOf(first), renders.stateOf(second), one.isAborted(), two.isStarted()]).toEqual([undefined, undefined, true, false])
  renders.forget('nobody')
})

test('a failure is kept; one of a service that ends is not', async () => {
  const renders = new Renders({ atOnce: 3 })
  const [refused, broken, ending] = [work(), work(), work()]
  const ids = [refused, broken, ending].map(({ start }) => renders.start(start))
  refused.fail(new AppError('lens_failed'))
  broken.fail(new TypeError('oops'))
  ending.fail(new AppError('shutting_down', { details: { retryAfterSeconds: 1 } }))
  expect(await settled(renders, ids[0])).toMatchObject({ at: 'failed', error: { code: 'lens_failed' } })
  expect(await settled(renders, ids[1])).toMatchObject({ at: 'failed', error: { code: 'internal_error' } })
  expect(await settled(renders, ids[2])).toBeUndefined()
})

test('what nobody fetches is forgotten: after its time, and the oldest when there is too much', async () => {
  const brief = new Renders({ atOnce: 1, keptMs: 5 })
  const one = work()
  const id = brief.start(one.start)
  one.finish()
  expect(await settled(brief, id)).toMatchObject({ at: 'done' })
  await sleep(30)
  expect(brief.stateOf(id)).toBeUndefined()

  const small = new Renders({ atOnce: 3, keptBytes: 250 })
  const works = [work(), work(), work()]
  const ids = works.map(({ start }) => small.start(start))
  for (const [i, { finish }] of works.entries()) {
    finish(100)
    await settled(small, ids[i])
  }
  expect(ids.map((id) => small.stateOf(id)?.at)).toEqual([undefined, 'done', 'done'])
})

test('the line has an end', () => {
  const renders = new Renders({ atOnce: 1 })
  for (let i = 0; i < 256; i++) renders.start(work().start)
  expect(() => renders.start(work().start)).toThrow(expect.objectContaining({ code: 'backend_unavailable' }))
})
