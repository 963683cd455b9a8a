import sharp from 'sharp'
import { describe, expect, test } from 'vitest'
import { memorySource } from '../../../test/fixtures/memory-source.ts'
import type { Frame } from '../frame.ts'
import { openWindow } from './open-window.ts'

const SIZE = { width: 61, height: 40 }
const PAGES = 15
const DELAY_MS = 200

/** Page n is grey of 16 n. */
async function animation(format: 'gif' | 'webp', delayMs = DELAY_MS): Promise<Uint8Array> {
  const pages = Buffer.concat(Array.from({ length: PAGES }, (_, n) => Buffer.alloc(SIZE.width * SIZE.height * 3, 16 * n)))
  const roll = sharp(pages, { raw: { width: SIZE.width, height: SIZE.height * PAGES, channels: 3, pageHeight: SIZE.height } })
  const options = { delay: Array.from({ length: PAGES }, () => delayMs), loop: 0 }
  return new Uint8Array(await (format === 'gif' ? roll.gif(options) : roll.webp({ ...options, lossless: true })).toBuffer())
}

async function collect(frames: AsyncIterable<Frame>): Promise<Frame[]> {
  const all: Frame[] = []
  for await (const frame of frames) all.push(frame)
  return all
}

const pageOf = ({ data }: Frame): number => Math.round((data[0] ?? 0) / 16)

describe.each(['gif', 'webp'] as const)('an animated %s', (format) => {
  test('gives its pages at their times', async () => {
    const { facts, pictures } = await openWindow(memorySource(await animation(format)), { startMs: 500, endMs: 2000 })
    expect(facts).toMatchObject({ container: format, ...SIZE, durationMs: 3000, startMs: 500, endMs: 2000, hasSound: false, packets: 8 })
    const frames = await collect(pictures.frames({ perSecond: 60, longSide: 1280 }))
    expect(frames.map(pageOf)).toEqual([2, 3, 4, 5, 6, 7, 8, 9])
    expect(frames.map(({ seconds }) => seconds)).toEqual([0.5, 0.6, 0.8, 1, 1.2, 1.4, 1.6, 1.8])
    expect((await collect(pictures.framesAt([1.4, 0.8]))).map(pageOf)).toEqual([4, 7])
    expect((await collect(pictures.frames({ perSecond: 2, longSide: 30 }))).map(({ width, height }) => [width, height])).toEqual([[30, 20], [30, 20], [30, 20]])
    expect(await pictures.sound()).toBeNull()
  })

  test('becomes a clip that plays', async () => {
    const { facts } = await openWindow(memorySource(await animation(format)), { startMs: 600, endMs: 2000 })
    const clip = await openWindow(memorySource(facts.clip), null)
    expect(clip.facts).toMatchObject({ container: 'mp4', codec: 'h264', durationMs: 1400, width: 60, height: 40 })
    expect((await collect(clip.pictures.frames({ perSecond: 60, longSide: 100 }))).map(pageOf)).toEqual([3, 4, 5, 6, 7, 8, 9])
  })

  test('is refused past its end', async () => {
    await expect(openWindow(memorySource(await animation(format)), { startMs: 2500, endMs: 4000 })).rejects.toMatchObject({ code: 'timestamps_out_of_range', details: { duration: 3 } })
  })
})

test('a GIF without delays is shown at ten pages a second, as browsers do', async () => {
  expect((await openWindow(memorySource(await animation('gif', 0)), null)).facts.durationMs).toBe(1500)
})

test('pages that say they are huge are refused before they are drawn', async () => {
  const webp = await animation('webp')
  const canvas = Buffer.from(webp.buffer, webp.byteOffset).indexOf('VP8X') + 12
  webp.set([0x7f, 0x3e, 0, 0x7f, 0x3e, 0], canvas) // 16,000 × 16,000
  const started = performance.now()
  await expect(openWindow(memorySource(webp), null)).rejects.toMatchObject({ code: 'media_too_large', details: { what: 'pixels', asked: 256e6 } })
  expect(performance.now() - started).toBeLessThan(500)
})

test.each(['gif', 'webp', 'png', 'jpeg'] as const)('a %s that does not move is no video', async (format) => {
  const still = await sharp({ create: { width: 8, height: 8, channels: 3, background: 'red' } }).toFormat(format).toBuffer()
  await expect(openWindow(memorySource(still), null)).rejects.toMatchObject({ code: 'media_unsupported' })
})
