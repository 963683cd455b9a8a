import { mkdtemp, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openFileSource } from './file-source.ts'

const VIDEO = Uint8Array.from({ length: 200_000 }, (_, index) => (index * 7919) >> 5)
let folder: string
beforeAll(async () => { folder = await mkdtemp(join(tmpdir(), 'net-')) })
afterAll(() => rm(folder, { recursive: true }))

async function stored(): Promise<string> {
  const path = join(folder, 'clip')
  await writeFile(path, VIDEO)
  return path
}

test('gives planned ranges as they are and at least 64 KiB otherwise', async () => {
  await using source = await openFileSource(await stored())
  expect(source.size).toBe(200_000)
  const planned = await source.read(1000, 1010, { isPlanned: true })
  expect([planned.start, Buffer.compare(planned.bytes, VIDEO.subarray(1000, 1010))]).toEqual([1000, 0])
  const ahead = await source.read(1000, 1010)
  expect(Buffer.compare(ahead.bytes, VIDEO.subarray(1000, 1000 + 65_536))).toBe(0)
  expect((await source.read(199_999, 200_000)).bytes).toHaveLength(1)
  expect([source.requests, source.bytesRead]).toEqual([3, 10 + 65_536 + 1])
})

test('leaves the file where it is', async () => {
  const path = await stored()
  await (await openFileSource(path))[Symbol.asyncDispose]()
  expect((await stat(path)).size).toBe(200_000)
})

test('refuses ranges outside, and says when the file became shorter', async () => {
  const path = await stored()
  await using source = await openFileSource(path)
  await expect(source.read(0, 200_001)).rejects.toThrow(RangeError)
  await truncate(path, 100)
  await expect(source.read(50, 150)).rejects.toMatchObject({ code: 'source_incomplete' })
})

test('hears the signal', async () => {
  await using source = await openFileSource(await stored())
  await expect(source.read(0, 1, { signal: AbortSignal.abort(new Error('gone')) })).rejects.toThrow('gone')
})
