import { expect, test } from 'vitest'
import { unlessAborted } from './unless-aborted.ts'

const never = (): Promise<never> => new Promise(() => {})

test('work comes to its own end', async () => {
  const { signal } = new AbortController()
  expect(await unlessAborted(Promise.resolve('done'), signal)).toBe('done')
  await expect(unlessAborted(Promise.reject(new Error('broken')), signal)).rejects.toThrow('broken')
})

test('a signal ends the wait for work that does not listen, also one that has fired before', async () => {
  const caller = new AbortController()
  const waiting = unlessAborted(never(), caller.signal)
  caller.abort(new Error('gone'))
  await expect(waiting).rejects.toThrow('gone')
  await expect(unlessAborted(never(), caller.signal)).rejects.toThrow('gone')
})

test('what becomes of work that nobody waits for any more is nobody\'s trouble', async () => {
  await expect(unlessAborted(Promise.reject(new Error('broken')), AbortSignal.abort(new Error('gone')))).rejects.toThrow('gone')
})

test('work that is stopped may come to its end within the grace', async () => {
  const signal = AbortSignal.abort(new Error('gone'))
  const { promise, resolve } = Promise.withResolvers<string>()
  const waiting = unlessAborted(promise, signal, { graceMs: 1000 })
  setTimeout(() => resolve('cleaned up'), 5)
  expect(await waiting).toBe('cleaned up')
  await expect(unlessAborted(never(), signal, { graceMs: 5 })).rejects.toThrow('gone')
})
