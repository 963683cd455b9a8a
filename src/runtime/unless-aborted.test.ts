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
