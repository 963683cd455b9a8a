import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createDiskObjects } from './disk-objects.ts'
import { ObjectNotFound, type ByteRange, type ObjectStore } from './object-store.ts'

let folder: string
let objects: ObjectStore
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dramatis-objects-'))
  objects = createDiskObjects({ folder: join(folder, 'objects') })
})
afterEach(() => rm(folder, { recursive: true }))

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const folders = async () => (await Array.fromAsync(objects.listFolders())).flat()
const read = async (key: string, range?: ByteRange): Promise<string> => Buffer.concat(await Array.fromAsync(await objects.get(key, range))).toString()

test('what was put is read whole or in part, and a second put replaces it whole', async () => {
  await objects.put('char_1/clip.mp4', bytes('0123456789'))
  expect(await read('char_1/clip.mp4')).toBe('0123456789')
  expect(await read('char_1/clip.mp4', { start: 3, end: 6 })).toBe('345')
  expect(await read('char_1/clip.mp4', { start: 4, end: 4 })).toBe('')
  await objects.put('char_1/clip.mp4', bytes('abc'))
  expect(await read('char_1/clip.mp4')).toBe('abc')
  expect(await readdir(join(folder, 'objects'), { recursive: true })).toEqual(['char_1', join('char_1', 'clip.mp4')])
})

test('a file of several pieces comes out as it went in', async () => {
  const large = crypto.getRandomValues(new Uint8Array(60_000))
  const parts = Buffer.concat(Array.from({ length: 12 }, () => large))
  await objects.put('char_1/clip.mp4', parts)
  expect(Buffer.concat(await Array.fromAsync(await objects.get('char_1/clip.mp4'))).equals(parts)).toBe(true)
})

test('what is not there is ObjectNotFound, also its folder', async () => {
  await expect(objects.get('char_1/clip.mp4')).rejects.toThrow(ObjectNotFound)
  await objects.put('char_1/portrait.webp', bytes('a'))
  await expect(objects.get('char_1/clip.mp4')).rejects.toThrow(ObjectNotFound)
})

test('a range that is not within the object is refused', async () => {
  await objects.put('char_1/clip.mp4', bytes('0123456789'))
  for (const range of [{ start: 0, end: 11 }, { start: -1, end: 3 }, { start: 6, end: 3 }]) await expect(objects.get('char_1/clip.mp4', range)).rejects.toThrow(RangeError)
})

test.each(['', '/etc/passwd', '../x', 'a/../../x', 'a//b', 'A/b', 'a/.', 'a\0b', 'a\\b', `a/${'b'.repeat(300)}`])('%j is no key', async (key) => {
  await expect(objects.put(key, bytes('x'))).rejects.toThrow(RangeError)
})

test('a folder is deleted with all that is in it, and only it', async () => {
  for (const key of ['char_1/a.webp', 'char_1/b.webp', 'char_2/a.webp']) await objects.put(key, bytes(key))
  expect((await folders()).toSorted()).toEqual(['char_1', 'char_2'])
  expect(await objects.deleteFolder('char_1')).toBe(2)
  expect(await objects.deleteFolder('char_1')).toBe(0)
  expect(await folders()).toEqual(['char_2'])
  expect(await read('char_2/a.webp')).toBe('char_2/a.webp')
})

test('nothing was ever put: nothing to list', async () => {
  expect(await folders()).toEqual([])
})
