// What a user would build by hand with the same libraries: download all of it, extract the window's frames with the same
// decoder, look for people and things on every frame with the same models, crop the best one. No identity, no tracks, no jail.
import '@napi-rs/webcodecs/polyfill'
import { open, rm } from 'node:fs/promises'
import sharp from 'sharp'
import type { Box } from '../../src/domain/geometry.ts'
import type { Models } from '../../src/lens/models.ts'
import { detectFaces } from '../../src/lens/sight/faces.ts'
import { detectThings } from '../../src/lens/sight/things.ts'

const { FilePathSource, Input, MP4, VideoSampleSink } = await import('mediabunny')

const LONG_SIDE = 640

interface Found { readonly score: number; readonly box: Box; readonly png: Buffer }

/** WebP bytes of the best subject; `path` is where the download goes. */
export async function handBuilt(url: string, { startMs, endMs }: { startMs: number; endMs: number }, { models, path }: { models: Models; path: string }): Promise<Buffer> {
  await download(url, path)
  const input = new Input({ source: new FilePathSource(path), formats: [MP4] })
  const track = await input.getPrimaryVideoTrack()
  if (!track) throw new Error('no video')
  let best: Found | null = null
  for await (const sample of new VideoSampleSink(track).samples(startMs / 1000, endMs / 1000)) {
    const pixels = new Uint8Array(sample.allocationSize({ format: 'RGBX' }))
    await sample.copyTo(pixels, { format: 'RGBX' })
    const full = sharp(pixels, { raw: { width: sample.codedWidth, height: sample.codedHeight, channels: 4 } }).removeAlpha()
    sample.close()
    const { data, info } = await full.clone().resize(LONG_SIDE, LONG_SIDE, { fit: 'inside' }).raw().toBuffer({ resolveWithObject: true })
    const picture = { width: info.width, height: info.height, data }
    const found = [...await detectFaces(models, picture, 0.5), ...await detectThings(models, picture, 0.4)].toSorted((a, b) => b.score - a.score)[0]
    if (!found || (best && found.score <= best.score)) continue
    const scale = sample.codedWidth / info.width
    const [left, top, right, bottom] = found.box.map((value) => Math.max(0, Math.round(value * scale)))
    const region = { left, top, width: Math.min(sample.codedWidth - left, right - left), height: Math.min(sample.codedHeight - top, bottom - top) }
    best = { score: found.score, box: found.box, png: await full.extract(region).png({ compressionLevel: 0 }).toBuffer() }
  }
  input.dispose()
  await rm(path)
  if (!best) throw new Error('nothing found')
  return sharp(best.png).resize(512, 512, { fit: 'cover' }).webp({ quality: 90 }).toBuffer()
}

async function download(url: string, path: string): Promise<void> {
  const { body } = await fetch(url)
  if (!body) throw new Error('no body')
  await using file = await open(path, 'w')
  for await (const chunk of body) await file.write(chunk)
}

/** The least that any way takes: decoding the packets of the window, and nothing else. */
export async function decodeOnly(clip: Uint8Array): Promise<number> {
  const { BufferSource } = await import('mediabunny')
  const input = new Input({ source: new BufferSource(clip), formats: [MP4] })
  const track = await input.getPrimaryVideoTrack()
  if (!track) throw new Error('no video')
  const started = performance.now()
  let frames = 0
  for await (const sample of new VideoSampleSink(track).samples()) {
    frames++
    sample.close()
  }
  input.dispose()
  if (!frames) throw new Error('nothing was decoded')
  return performance.now() - started
}
