import sharp from 'sharp'
import { beforeAll, describe, expect, test } from 'vitest'
import { readFrameNumber } from '../../../test/fixtures/draw-scene.ts'
import { makeClip } from '../../../test/fixtures/make-clip.ts'
import { memorySource } from '../../../test/fixtures/memory-source.ts'
import { bodyOf, withNumber } from '../../../test/fixtures/movie-boxes.ts'
import { CALLS } from '../protocol.ts'
import { inspect } from './inspect.ts'
import { openProduced } from './produced-video.ts'

const inspected = async (bytes: Uint8Array) => CALLS.inspect.answers.parse(await inspect(memorySource(bytes)))
const text = (content: string): Uint8Array => new TextEncoder().encode(content)

/** The numbers burnt into the frames that are looked at. */
async function numbersOf(bytes: Uint8Array, count: number): Promise<readonly number[]> {
  using video = await openProduced(memorySource(bytes))
  const numbers: number[] = []
  for await (const frame of video.frames({ count, longSide: 320 })) numbers.push(readFrameNumber(frame))
  return numbers
}

describe('what is said of a video', () => {
  test.each([
    [{ container: 'mp4', codec: 'avc', sound: 'aac' }, { container: 'mp4', codec: 'h264', hasSound: true }],
    [{ container: 'mp4', codec: 'avc', tables: 'fragmented' }, { container: 'mp4', codec: 'h264', hasSound: false }],
    [{ container: 'mov', codec: 'avc', tables: 'last' }, { container: 'mov', codec: 'h264', hasSound: false }],
    [{ container: 'webm', codec: 'vp9' }, { container: 'webm', codec: 'vp9', hasSound: false }],
    [{ container: 'mkv', codec: 'hevc' }, { container: 'mkv', codec: 'hevc', hasSound: false }],
  ] as const)('%o', async (options, facts) => {
    expect(await inspected(await makeClip({ ...options, seconds: 2 }))).toMatchObject({ ...facts, width: 320, height: 180, durationMs: expect.closeTo(2000, -2) })
  })

  test('a picture that is turned stands upright', async () => {
    const { width, height, thumbnail, spritesheet } = await inspected(await makeClip({ seconds: 1, rotation: 90 }))
    expect([width, height]).toEqual([180, 320])
    expect(await sharp(thumbnail).metadata()).toMatchObject({ format: 'webp', width: 180, height: 320 })
    expect(await sharp(spritesheet).metadata()).toMatchObject({ format: 'jpeg', width: 5 * 160, height: 5 * 284 })
  })
})

describe('the frames', () => {
  test.each([[{}], [{ framesPerGroup: 7 }], [{ framesPerGroup: 1000 }], [{ codec: 'hevc' }], [{ tables: 'fragmented' }]] as const)('are spread evenly from the first to the last: %o', async (options) => {
    expect(await numbersOf(await makeClip({ seconds: 4, ...options }), 5)).toEqual([0, 25, 50, 75, 99])
  })

  test('of a short video are all it has', async () => {
    expect(await numbersOf(await makeClip({ seconds: 0.2 }), 25)).toEqual([0, 1, 2, 3, 4])
  })
})

describe('the pictures', () => {
  test('the thumbnail shows something where the video begins with nothing', async () => {
    const { thumbnail } = await inspected(await makeClip({ seconds: 2, sceneAt: (seconds) => (seconds < 1 ? 'plain' : 'noise'), width: 640, height: 360 }))
    const { data, info } = await sharp(thumbnail).raw().toBuffer({ resolveWithObject: true })
    expect([info.width, info.height]).toEqual([512, 288])
    expect(readFrameNumber({ width: info.width, data })).toBeGreaterThanOrEqual(25)
  })

  test('the sheet has five to a row, in order', async () => {
    const { spritesheet } = await inspected(await makeClip({ seconds: 4 }))
    const { width, height } = await sharp(spritesheet).metadata()
    expect([width, height]).toEqual([800, 450])
    const cell = async (column: number, row: number) => readFrameNumber({ width: 160, data: await sharp(spritesheet).extract({ left: column * 160, top: row * 90, width: 160, height: 90 }).raw().toBuffer() })
    expect([await cell(0, 0), await cell(4, 4)]).toEqual([0, 99])
  })

  test('a sheet of a very tall video stays small', async () => {
    const { spritesheet } = await inspected(await makeClip({ seconds: 1, width: 64, height: 1024 }))
    expect((await sharp(spritesheet).metadata()).height).toBe(5 * 320)
  })
})

describe('what is refused', () => {
  let plain: Uint8Array<ArrayBuffer>
  beforeAll(async () => { plain = await makeClip({ seconds: 2, width: 64, height: 64, framesPerGroup: 10 }) })

  const cases: Readonly<Record<string, readonly [code: string, make: () => Uint8Array | Promise<Uint8Array>]>> = {
    'nothing at all': ['media_unsupported', () => text('')],
    'HTML': ['media_unsupported', () => text('<!doctype html><html><body>404</body></html>')],
    'JSON': ['media_unsupported', () => text('{"error":"expired"}')],
    'a GIF': ['media_unsupported', () => sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } }).gif().toBuffer()],
    'a transport stream': ['media_unsupported', () => makeClip({ seconds: 1, container: 'mpeg-ts' })],
    'sound alone': ['media_no_video', () => makeClip({ seconds: 1, hasVideo: false, sound: 'aac' })],
    'an encrypted video': ['media_encrypted', () => withNumber(plain, { box: 'stsd', offset: 12, value: 0x656e6376 })],
    'an MP4 without its tables': ['media_corrupt', () => plain.slice(0, bodyOf(plain, 'ftyp') + 20)],
    'half an MP4': ['media_corrupt', () => plain.slice(0, plain.length >> 1)],
    'an MP4 that lacks its last bytes': ['media_corrupt', () => plain.slice(0, -16)],
    'half an MP4 in fragments': ['media_corrupt', async () => half(await makeClip({ seconds: 4, tables: 'fragmented' }))],
    'half a WebM': ['media_corrupt', async () => half(await makeClip({ seconds: 4, container: 'webm', codec: 'vp9' }))],
    'an MP4 with nothing but zeros as its media': ['media_corrupt', () => plain.slice().fill(0, bodyOf(plain, 'mdat'))],
    'an MP4 whose last third is zeros': ['media_corrupt', () => plain.slice().fill(0, Math.round(bodyOf(plain, 'mdat') + 0.6 * (plain.length - bodyOf(plain, 'mdat'))))],
    'more than two minutes': ['media_too_large', () => makeClip({ seconds: 121, framesPerSecond: 1, width: 64, height: 64 })],
    'a side of more than 4096 pixels': ['media_too_large', () => makeClip({ seconds: 0.2, codec: 'av1', width: 4352, height: 64 })],
  }
  test.each(Object.entries(cases))('%s', async (_, [code, make]) => {
    await expect(inspected(await make())).rejects.toMatchObject({ code })
  })

  test('a huge picture, by what its tables say, before any of its bytes is read', async () => {
    const changed = await makeClip({ seconds: 2, codec: 'vp9', width: 64, height: 64 })
    const entry = bodyOf(changed, 'vp09')
    new DataView(changed.buffer).setUint16(entry + 24, 16_000)
    new DataView(changed.buffer).setUint16(entry + 26, 16_000)
    await expect(inspect(memorySource(changed))).rejects.toMatchObject({ code: 'media_too_large', details: { what: 'pixels', asked: 256e6 } })
  })
})

const half = (bytes: Uint8Array): Uint8Array => bytes.slice(0, bytes.length >> 1)
