import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createDiskObjects } from './disk-objects.ts'
import type { ObjectStore } from './object-store.ts'
import { openObjectSource } from './object-source.ts'

const SIZE = 700_000 // several chunks of the store
const ALL = Uint8Array.from({ length: SIZE }, (_, at) => at % 251)
const KEY = 'video_1/video.mp4'

let folder: string
let objects: ObjectStore
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dramatis-source-'))
  objects = createDiskObjects({ folder })
  await objects.put(KEY, ALL)
})
afterEach(() => rm(folder, { recursive: true }))

test('a stored object is read by range, exactly where that is planned, and with what is near where it is not', async () => {
  await using source = openObjectSource(objects, KEY, SIZE)
  expect(source.size).toBe(SIZE)
  for (const [start, end] of [[0, SIZE], [10, 20], [SIZE - 5, SIZE], [250_000, 600_000]] as const) {
    expect(await source.read(start, end, { isPlanned: true })).toEqual({ start, bytes: Buffer.from(ALL.subarray(start, end)) })
  }
  expect((await source.read(10, 20)).bytes).toHaveLength(64 * 1024)
  expect((await source.read(SIZE - 5, SIZE - 4)).bytes).toHaveLength(5)
  expect(source).toMatchObject({ requests: 6, bytesRead: SIZE + 10 + 5 + 350_000 + 64 * 1024 + 5 })
})

test('what lies outside is a mistake of the caller; what is gone or shorter than its row says is a fault of the store', async () => {
  await using source = openObjectSource(objects, KEY, SIZE)
  for (const [start, end] of [[-1, 5], [0, SIZE + 1], [5, 4], [0.5, 2]] as const) await expect(source.read(start, end)).rejects.toBeInstanceOf(RangeError)
  await expect(source.read(0, 5, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough')
  await objects.put(KEY, ALL.subarray(0, 100))
  await expect(source.read(90, 200, { isPlanned: true })).rejects.toMatchObject({ code: 'storage_unavailable' })
  await objects.deleteFolder('video_1')
  await expect(source.read(0, 5)).rejects.toMatchObject({ code: 'storage_unavailable' })
})
