import { describe, expect, test } from 'vitest'
import { readFrameNumber } from '../../../test/fixtures/draw-scene.ts'
import { makeClip } from '../../../test/fixtures/make-clip.ts'
import type { ClipOptions } from '../../../test/fixtures/make-clip.ts'
import { memorySource } from '../../../test/fixtures/memory-source.ts'
import type { Frame } from '../frame.ts'
import { CALLS } from '../protocol.ts'
import { openWindow } from './open-window.ts'

const WINDOW = { startMs: 1200, endMs: 2600 }
const ALL = { perSecond: 60, longSide: 640 }

async function collect(frames: AsyncIterable<Frame>): Promise<Frame[]> {
  const all: Frame[] = []
  for await (const frame of frames) all.push(frame)
  return all
}

const open = async (options: ClipOptions, window: { startMs: number; endMs: number } | null = WINDOW) => openWindow(memorySource(await makeClip(options)), window)
const numbers = (frames: readonly Frame[]): number[] => frames.map(readFrameNumber)
const upTo = (first: number, end: number): number[] => Array.from({ length: end - first }, (_, i) => first + i)

async function numbersOf(clip: Uint8Array) {
  const { facts, pictures } = await openWindow(memorySource(clip), null)
  return { facts, shown: numbers(await collect(pictures.frames(ALL))) }
}

const loudness = (sound: Float32Array): number => Math.sqrt(sound.reduce((sum, value) => sum + value ** 2, 0) / sound.length)
const frequency = (sound: Float32Array): number => sound.reduce((crossings, value, i) => crossings + Number(i > 0 && value >= 0 && (sound[i - 1] ?? 0) < 0), 0) / (sound.length / 16_000)

describe('frames come out at their times', () => {
  const kinds: readonly ClipOptions[] = [
    { container: 'mp4', codec: 'avc' }, { container: 'mp4', codec: 'avc', tables: 'last' }, { container: 'mp4', codec: 'avc', tables: 'fragmented' },
    { container: 'mov', codec: 'avc' }, { container: 'mp4', codec: 'hevc' }, { container: 'mp4', codec: 'vp9' }, { container: 'mp4', codec: 'av1', width: 128, height: 72, framesPerSecond: 5 },
    { container: 'webm', codec: 'vp8' }, { container: 'webm', codec: 'vp9' }, { container: 'mkv', codec: 'avc' }, { container: 'mkv', codec: 'hevc' },
    { container: 'mpeg-ts', codec: 'avc' }, { container: 'mpeg-ts', codec: 'hevc', startSeconds: 36_000 },
    { container: 'mp4', codec: 'avc', framesPerGroup: 1000 }, { container: 'webm', codec: 'vp9', width: 201, height: 113 },
  ]
  test.each(kinds)('%o', async (kind) => {
    const rate = kind.framesPerSecond ?? 25
    const { facts, pictures } = await open({ seconds: 3.2, ...kind })
    expect(CALLS.window.answers.safeParse(facts).error).toBeUndefined()
    expect(facts).toMatchObject({ container: kind.container, ...WINDOW, isClamped: false, hasSound: false })
    const frames = await collect(pictures.frames(ALL))
    expect(numbers(frames)).toEqual(upTo(1.2 * rate, 2.6 * rate))
    frames.forEach((frame, i) => { expect(frame.seconds).toBeCloseTo(1.2 + i / rate, 2) })
    expect({ width: frames[0]?.width, height: frames[0]?.height }).toEqual({ width: facts.width, height: facts.height })
  })

  test('at the asked pace, on an uneven frame rate too', async () => {
    const times = [0, 0.02, 0.5, 0.9, 1.2, 1.22, 1.24, 1.26, 1.28, 1.6, 1.62, 2.1, 2.5]
    const { pictures } = await open({ times })
    expect(numbers(await collect(pictures.frames({ perSecond: 4, longSide: 640 })))).toEqual([4, 9, 11, 12])
  })

  test('with the picture that is on screen when the window starts', async () => {
    const { pictures } = await open({ seconds: 6, framesPerSecond: 1 }, { startMs: 2200, endMs: 3800 })
    const frames = await collect(pictures.frames(ALL))
    expect(frames.map(({ seconds }) => seconds)).toEqual([2.2, 3])
    expect(numbers(frames)).toEqual([2, 3])
  })

  test('upright where the file says that it lies on its side', async () => {
    const [straight] = await collect((await open({ scene: 'toy' })).pictures.frames(ALL))
    const { facts, pictures } = await open({ scene: 'toy', rotation: 90 })
    const [turned] = await collect(pictures.frames(ALL))
    expect(facts).toMatchObject({ width: 180, height: 320 })
    expect(turned).toMatchObject({ width: 180, height: 320 })
    if (!straight || !turned) throw new Error('no frames')
    const [x, y] = [40, 150]
    const before = (y * straight.width + x) * 3
    const after = (x * turned.width + (straight.height - 1 - y)) * 3
    expect(turned.data.slice(after, after + 3)).toEqual(straight.data.slice(before, before + 3))
  })

  test('again in full size, by the times that frames() gave', async () => {
    const { pictures } = await open({})
    const small = await collect(pictures.frames({ perSecond: 8, longSide: 100 }))
    const wanted = [small[5], small[1]].map((frame) => frame?.seconds ?? 0)
    const full = await collect(pictures.framesAt(wanted))
    expect(full.map(({ width, height, seconds }) => ({ width, height, seconds }))).toEqual(wanted.toSorted((a, b) => a - b).map((seconds) => ({ width: 320, height: 180, seconds })))
    expect(numbers(full)).toEqual(full.map(({ seconds }) => Math.round(seconds * 25)))
  })

  test('again without frames() before', async () => {
    const { pictures } = await open({})
    expect(numbers(await collect(pictures.framesAt([1.4, 2])))).toEqual([35, 50])
  })
})

describe('the clip', () => {
  test.each<ClipOptions>([{ codec: 'avc' }, { codec: 'hevc', container: 'mkv' }, { codec: 'avc', container: 'mpeg-ts' }, { codec: 'vp8', container: 'webm' }])('shows the window, padded to 2 s: %o', async (kind) => {
    const { facts } = await open({ ...kind, seconds: 5 })
    const { facts: { container, durationMs, codec }, shown } = await numbersOf(facts.clip)
    expect({ container, durationMs }).toEqual({ container: 'mp4', durationMs: 2000 })
    expect(shown).toEqual(upTo(30, 80))
    expect(['h264', 'hevc']).toContain(codec)
  })

  test('is padded in front where the source ends, and shows all of a short one', async () => {
    const atTheEnd = await open({ seconds: 4 }, { startMs: 3000, endMs: 4000 })
    expect((await numbersOf(atTheEnd.facts.clip)).shown).toEqual(upTo(50, 100))
    const short = await open({ seconds: 1.2 }, { startMs: 100, endMs: 1100 })
    expect((await numbersOf(short.facts.clip)).facts.durationMs).toBe(1200)
  })

  test('keeps the sound that an MP4 can carry', async () => {
    expect((await numbersOf((await open({ sound: 'aac' })).facts.clip)).facts.hasSound).toBe(true)
    expect((await numbersOf((await open({ container: 'mov', sound: 'pcm-s16' })).facts.clip)).facts.hasSound).toBe(false)
  })

  test('carries nothing that the source says about itself', async () => {
    const secret = 'Backyard, 48.8584 N'
    const source = await makeClip({ tags: { title: secret, comment: secret } })
    expect(Buffer.from(source).includes(secret)).toBe(true)
    const { facts } = await openWindow(memorySource(source), WINDOW)
    expect(Buffer.from(facts.clip).includes(secret)).toBe(false)
  })
})

describe('the sound', () => {
  test.each<ClipOptions>([
    { sound: 'aac' }, { sound: 'opus', container: 'webm', codec: 'vp9' }, { sound: 'flac', container: 'mkv' }, { sound: 'mp3' }, { sound: 'pcm-s16', container: 'mov' },
    { sound: 'aac', container: 'mpeg-ts' }, { sound: 'aac', tables: 'fragmented' },
  ])('is the window at 16 kHz: %o', async (kind) => {
    const { facts, pictures } = await open({ seconds: 3.2, ...kind })
    expect(facts.hasSound).toBe(true)
    const sound = await pictures.sound() ?? new Float32Array()
    expect(sound.length).toBe(1.4 * 16_000)
    expect(frequency(sound)).toBeCloseTo(440, -1)
    expect(loudness(sound)).toBeCloseTo(0.5 / Math.SQRT2, 1)
    expect(loudness(sound.slice(-400))).toBeCloseTo(0.5 / Math.SQRT2, 1)
  })

  test('is null where there is none', async () => {
    expect(await (await open({})).pictures.sound()).toBeNull()
  })
})

describe('where the window lies', () => {
  test.each<ClipOptions>([{}, { tables: 'fragmented' }, { container: 'mkv' }, { container: 'mpeg-ts' }])('past the end it is refused, a little past it is clamped: %o', async (kind) => {
    const source = { ...kind, seconds: 3 }
    await expect(open(source, { startMs: 8000, endMs: 9500 })).rejects.toMatchObject({ code: 'timestamps_out_of_range', param: 'timestamps', details: { start: 8, end: 9.5, duration: 3 } })
    await expect(open(source, { startMs: 2500, endMs: 3700 })).rejects.toMatchObject({ code: 'timestamps_out_of_range' })
    expect((await open(source, { startMs: 1500, endMs: 3400 })).facts).toMatchObject({ startMs: 1500, endMs: 3000, isClamped: true })
    expect((await open(source, { startMs: 1500, endMs: 3000 })).facts.isClamped).toBe(false)
  })

  test('a joined recording ends where its clock begins anew', async () => {
    const part = await makeClip({ container: 'mpeg-ts', seconds: 2 })
    const joined = memorySource(new Uint8Array(Buffer.concat([part, part])))
    const { pictures } = await openWindow(joined, { startMs: 1000, endMs: 2000 })
    expect(numbers(await collect(pictures.frames(ALL)))).toEqual(upTo(25, 50))
    await expect(openWindow(joined, { startMs: 1000, endMs: 3000 })).rejects.toMatchObject({ code: 'timestamps_out_of_range' })
  })

  test('unasked it is all of a short source', async () => {
    expect((await open({ seconds: 2.4 }, null)).facts).toMatchObject({ startMs: 0, endMs: 2400, isClamped: false })
    expect((await open({ seconds: 2.4, container: 'mpeg-ts' }, null)).facts).toMatchObject({ startMs: 0, endMs: 2400 })
  })

  test('unasked it is 3 s of a longer one, where there is something to see', async () => {
    // Plain for 6 s, then noise: as two scenes of one file.
    const times = Array.from({ length: 100 }, (_, i) => i / 10)
    const source = await makeClip({ times, framesPerSecond: 10, framesPerGroup: 10, sceneAt: (seconds) => (seconds < 6 ? 'plain' : 'toy') })
    const { facts } = await openWindow(memorySource(source), null)
    expect(facts.endMs - facts.startMs).toBe(3000)
    expect(facts.startMs).toBeGreaterThanOrEqual(6000)
  })
})

describe('what is read', () => {
  const heavy: ClipOptions = { scene: 'noise', bitrate: 4_000_000, seconds: 6, sound: 'aac', width: 320, height: 180 }
  const window = { startMs: 3300, endMs: 5300 }

  test.each([{ tables: 'first', requests: 3 }, { tables: 'last', requests: 4 }] as const)('is at most 1.1 times the floor with tables $tables', async ({ tables, requests }) => {
    const source = memorySource(await makeClip({ ...heavy, tables }))
    const { facts } = await openWindow(source, window)
    expect(source.bytesRead / facts.floorBytes).toBeLessThan(1.1)
    expect(source.requests).toBeLessThanOrEqual(requests)
    expect(source.bytesRead).toBeLessThan(source.size / 2)
  })

  test('is not asked for again by frames and sound', async () => {
    const source = memorySource(await makeClip(heavy))
    const { pictures } = await openWindow(source, window)
    const before = source.requests
    await collect(pictures.frames(ALL))
    await pictures.sound()
    expect(source.requests).toBe(before)
  })

  test.each<ClipOptions>([{ tables: 'fragmented' }, { container: 'mkv' }, { container: 'mpeg-ts' }])('comes in blocks from a stream, each once: %o', async (kind) => {
    const source = memorySource(await makeClip({ ...heavy, ...kind }))
    await openWindow(source, window)
    expect(source.bytesRead / source.requests).toBeGreaterThan(48 * 1024)
    expect(source.bytesRead).toBeLessThanOrEqual(source.size)
  })

  test('ends with the signal', async () => {
    const source = memorySource(await makeClip({}))
    const controller = new AbortController()
    controller.abort(new Error('enough'))
    await expect(openWindow(source, WINDOW, { signal: controller.signal })).rejects.toThrow('enough')
    expect(source.requests).toBe(0)
  })
})
