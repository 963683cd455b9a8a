import { expect, test } from 'vitest'
import type { FromLens } from './protocol.ts'
import { RemoteSource } from './remote-source.ts'

function remoteSource(size: number): { source: RemoteSource; asked: Extract<FromLens, { type: 'read' }>[] } {
  const asked: Extract<FromLens, { type: 'read' }>[] = []
  return { asked, source: new RemoteSource(size, (message) => asked.push(message)) }
}

test('reads go out at once, and answers may come in any order and hold more than was asked for', async () => {
  const { source, asked } = remoteSource(100)
  const reads = Promise.all([source.read(10, 20), source.read(50, 51, { isPlanned: true })])
  expect(asked).toEqual([
    { type: 'read', id: 0, start: 10, end: 20, isPlanned: false },
    { type: 'read', id: 1, start: 50, end: 51, isPlanned: true },
  ])
  source.settle({ type: 'bytes', id: 1, start: 50, bytes: Uint8Array.of(9) })
  source.settle({ type: 'bytes', id: 0, start: 0, bytes: new Uint8Array(30) })
  expect(await reads).toEqual([{ start: 0, bytes: new Uint8Array(30) }, { start: 50, bytes: Uint8Array.of(9) }])
  expect(source).toMatchObject({ requests: 2, bytesRead: 31 })
})

test.each([[-1, 5], [5, 5], [7, 3], [90, 101], [0.5, 2], [Number.NaN, 5]])('[%d, %d) of 100 bytes is not asked for', async (start, end) => {
  const { source, asked } = remoteSource(100)
  await expect(source.read(start, end)).rejects.toThrow(RangeError)
  expect(asked).toEqual([])
})

test('reads that wait when the source is closed fail', async () => {
  const { source } = remoteSource(100)
  const [outcome] = await Promise.all([source.read(0, 1).catch((error: unknown) => error), source[Symbol.asyncDispose]()])
  expect(outcome).toHaveProperty('message', 'the source is closed')
})
