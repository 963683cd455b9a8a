import { beforeAll, describe, expect, test } from 'vitest'
import { makeClip } from '../../../test/fixtures/make-clip.ts'
import { memorySource } from '../../../test/fixtures/memory-source.ts'
import { bodyOf, box, withNumber } from '../../../test/fixtures/movie-boxes.ts'
import { isErrorCode } from '../../domain/error-table.ts'
import { openWindow } from './open-window.ts'

/** Files as strangers send them: each must be refused with its code, before the work it asks for. */

const WINDOW = { startMs: 200, endMs: 1500 }
const text = (content: string): Uint8Array => new TextEncoder().encode(content)

let plain: Uint8Array<ArrayBuffer>
let sounding: Uint8Array<ArrayBuffer>
let fragmented: Uint8Array<ArrayBuffer>
beforeAll(async () => {
  plain = await makeClip({ seconds: 2, width: 64, height: 64, tables: 'first' })
  sounding = await makeClip({ seconds: 2, hasVideo: false, sound: 'aac' })
  fragmented = await makeClip({ seconds: 2, width: 64, height: 64, tables: 'fragmented' })
})

/** The code that opening and decoding end with; `frames` where there were some. */
async function outcome(bytes: Uint8Array, window = WINDOW): Promise<string> {
  try {
    const { pictures } = await openWindow(memorySource(bytes), window)
    for await (const _ of pictures.frames({ perSecond: 4, longSide: 64 })) return 'frames'
    return 'nothing'
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string' && isErrorCode(error.code)) return error.code
    throw error
  }
}

const nested = (depth: number): Uint8Array => (depth === 0 ? box('free') : box('trak', nested(depth - 1)))

test('the clip they are made from works', async () => {
  expect(await outcome(plain)).toBe('frames')
  expect(await outcome(fragmented)).toBe('frames')
})

describe('what is no video here', () => {
  test.each(Object.entries({
    'nothing at all': new Uint8Array(),
    'one byte': text('G'),
    'text': text('hello '.repeat(50)),
    'HTML': text('<!doctype html><html><body>404</body></html>'),
    'an archive': Uint8Array.from([0x50, 0x4b, 3, 4, ...Array.from({ length: 200 }, () => 7)]),
    'a program': Uint8Array.from([0x7f, 0x45, 0x4c, 0x46, ...Array.from({ length: 200 }, () => 1)]),
    'a playlist': text('#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/hostname\n'),
    'a DASH manifest': text('<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>'),
    'a concat script': text('ffconcat version 1.0\nfile other.mp4\n'),
    'SVG': text('<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'),
    'an AVI': text('RIFF....AVI LIST'),
    'a HEIC picture': box('ftyp', text('heic\0\0\0\0mif1heic')),
    'EBML of another kind': Uint8Array.from([0x1a, 0x45, 0xdf, 0xa3, ...Array.from({ length: 100 }, () => 0)]),
  }))('%s', async (_, bytes) => {
    const source = memorySource(bytes)
    await expect(openWindow(source, WINDOW)).rejects.toMatchObject({ code: 'media_unsupported', details: { reads: expect.arrayContaining(['MP4', 'GIF']) } })
    expect(source.bytesRead).toBeLessThanOrEqual(bytes.length)
  })
})

describe('what is broken', () => {
  const cases: Readonly<Record<string, () => Uint8Array>> = {
    'cut before the index': () => plain.slice(0, bodyOf(plain, 'ftyp') + 20),
    'cut inside the index': () => plain.slice(0, bodyOf(plain, 'stts')),
    'media zeroed': () => plain.slice().fill(0, bodyOf(plain, 'mdat')),
    'media random': () => plain.map((byte, i) => (i < bodyOf(plain, 'mdat') ? byte : (Math.imul(i, 2_654_435_761) >>> 24))),
    'media absent': () => plain.slice(0, bodyOf(plain, 'mdat')),
    'stts of 2^32-1 samples': () => withNumber(plain, { box: 'stts', offset: 8, value: 2 ** 32 - 1 }),
    'the same with reordered pictures, of each of which a demuxer makes an object': () => {
      const reordered = plain.slice()
      reordered.set(text('ctts'), bodyOf(plain, 'stss') - 4)
      return withNumber(withNumber(reordered, { box: 'ctts', offset: 4, value: 1 }), { box: 'stts', offset: 8, value: 2 ** 32 - 1 })
    },
    'stts of 2^32-1 entries': () => withNumber(plain, { box: 'stts', offset: 4, value: 2 ** 32 - 1 }),
    'stsz of 2^32-1 samples': () => withNumber(plain, { box: 'stsz', offset: 8, value: 2 ** 32 - 1 }),
    'stsc of 2^31 entries': () => withNumber(plain, { box: 'stsc', offset: 4, value: 2 ** 31 }),
    'offsets outside the file': () => withNumber(plain, { box: 'stco', offset: 8, value: 2 ** 31 }),
    'timescale 0': () => withNumber(plain, { box: 'mdhd', offset: 12, value: 0 }),
    'ftyp of size 7': () => Uint8Array.from(plain, (byte, i) => (i === 3 ? 7 : byte)),
    'moov of size 1': () => withNumber(plain, { box: 'moov', offset: -8, value: 1 }),
    'moov to the end of time': () => withNumber(plain, { box: 'moov', offset: -8, value: 2 ** 31 - 1 }),
    'boxes 20,000 deep': () => new Uint8Array(Buffer.concat([box('ftyp', text('isomisom')), box('moov', nested(40))])),
    'no tracks': () => new Uint8Array(Buffer.concat([box('ftyp', text('isomisom')), box('moov', box('mvhd', new Uint8Array(100)))])),
  }
  test.each(Object.entries(cases))('%s', async (_, make) => {
    const started = performance.now()
    expect(await outcome(make())).toBe('media_corrupt')
    expect(performance.now() - started).toBeLessThan(2000)
  })

  test('a fragment with more samples than it has bytes for', async () => {
    const changed = withNumber(fragmented, { box: 'trun', offset: 4, value: 2 ** 32 - 1 })
    expect(await outcome(changed)).toBe('media_corrupt')
  })

  test('damaged inside the media: the pictures before the damage are there', async () => {
    const media = bodyOf(plain, 'mdat')
    const { pictures } = await openWindow(memorySource(plain.slice().fill(0xff, Math.round((media + plain.length) / 2))), WINDOW)
    let count = 0
    for await (const { seconds } of pictures.frames({ perSecond: 25, longSide: 64 })) count += seconds < 0.8 ? 1 : 0
    expect(count).toBeGreaterThan(3) // those still inside the decoder when it fails are lost
  })

  test('cut inside the media: the pictures before the cut are there', async () => {
    const cut = plain.slice(0, Math.round(plain.length * 0.9))
    expect(await outcome(cut, { startMs: 0, endMs: 1000 })).toBe('frames')
  })
})

describe('what is refused before the work', () => {
  test('encryption, by its boxes', async () => {
    const entry = bodyOf(plain, 'stsd') + 12
    expect(await outcome(Uint8Array.from(plain, (byte, i) => (i >= entry && i < entry + 4 ? 'encv'.charCodeAt(i - entry) : byte)))).toBe('media_encrypted')
    const protectedMovie = new Uint8Array(Buffer.concat([box('ftyp', text('isomisom')), box('moov', box('pssh', new Uint8Array(24)))]))
    expect(await outcome(protectedMovie)).toBe('media_encrypted')
  })

  test('sound without pictures', async () => {
    expect(await outcome(sounding)).toBe('media_no_video')
  })

  test('more tracks than anyone needs', async () => {
    const many = new Uint8Array(Buffer.concat([box('ftyp', text('isomisom')), box('moov', ...Array.from({ length: 65 }, () => box('trak')))]))
    await expect(openWindow(memorySource(many), WINDOW)).rejects.toMatchObject({ code: 'media_too_large', details: { what: 'tracks', asked: 65, most: 64 } })
  })

  test('a huge picture, by what its tables say', async () => {
    const changed = await makeClip({ seconds: 2, codec: 'vp9', width: 64, height: 64 })
    const entry = bodyOf(changed, 'vp09')
    new DataView(changed.buffer).setUint16(entry + 24, 16_000)
    new DataView(changed.buffer).setUint16(entry + 26, 16_000)
    const source = memorySource(changed)
    await expect(openWindow(source, WINDOW)).rejects.toMatchObject({ code: 'media_too_large', details: { what: 'pixels', asked: 256e6, most: 33_177_600 } })
  })

  test('a window whose key frame is far away, for the tables alone', async () => {
    const fast = await makeClip({ seconds: 21, framesPerSecond: 250, width: 64, height: 64, scene: 'noise', bitrate: 1_000_000 })
    const source = memorySource(withNumber(fast, { box: 'stss', offset: 4, value: 1 }))
    await expect(openWindow(source, { startMs: 19_000, endMs: 21_000 })).rejects.toMatchObject({ code: 'media_too_large', details: { what: 'frames', asked: 5001, most: 5000 } })
    expect(source.bytesRead).toBeLessThan(source.size / 10)
    expect(source.requests).toBeLessThanOrEqual(2)
  })

  test('tables without end', async () => {
    const head = new Uint8Array(Buffer.concat([withNumber(plain, { box: 'moov', offset: -8, value: 2 ** 31 - 1 }), new Uint8Array(64 * 1024)]))
    const source = { ...memorySource(head), size: 2 ** 33 }
    await expect(openWindow(source, WINDOW)).rejects.toMatchObject({ code: 'media_too_large', details: { what: 'tables' } })
  })
})

test('other bytes behind a video do not matter', async () => {
  expect(await outcome(new Uint8Array(Buffer.concat([plain, text('<html>'.repeat(100))])))).toBe('frames')
})
