import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ObjectNotFound, type ByteRange, type ObjectStore } from '../../src/objects/object-store.ts'

export interface ObjectStoreUnderTest extends AsyncDisposable {
  readonly objects: ObjectStore
  /** Everything that is kept, half-written things too. */
  kept(): Promise<readonly string[]>
}

export interface ObjectStoreSuiteOptions {
  /** An empty store that lists folders three at a time. */
  start(): Promise<ObjectStoreUnderTest>
}

const MiB = 1024 * 1024
const text = (said: string): Uint8Array => new TextEncoder().encode(said)

/** The contract of {@link ObjectStore}, for every one of them. */
export function objectStoreSuite({ start }: ObjectStoreSuiteOptions): void {
  let tested: ObjectStoreUnderTest
  let objects: ObjectStore
  let scratch: string
  beforeAll(async () => {
    tested = await start()
    objects = tested.objects
    scratch = await mkdtemp(join(tmpdir(), 'dramatis-given-'))
  })
  afterAll(async () => {
    await tested[Symbol.asyncDispose]()
    await rm(scratch, { recursive: true })
  })
  const read = async (key: string, range?: ByteRange): Promise<string> => Buffer.concat(await Array.fromAsync(await objects.get(key, range))).toString()
  const folders = async (): Promise<readonly string[]> => (await Array.fromAsync(objects.listFolders())).flat().toSorted()

  test('what was put is read whole or in part, and a second put replaces it whole', async () => {
    await objects.put('char_1/1/clip.mp4', text('0123456789'))
    expect(await read('char_1/1/clip.mp4')).toBe('0123456789')
    expect(await read('char_1/1/clip.mp4', { start: 3, end: 6 })).toBe('345')
    expect(await read('char_1/1/clip.mp4', { start: 9, end: 10 })).toBe('9')
    expect(await read('char_1/1/clip.mp4', { start: 4, end: 4 })).toBe('')
    await objects.put('char_1/1/clip.mp4', text('abc'))
    expect(await read('char_1/1/clip.mp4')).toBe('abc')
  })

  test('nothing at all is an object too', async () => {
    await objects.put('char_1/1/empty', new Uint8Array())
    expect(await read('char_1/1/empty')).toBe('')
    expect(await read('char_1/1/empty', { start: 0, end: 0 })).toBe('')
    await expect(objects.get('char_1/1/empty', { start: 0, end: 1 })).rejects.toThrow(RangeError)
  })

  test('what is not there is ObjectNotFound, also a folder, and a part of nothing', async () => {
    await objects.put('char_2/1/portrait.webp', text('a'))
    for (const key of ['char_9/clip.mp4', 'char_2/1/clip.mp4', 'char_2/1']) await expect(objects.get(key)).rejects.toThrow(ObjectNotFound)
    for (const range of [{ start: 0, end: 0 }, { start: 0, end: 5 }]) await expect(objects.get('char_9/clip.mp4', range)).rejects.toThrow(ObjectNotFound)
  })

  test.each([{ start: 0, end: 11 }, { start: 10, end: 11 }, { start: 11, end: 12 }, { start: 11, end: 11 }, { start: -1, end: 3 }, { start: 6, end: 3 }])('%j of ten bytes is refused', async (range) => {
    await objects.put('char_2/1/ten', text('0123456789'))
    await expect(objects.get('char_2/1/ten', range)).rejects.toThrow(RangeError)
  })

  test.each(['', '/etc/passwd', '../x', 'a/../../x', 'a//b', 'A/b', 'a/.', 'a\0b', 'a\\b', `a/${'b'.repeat(300)}`])('%j is no key', async (key) => {
    const work = [async () => objects.put(key, text('x')), async () => objects.get(key), async () => objects.putFile(key, scratch), async () => objects.deleteFolder(key)]
    for (const one of work) await expect(one()).rejects.toThrow(RangeError)
  })

  test('30 MiB of unknown length come out as they went in, and are never held as a whole', async () => {
    const meter = memoryMeter()
    const hash = createHash('sha256')
    await objects.put('video_1/1/video.mp4', (async function* () {
      for (let i = 0; i < 30; i++) {
        const piece = new Uint8Array(MiB + i).fill(i)
        hash.update(piece)
        yield piece
        if (i % 5 === 4) meter.look()
      }
    })())
    const readBack = createHash('sha256')
    for await (const piece of await objects.get('video_1/1/video.mp4')) readBack.update(piece)
    expect(readBack.digest('hex')).toBe(hash.digest('hex'))
    expect(await read('video_1/1/video.mp4', { start: 8 * MiB - 2, end: 8 * MiB + 2 })).toHaveLength(4)
    expect(meter.mostMiB()).toBeLessThan(22)
  })

  test('a file is taken over, whatever its size', async () => {
    for (const size of [0, 5, 9 * MiB]) {
      const path = join(scratch, `given-${size}`)
      await writeFile(path, new Uint8Array(size).fill(65))
      await objects.putFile('video_2-given/picture', path)
      expect(existsSync(path)).toBe(false)
      expect((await read('video_2-given/picture')).length).toBe(size)
    }
    await expect(objects.putFile('video_2-given/other', join(scratch, 'nothing'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test.each([['at its first bytes', 0], ['in the middle of a large one', 17 * MiB]])('a put that is aborted %s leaves nothing', async (_when, bytes) => {
    const aborting = new AbortController()
    const reason = new Error('it is over')
    const before = await tested.kept()
    const stream = async function* (): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(bytes + 1)
      setTimeout(() => aborting.abort(reason), 5)
      await new Promise(() => {}) // a source that never goes on
    }
    await expect(objects.put('video_3/1/video.mp4', stream(), { signal: aborting.signal })).rejects.toBe(reason)
    await expect(objects.get('video_3/1/video.mp4')).rejects.toThrow(ObjectNotFound)
    expect(await tested.kept()).toEqual(before)
  })

  test('a put whose bytes break off leaves what was there, and rejects with what broke them off', async () => {
    const reason = new Error('the source broke off')
    await objects.put('video_3/1/old', text('old'))
    for (const bytes of [1, 9 * MiB]) {
      const stream = async function* (): AsyncGenerator<Uint8Array> { yield new Uint8Array(bytes); throw reason }
      await expect(objects.put('video_3/1/old', stream())).rejects.toBe(reason)
    }
    expect(await read('video_3/1/old')).toBe('old')
  })

  test('a signal that has fired ends every call with its reason, and a file stays in its place', async () => {
    const reason = new Error('it is over')
    const over = { signal: AbortSignal.abort(reason) }
    const path = join(scratch, 'stays')
    await writeFile(path, 'mine')
    await objects.put('char_4/1/a', text('a'))
    await expect(objects.put('char_4/1/b', text('b'), over)).rejects.toBe(reason)
    await expect(objects.putFile('char_4/1/b', path, over)).rejects.toBe(reason)
    await expect(objects.get('char_4/1/a', undefined, over)).rejects.toBe(reason)
    await expect(objects.get('char_4/1/b')).rejects.toThrow(ObjectNotFound)
    expect(existsSync(path)).toBe(true)
  })

  test('a signal that fires while an object is read ends the reading with its reason', async () => {
    const aborting = new AbortController()
    const reason = new Error('it is over')
    await objects.put('char_4/1/large', new Uint8Array(3 * MiB))
    const reading = async (): Promise<void> => {
      for await (const piece of await objects.get('char_4/1/large', undefined, { signal: aborting.signal })) if (piece.length > 0) aborting.abort(reason)
    }
    await expect(reading()).rejects.toBe(reason)
  })

  test('a reader may leave', async () => {
    for await (const piece of await objects.get('char_4/1/large')) { expect(piece.length).toBeGreaterThan(0); break }
    expect(await read('char_4/1/a')).toBe('a')
  })

  test('of several puts of one key at once, one is whole', async () => {
    const bodies = Array.from({ length: 8 }, (_, i) => String(i).repeat(100_000))
    await Promise.all(bodies.map((body) => objects.put('char_5/1/clip.mp4', text(body))))
    expect(bodies).toContain(await read('char_5/1/clip.mp4'))
  })

  test('folders are listed in pages, and deleted with all that is in them, and only they', async () => {
    for (const folder of await folders()) await objects.deleteFolder(folder)
    expect(await folders()).toEqual([])
    const ids = Array.from({ length: 7 }, (_, i) => `char_${i}`)
    for (const id of ids) await objects.put(`${id}/1/portrait.webp`, text(id))
    for (const name of ['1/a', '2/b', '2/c', '2/d']) await objects.put(`char_0/${name}`, text(name))
    await objects.put('char_00/1/a', text('its name begins like another'))
    const pages = await Array.fromAsync(objects.listFolders())
    expect(pages.map((page) => page.length)).toEqual([3, 3, 2])
    expect(pages.flat().toSorted()).toEqual(['char_0', 'char_00', ...ids.slice(1)])
    expect(await objects.deleteFolder('char_0/2')).toBe(3)
    expect(await objects.deleteFolder('char_0')).toBe(2)
    expect(await objects.deleteFolder('char_0')).toBe(0)
    expect(await folders()).toEqual(['char_00', ...ids.slice(1)])
    expect(await read('char_00/1/a')).toMatch(/^its name/)
  })

  test('a check passes, and leaves nothing', async () => {
    const before = await tested.kept()
    await objects.check()
    expect(await tested.kept()).toEqual(before)
  })
}

/** How much memory outside of the heap is in use beyond what was at first, after everything that can be has been collected. */
function memoryMeter(): { look(): void; mostMiB(): number } {
  setFlagsFromString('--expose-gc')
  const collect: () => void = runInNewContext('gc')
  const now = (): number => { collect(); return process.memoryUsage().arrayBuffers }
  const atFirst = now()
  let most = 0
  return { look: () => { most = Math.max(most, now() - atFirst) }, mostMiB: () => most / MiB }
}
