import { join } from 'node:path'
import { BufferSource, Input, MP4 } from 'mediabunny'
import sharp from 'sharp'
import { beforeAll, describe, expect, test } from 'vitest'
import { memorySource } from '../../../test/fixtures/memory-source.ts'
import type { Frame } from '../frame.ts'
import { openWindow } from '../media/open-window.ts'
import { CALLS, type Calls } from '../protocol.ts'
import { encodeWav } from '../sight/voice.ts'
import { sceneCalls } from './scene-calls.ts'

const folder = join(import.meta.dirname, '../../../models/onnx')
const SIDE = 512

type Asked = Calls['stage']['asks']
type Colour = readonly [red: number, green: number, blue: number]

const COLOURS: readonly Colour[] = [[220, 30, 30], [30, 190, 40], [40, 60, 230], [230, 210, 30], [210, 40, 210], [30, 200, 210], [240, 140, 20], [250, 150, 190]]
const WOOD: Colour = [120, 80, 50]

async function disc([red, green, blue]: Colour): Promise<Uint8Array> {
  const data = Buffer.alloc(SIDE * SIDE * 4)
  for (let at = 0; at < SIDE * SIDE; at++) {
    const inside = Math.hypot((at % SIDE) - 256, Math.floor(at / SIDE) - 256) < 200
    data.set([red, green, blue, inside ? 255 : 0], at * 4)
  }
  return sharp(data, { raw: { width: SIDE, height: SIDE, channels: 4 } }).webp({ lossless: true }).toBuffer()
}

const flat = ([r, g, b]: Colour): Promise<Uint8Array> => sharp({ create: { width: SIDE, height: SIDE, channels: 3, background: { r, g, b } } }).webp().toBuffer()

let discs: readonly Uint8Array[]
let wood: Uint8Array
beforeAll(async () => {
  discs = await Promise.all(COLOURS.map(disc))
  wood = await flat(WOOD)
})

const asked = (changes: Partial<Asked> = {}): Asked => CALLS.stage.asks.parse({
  width: 448, height: 256, seconds: 1, caption: 'A caption', language: 'en', seed: 7, voice: null,
  cast: discs.slice(0, 2).map((figure) => ({ figure, isCutout: true })), backdrops: [wood], ...changes,
})

interface Drawn { readonly video: Uint8Array; readonly progress: readonly number[]; readonly frames: number }

async function drawn(changes: Partial<Asked> = {}): Promise<Drawn> {
  const job = sceneCalls(folder)
  const { frames } = await job.stage(asked(changes))
  const progress: number[] = []
  while ((progress.at(-1) ?? 0) < frames) progress.push((await job.roll({})).drawn)
  const { video } = CALLS.wrap.answers.parse(await job.wrap({}))
  return { video, progress, frames }
}

/** Every so many seconds, as RGB. */
async function framesOf(video: Uint8Array, perSecond: number): Promise<readonly Frame[]> {
  const { pictures } = await openWindow(memorySource(video), null)
  const frames: Frame[] = []
  for await (const frame of pictures.frames({ perSecond, longSide: 4096 })) frames.push(frame)
  return frames
}

interface Region { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number }
type Part = readonly [left: number, top: number, right: number, bottom: number]

const colourAt = ({ width, data }: Frame, x: number, y: number): Colour => [data[(y * width + x) * 3], data[(y * width + x) * 3 + 1], data[(y * width + x) * 3 + 2]]
const inside = ({ width, height }: Frame, [left, top, right, bottom]: Part): Region => ({ left: Math.round(left * width), top: Math.round(top * height), right: Math.round(right * width), bottom: Math.round(bottom * height) })

/** The pixels of a part, row by row. */
function valuesIn<T>(frame: Frame, { left, top, right, bottom }: Region, value: (colour: Colour) => T): readonly T[] {
  const values: T[] = []
  for (let y = top; y < bottom; y++) for (let x = left; x < right; x++) values.push(value(colourAt(frame, x, y)))
  return values
}

const edge = (sorted: readonly number[], share: number): number => sorted[Math.floor((sorted.length - 1) * share)]

function mean(frame: Frame, part: Part): Colour {
  const colours = valuesIn(frame, inside(frame, part), (colour) => colour)
  const channel = (c: 0 | 1 | 2): number => colours.reduce((sum, colour) => sum + colour[c], 0) / colours.length
  return [channel(0), channel(1), channel(2)]
}

/** Where this colour is: the middle and the edges of all pixels near it, or null where there are few. */
function whereIs(frame: Frame, [red, green, blue]: Colour): (Region & { readonly centre: number; readonly count: number }) | null {
  const { width, height, data } = frame
  const [xs, ys]: [number[], number[]] = [[], []]
  for (let y = 0; y < height; y += 2) {
    for (let x = 0; x < width; x += 2) {
      const at = (y * width + x) * 3
      if (Math.abs(data[at] - red) + Math.abs(data[at + 1] - green) + Math.abs(data[at + 2] - blue) > 40) continue
      xs.push(x)
      ys.push(y)
    }
  }
  if (xs.length < 100) return null
  xs.sort((a, b) => a - b)
  return { left: edge(xs, 0.01), right: edge(xs, 0.99), top: edge(ys, 0.01), bottom: edge(ys, 0.99), centre: edge(xs, 0.5), count: xs.length * 4 }
}

const isInk = ([red, green, blue]: Colour): boolean => red > 190 && green > 190 && blue > 190
const CAPTION: Part = [0.02, 0.8, 0.98, 0.98]
const MARK: Part = [0.6, 0, 1, 0.12]
const inkIn = (frame: Frame, part: Part): readonly boolean[] => valuesIn(frame, inside(frame, part), isInk)
const count = (ink: readonly boolean[]): number => ink.filter(Boolean).length

describe('the file', () => {
  let made: Drawn
  beforeAll(async () => { made = await drawn({ seconds: 2.5 }) })

  test('has the frames, length, colours and silence that were asked for', async () => {
    using input = new Input({ source: new BufferSource(made.video), formats: [MP4] })
    const [video, audio] = [await input.getPrimaryVideoTrack(), await input.getPrimaryAudioTrack()]
    expect(made.frames).toBe(60)
    expect((await video?.computePacketStats())?.packetCount).toBe(60)
    expect(await video?.computeDuration()).toBeCloseTo(2.5, 3)
    expect([await video?.getCodec(), await video?.getDisplayWidth(), await video?.getDisplayHeight()]).toEqual(['avc', 448, 256])
    expect(await video?.getColorSpace()).toMatchObject({ primaries: 'bt709', transfer: 'bt709', matrix: 'bt709', fullRange: false })
    expect(await audio?.getCodec()).toBe('aac')
    expect(Math.abs((await audio?.computeDuration() ?? 0) - 2.5)).toBeLessThan(0.1)
    expect((await input.getMetadataTags()).title).toBe('preview, not generated')
    const { facts } = await openWindow(memorySource(made.video), null)
    expect(facts).toMatchObject({ container: 'mp4', codec: 'h264', hasSound: true, durationMs: 2500 })
  })

  test('begins with its tables', () => {
    const text = Buffer.from(made.video.buffer, made.video.byteOffset, made.video.length).toString('latin1')
    expect(text.indexOf('moov')).toBeLessThan(text.indexOf('mdat'))
  })

  test('is drawn a second at a time', () => expect(made.progress).toEqual([24, 48, 60]))

  test('says on every frame that it is a preview', async () => {
    const frames = await framesOf(made.video, 24)
    expect(frames).toHaveLength(60)
    for (const frame of frames) expect(count(inkIn(frame, MARK))).toBeGreaterThan(150)
  })
})

describe.each([['848x480', 2], ['480x848', 5], ['480x848', 8], ['848x480', 8], ['480x848', 1]] as const)('in %s a cast of %i', (size, members) => {
  test('is there in its order for the whole length, uncovered, with nothing cut off', async () => {
    const [width, height] = size.split('x').map(Number)
    const { video } = await drawn({ width, height, cast: discs.slice(0, members).map((figure) => ({ figure, isCutout: true })) })
    for (const frame of await framesOf(video, 2)) {
      const found = COLOURS.slice(0, members).map((colour) => whereIs(frame, colour))
      for (const [i, place] of found.entries()) {
        expect(place, `member ${i}`).not.toBeNull()
        if (!place) continue
        const [across, down] = [place.right - place.left, place.bottom - place.top]
        // All of the disc: as wide as high, and full.
        expect(Math.abs(across / down - 1)).toBeLessThan(0.12)
        expect(place.count / (across * down)).toBeGreaterThan(0.65)
        expect([place.left > 4, place.top > 4, place.right < width - 4, place.bottom < height * 0.88]).toEqual([true, true, true, true])
      }
      const centres = found.map((place) => place?.centre ?? -1)
      expect(centres).toEqual(centres.toSorted((a, b) => a - b))
    }
  })
})

test('who could not be cut out stands there as a card', async () => {
  const { video } = await drawn({ cast: [{ figure: discs[0], isCutout: true }, { figure: await flat(COLOURS[2]), isCutout: false }] })
  for (const frame of await framesOf(video, 2)) {
    const card = whereIs(frame, COLOURS[2])
    expect(card).not.toBeNull()
    if (!card) continue
    expect(card.count / ((card.right - card.left) * (card.bottom - card.top))).toBeGreaterThan(0.95)
    // A light border all around.
    const middle = (card.top + card.bottom) >> 1
    expect(valuesIn(frame, { left: card.left - 8, right: card.left, top: middle, bottom: middle + 1 }, ([red, green]) => Math.min(red, green) > 150)).toContain(true)
  }
})

test('the backdrop has the colours of its pictures, darker in the corners, and moves', async () => {
  const { video } = await drawn({ cast: [], backdrops: [await flat([40, 90, 160])], seconds: 2 })
  const frames = await framesOf(video, 2)
  const [red, green, blue] = mean(frames[0], [0.3, 0.3, 0.7, 0.6])
  expect([blue > green * 1.2, green > red * 1.2]).toEqual([true, true])
  expect(mean(frames[0], [0, 0, 0.05, 0.05])[2]).toBeLessThan(blue * 0.85)
  const [first, last] = [frames[0], frames[frames.length - 1]].map((frame) => valuesIn(frame, inside(frame, [0, 0.1, 1, 0.6]), ([, , blue]) => blue))
  expect(first.filter((blue, at) => Math.abs(blue - last[at]) > 5).length).toBeGreaterThan(500)
})

async function captionInk(caption: string): Promise<readonly boolean[]> {
  const [frame] = await framesOf((await drawn({ caption })).video, 1)
  return inkIn(frame, CAPTION)
}

describe('the caption', () => {
  test('is written, each in its own characters', async () => {
    const captions = ['A letter for @ben.', '@a hands @b a letter，＠a笑了', '你你你你', '好好好好']
    const inks = await Promise.all(captions.map((caption) => captionInk(caption)))
    for (const ink of inks) expect(count(ink)).toBeGreaterThan(150)
    for (const [i, ink] of inks.entries()) for (const other of inks.slice(i + 1)) expect(count(ink.map((is, at) => is !== other[at]))).toBeGreaterThan(100)
  })

  test('that has nothing to write leaves the dark empty', async () => expect(count(await captionInk('😀'))).toBe(0))

  test('of a novel stays on three lines, and nobody stands behind it', async () => {
    const { video } = await drawn({ caption: '很久很久以前，'.repeat(4000), width: 480, height: 848 })
    const [frame] = await framesOf(video, 1)
    const rows = Array.from({ length: 848 }, (_, y) => count(valuesIn(frame, { left: 10, right: 470, top: y, bottom: y + 1 }, isInk)) > 0)
    const lines = rows.slice(Math.round(848 * 0.6)).filter((row, y, all) => row && !all[y - 1]).length
    expect(lines).toBe(3)
    expect(rows.lastIndexOf(true)).toBeLessThan(848 - 8)
    const firstLine = Math.round(848 * 0.6) + rows.slice(Math.round(848 * 0.6)).indexOf(true)
    for (const colour of COLOURS.slice(0, 2)) expect(whereIs(frame, colour)?.bottom).toBeLessThan(firstLine)
  })
})

test('the mark is in the language of the prompt', async () => {
  const marks = await Promise.all((['en', 'zh'] as const).map(async (language) => inkIn((await framesOf((await drawn({ language })).video, 1))[0], MARK)))
  expect(count(marks[0].map((is, at) => is !== marks[1][at]))).toBeGreaterThan(100)
})

function withoutClock(video: Uint8Array): string {
  const bytes = Buffer.from(video)
  // Version 0 boxes of movie, tracks and media: creation and modification time.
  for (const box of ['mvhd', 'tkhd', 'mdhd']) for (let at = bytes.indexOf(box); at >= 0; at = bytes.indexOf(box, at + 4)) bytes.fill(0, at + 8, at + (bytes[at + 4] === 1 ? 24 : 16))
  return bytes.toString('base64')
}

describe('the same again', () => {
  test('is the same to the byte, but for the time it was made', async () => {
    const [one, other] = [await drawn(), await drawn()]
    expect(withoutClock(one.video) === withoutClock(other.video)).toBe(true)
  })

  test('with another seed is another', async () => {
    const [one, other] = [await drawn(), await drawn({ seed: 8 })]
    expect(withoutClock(one.video) === withoutClock(other.video)).toBe(false)
  })
})

/** The loudest in the first part of a second, and in the last. */
async function loudness(voice: Uint8Array | null): Promise<readonly number[]> {
  const { pictures } = await openWindow(memorySource((await drawn({ voice })).video), null)
  const samples = await pictures.sound() ?? new Float32Array()
  return [[0.1, 0.4], [0.7, 0.95]].map(([from, to]) => Math.max(...samples.slice(from * 16_000, to * 16_000)))
}

test('a voice is heard from the start', async () => {
  const voice = encodeWav(Float32Array.from({ length: 8000 }, (_, i) => 0.6 * Math.sin((i * 2 * Math.PI * 440) / 16_000)))
  const [spoken, silent] = [await loudness(voice), await loudness(null)]
  expect([spoken[0] > 0.4, spoken[1] < 0.05, silent[0] < 0.001, silent[1] < 0.001]).toEqual([true, true, true, true])
})

describe('what is no picture', () => {
  test.each(['figure', 'backdrop'] as const)('is refused as a %s', async (role) => {
    const junk = new TextEncoder().encode('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')
    const changes = role === 'figure' ? { cast: [{ figure: junk, isCutout: true }] } : { backdrops: [junk] }
    await expect(drawn(changes)).rejects.toMatchObject({ code: 'media_corrupt' })
  })

  test('or says it is huge, is refused before it is drawn', async () => {
    const png = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } }).png().toBuffer()
    png.writeUInt32BE(60_000, 16)
    png.writeUInt32BE(60_000, 20)
    await expect(drawn({ backdrops: [png] })).rejects.toMatchObject({ code: expect.stringMatching(/^media_(too_large|corrupt)$/) })
  })

  test('a cut-out of nothing is shown as a card', async () => {
    const nothing = await sharp({ create: { width: SIDE, height: SIDE, channels: 4, background: { r: 220, g: 30, b: 30, alpha: 0 } } }).webp({ lossless: true, exact: true }).toBuffer()
    await expect(drawn({ cast: [{ figure: nothing, isCutout: true }] })).resolves.toMatchObject({ frames: 24 })
  })
})

test.each([{ width: 721 }, { height: 16 }, { width: 4096 }, { seconds: 61 }])('%j is not asked for', (changes) => {
  expect(CALLS.stage.asks.safeParse({ ...asked(), ...changes }).success).toBe(false)
})
