import sharp, { type Sharp } from 'sharp'
import { describe, expect, test } from 'vitest'
import { memorySource } from '../../../test/fixtures/memory-source.ts'
import { CALLS, type Calls } from '../protocol.ts'
import { fitPicture, openAlbum } from './fit-picture.ts'

type Asked = Calls['picture']['asks']
const PLAIN: Asked = { format: 'webp', mostSide: 512, onWhite: null }
const RED = { r: 200, g: 40, b: 40 }

const drawn = (width: number, height: number, background: object = RED): Sharp => sharp({ create: { width, height, channels: 'alpha' in background ? 4 : 3, background } })
const text = (content: string): Uint8Array => new TextEncoder().encode(content)

async function fitted(bytes: Uint8Array, asked: Partial<Asked> = {}) {
  return CALLS.picture.answers.parse(await fitPicture(memorySource(bytes), { ...PLAIN, ...asked }))
}

async function pixelAt(picture: Uint8Array, x: number, y: number): Promise<readonly number[]> {
  const { data, info } = await sharp(picture).raw().toBuffer({ resolveWithObject: true })
  return [...data.subarray((y * info.width + x) * info.channels).subarray(0, info.channels)]
}

const near = (channels: readonly number[]) => channels.map((value) => expect.closeTo(value, -1.3)) // within 10

describe('what is taken', () => {
  test.each(['jpeg', 'png', 'webp', 'gif', 'avif'] as const)('%s', async (format) => {
    const { picture, width, height } = await fitted(await drawn(60, 40)[format]().toBuffer())
    expect(await sharp(picture).metadata()).toMatchObject({ format: 'webp', width: 60, height: 40 })
    expect([width, height]).toEqual([60, 40])
    expect(await pixelAt(picture, 30, 20)).toEqual(near([200, 40, 40]))
  })

  test('of an animation the first picture', async () => {
    const pages = await Promise.all(['#c82828', '#2828c8'].map((background) => sharp({ create: { width: 50, height: 50, channels: 3, background } }).png().toBuffer()))
    for (const format of ['gif', 'webp'] as const) {
      const { picture, height } = await fitted(await sharp(pages, { join: { animated: true } })[format]().toBuffer())
      expect(height).toBe(50)
      expect(await pixelAt(picture, 25, 25)).toEqual(near([200, 40, 40]))
    }
  })
})

describe('what comes out', () => {
  test.each(['webp', 'png', 'jpeg'] as const)('%s, shrunk in shape and never enlarged', async (format) => {
    const wide = await fitted(await drawn(2000, 500).jpeg().toBuffer(), { format, mostSide: 400 })
    expect([wide.width, wide.height, (await sharp(wide.picture).metadata()).format]).toEqual([400, 100, format])
    expect(await fitted(await drawn(20, 10).png().toBuffer(), { format })).toMatchObject({ width: 20, height: 10 })
  })

  test('upright, and without what the camera wrote', async () => {
    const turned = await drawn(80, 40).withExif({ IFD0: { Copyright: 'somebody', Make: 'camera' } }).withMetadata({ orientation: 6 }).jpeg().toBuffer()
    const { picture, width, height } = await fitted(turned, { format: 'jpeg' })
    expect([width, height]).toEqual([40, 80])
    const { orientation, exif, icc, xmp } = await sharp(picture).metadata()
    expect({ orientation, exif, icc, xmp }).toEqual({})
  })

  test('what is seen through stays so, except in a JPEG, where it is white', async () => {
    const clear = await drawn(40, 40, { ...RED, alpha: 0 }).png().toBuffer()
    expect(await pixelAt((await fitted(clear, { format: 'png' })).picture, 20, 20)).toEqual([200, 40, 40, 0])
    expect(await pixelAt((await fitted(clear, { format: 'jpeg' })).picture, 20, 20)).toEqual(near([255, 255, 255]))
  })
})

describe('on white', () => {
  const canvas = { width: 320, height: 180 }

  test('a cut-out is centred, as large as fits, and white shows through it', async () => {
    const figure = await drawn(100, 100, { r: 0, g: 0, b: 0, alpha: 0 }).composite([{ input: await drawn(50, 100).png().toBuffer(), left: 50, top: 0 }]).webp({ lossless: true }).toBuffer()
    const { picture, width, height } = await fitted(figure, { format: 'png', onWhite: canvas, mostSide: 16 })
    expect([width, height, (await sharp(picture).metadata()).hasAlpha]).toEqual([320, 180, false])
    // 180 px of figure from 70 to 250, of which the right half is red.
    for (const x of [10, 75, 155, 260]) expect(await pixelAt(picture, x, 90)).toEqual([255, 255, 255])
    for (const [x, y] of [[165, 2], [245, 177]] as const) expect(await pixelAt(picture, x, y)).toEqual(near([200, 40, 40]))
  })

  test('a large picture is shrunk, a tiny one at most doubled', async () => {
    const large = await fitted(await drawn(1600, 1000).png().toBuffer(), { format: 'png', onWhite: canvas })
    expect([await pixelAt(large.picture, 15, 90), await pixelAt(large.picture, 20, 90)]).toEqual([[255, 255, 255], near([200, 40, 40])])
    const tiny = await fitted(await drawn(20, 20).png().toBuffer(), { format: 'png', onWhite: canvas })
    expect([await pixelAt(tiny.picture, 138, 90), await pixelAt(tiny.picture, 142, 90), await pixelAt(tiny.picture, 160, 68)]).toEqual([[255, 255, 255], near([200, 40, 40]), [255, 255, 255]])
  })
})

describe('what is refused', () => {
  test.each(Object.entries({
    'nothing at all': text(''),
    'HTML': text('<!doctype html><html></html>'),
    'SVG': text('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>'),
    'PDF': text('%PDF-1.7\n%%EOF'),
    'a HEIC picture': text('\0\0\0\x18ftypheic\0\0\0\0mif1heic'),
    'TIFF': text('II*\0\x08\0\0\0'),
  }))('%s is no picture', async (_, bytes) => {
    await expect(fitted(bytes)).rejects.toMatchObject({ code: 'media_unsupported', message: expect.stringContaining('picture'), details: { reads: expect.arrayContaining(['JPEG', 'AVIF']) } })
  })

  test.each(['jpeg', 'png', 'webp', 'avif'] as const)('half a %s is broken', async (format) => {
    const noise = await sharp({ create: { width: 200, height: 200, channels: 3, background: RED, noise: { type: 'gaussian', mean: 128, sigma: 40 } } })[format]().toBuffer()
    await expect(fitted(noise.subarray(0, noise.length >> 1))).rejects.toMatchObject({ code: 'media_corrupt', message: 'This picture could not be decoded.' })
  })

  test('too many pixels, by what the header says', async () => {
    const bomb = await drawn(7000, 6000, { r: 0, g: 0, b: 0 }).png().toBuffer()
    await expect(fitted(bomb)).rejects.toMatchObject({ code: 'media_too_large', details: { what: 'pixels', asked: 42e6, most: 40e6 } })
  })

  test('a file that is too large, before it is read', async () => {
    const source = { ...memorySource(new Uint8Array(10)), size: 20 * 1024 * 1024 + 1, read: () => Promise.reject(new Error('was read')) }
    await expect(fitPicture(source, PLAIN)).rejects.toMatchObject({ code: 'media_too_large', details: { what: 'bytes' } })
  })
})

test('an album is opened picture by picture: WebP that decodes whole, and nothing else', async () => {
  const webp = await drawn(60, 40).webp().toBuffer()
  expect(await openAlbum({ pictures: [webp, await drawn(8, 8, { ...RED, alpha: 0 }).webp().toBuffer()] })).toEqual({ sizes: [{ width: 60, height: 40 }, { width: 8, height: 8 }] })
  const refusals = [[await drawn(60, 40).png().toBuffer(), 'media_unsupported'], [text('<svg onload="x">'), 'media_unsupported'], [webp.subarray(0, webp.length - 20), 'media_corrupt'], [await drawn(4097, 4097).webp({ effort: 0 }).toBuffer(), 'media_too_large']] as const
  for (const [picture, code] of refusals) await expect(openAlbum({ pictures: [webp, picture] })).rejects.toMatchObject({ code })
})
