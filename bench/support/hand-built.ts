// What a user would build by hand with the same libraries: download all of it, extract the window's frames with the same
// decoder, look for people and things on every frame with the same models, crop the best one. No identity, no tracks, no jail.
// `files`: the frames become JPEG files first, as extracting is mostly done; `memory`: each is looked at as it is decoded.
import '@napi-rs/webcodecs/polyfill'
import { open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import sharp, { type Sharp } from 'sharp'
import type { Models } from '../../src/lens/models.ts'
import { detectFaces } from '../../src/lens/sight/faces.ts'
import { detectThings } from '../../src/lens/sight/things.ts'

const { FilePathSource, Input, MP4, VideoSampleSink } = await import('mediabunny')

const LONG_SIDE = 640

interface Found { readonly score: number; readonly png: Buffer }
interface HandOptions { readonly models: Models; /** An existing folder for the download and the frames. */ readonly folder: string; readonly via: 'files' | 'memory' }

/** WebP bytes of the best subject. */
export async function handBuilt(url: string, { startMs, endMs }: { startMs: number; endMs: number }, { models, folder, via }: HandOptions): Promise<Buffer> {
  const path = join(folder, 'download')
  await download(url, path)
  let best: Found | null = null
  for await (const frame of via === 'files' ? extracted(path, { startMs, endMs, folder }) : decoded(path, { startMs, endMs })) {
    const { data, info } = await frame.clone().resize(LONG_SIDE, LONG_SIDE, { fit: 'inside' }).raw().toBuffer({ resolveWithObject: true })
    const picture = { width: info.width, height: info.height, data }
    const found = [...await detectFaces(models, picture, 0.5), ...await detectThings(models, picture, 0.4)].toSorted((a, b) => b.score - a.score)[0]
    if (!found || (best && found.score <= best.score)) continue
    const { width = 0, height = 0 } = await frame.metadata()
    const [left, top, right, bottom] = found.box.map((value) => Math.max(0, Math.round((value * width) / info.width)))
    const region = { left, top, width: Math.min(width, right) - left, height: Math.min(height, bottom) - top }
    best = { score: found.score, png: await frame.clone().extract(region).png({ compressionLevel: 0 }).toBuffer() }
  }
  await rm(path)
  if (!best) throw new Error('nothing found')
  return sharp(best.png).resize(512, 512, { fit: 'cover' }).webp({ quality: 90 }).toBuffer()
}

async function* decoded(path: string, { startMs, endMs }: { startMs: number; endMs: number }): AsyncGenerator<Sharp> {
  const input = new Input({ source: new FilePathSource(path), formats: [MP4] })
  const track = await input.getPrimaryVideoTrack()
  if (!track) throw new Error('no video')
  for await (const sample of new VideoSampleSink(track).samples(startMs / 1000, endMs / 1000)) {
    const pixels = new Uint8Array(sample.allocationSize({ format: 'RGBX' }))
    await sample.copyTo(pixels, { format: 'RGBX' })
    const raw = { width: sample.codedWidth, height: sample.codedHeight, channels: 4 } as const
    sample.close()
    yield sharp(pixels, { raw }).removeAlpha()
  }
  input.dispose()
}

async function* extracted(path: string, { startMs, endMs, folder }: { startMs: number; endMs: number; folder: string }): AsyncGenerator<Sharp> {
  const files: string[] = []
  for await (const frame of decoded(path, { startMs, endMs })) {
    const file = join(folder, `${files.length}.jpg`)
    await frame.jpeg({ quality: 95 }).toFile(file)
    files.push(file)
  }
  for (const file of files) {
    yield sharp(await readFile(file))
    await rm(file)
  }
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
