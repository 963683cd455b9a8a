import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createJobQueue, type JobQueue, type JobQueueOptions } from './place-queue.ts'

const open = (options: Partial<JobQueueOptions> = {}): JobQueue => createJobQueue({ concurrency: 1, mostWaiting: 2, deadlineMs: 5000, ...options })
const untilStopped = (signal: AbortSignal): Promise<never> => new Promise((_, reject) => { signal.addEventListener('abort', () => reject(signal.reason)) })
const refusal = (claim: () => unknown): unknown => {
  try {
    claim()
  } catch (error) {
    return error
  }
  return null
}

test('as many run as there are lenses, the rest waits its turn in order', async () => {
  const queue = open({ concurrency: 2, mostWaiting: 10 })
  const log: string[] = []
  const job = (name: string) => queue.claim().run(async () => {
    log.push(`${name} begins with ${queue.running}`)
    await sleep(10)
  })
  await Promise.all(['a', 'b', 'c', 'd'].map(job))
  expect(log).toEqual(['a begins with 1', 'b begins with 2', 'c begins with 2', 'd begins with 2'])
})

test('what is beyond the bound is refused at once, with when to come back; a place that is left or done is free again', async () => {
  const queue = open({ random: () => 0.5 })
  const gate = Promise.withResolvers<void>()
  const running = queue.claim().run(() => gate.promise)
  const waiting = [queue.claim(), queue.claim()]
  expect(refusal(() => queue.claim())).toMatchObject({ code: 'queue_full', details: { retryAfterSeconds: 2 } })
  waiting[0].leave()
  waiting[0].leave()
  const again = queue.claim()
  expect(refusal(() => queue.claim())).toMatchObject({ code: 'queue_full' })
  gate.resolve()
  await running
  expect(refusal(() => queue.claim())).toBeNull()
  again.leave()
})

/** When the eleventh is told to come back, of jobs that take as long as is guessed before any was measured: 2 s. */
function secondsAfterTen(random: number): unknown {
  const queue = open({ mostWaiting: 9, random: () => random })
  for (let n = 0; n < 10; n++) void queue.claim().run(() => sleep(1))
  return refusal(() => queue.claim())
}

test('the time to come back is that of the jobs before, spread by a fifth either way', () => {
  expect(secondsAfterTen(0)).toMatchObject({ details: { retryAfterSeconds: 16 } })
  expect(secondsAfterTen(0.99)).toMatchObject({ details: { retryAfterSeconds: 24 } })
})

test('the service time is measured', async () => {
  const queue = open({ mostWaiting: 9, random: () => 0.5 })
  for (let n = 0; n < 30; n++) await queue.claim().run(async () => {})
  for (let n = 0; n < 10; n++) void queue.claim().run(() => sleep(1))
  expect(refusal(() => queue.claim())).toMatchObject({ code: 'queue_full', details: { retryAfterSeconds: 1 } })
})

test('past the deadline a job is stopped; one that does not listen loses its place all the same', async () => {
  const queue = open({ deadlineMs: 30 })
  await expect(queue.claim().run(untilStopped)).rejects.toMatchObject({ code: 'lens_failed', details: { reason: 'deadline' } })
  await expect(queue.claim().run(() => new Promise(() => {}))).rejects.toMatchObject({ code: 'lens_failed' })
  expect(await queue.claim().run(async () => 'next')).toBe('next')
})

test('a caller that leaves while it waits never runs; while it runs it is stopped', async () => {
  const queue = open()
  const caller = new AbortController()
  const running = queue.claim().run(untilStopped, { signal: caller.signal })
  let hasRun = false
  const waiting = queue.claim().run(async () => { hasRun = true }, { signal: caller.signal })
  const next = queue.claim().run(async () => 'next')
  caller.abort(new Error('gone'))
  expect((await Promise.allSettled([running, waiting])).map((result) => result.status === 'rejected' && result.reason.message)).toEqual(['gone', 'gone'])
  expect([await next, hasRun]).toEqual(['next', false])
})

test('draining refuses what waits, gives what runs its grace, then stops it', async () => {
  const queue = open({ concurrency: 2 })
  const quick = queue.claim().run(() => sleep(20, 'done'))
  const slow = queue.claim().run(untilStopped)
  const waiting = queue.claim().run(async () => 'never')
  const ends = Promise.allSettled([quick, slow, waiting])
  await queue.drain({ graceMs: 60 })
  expect(await ends).toMatchObject([{ value: 'done' }, { reason: { code: 'shutting_down' } }, { reason: { code: 'shutting_down' } }])
  expect(refusal(() => queue.claim())).toMatchObject({ code: 'shutting_down' })
  expect(refusal(() => queue.reclaim())).toMatchObject({ code: 'shutting_down' })
})
