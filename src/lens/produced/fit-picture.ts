import sharp, { type Sharp } from 'sharp'
import { AppError } from '../../domain/errors.ts'
import type { ByteSource } from '../../runtime/byte-source.ts'
import { tooLarge } from '../media/budget.ts'
import { blockLoaders } from '../media/picture-loaders.ts'
import { latin1 } from '../media/sniff.ts'
import type { Calls } from '../protocol.ts'

const MOST_SOURCE_BYTES = 20 * 1024 * 1024
const MOST_PIXELS = 40_000_000
/** A small picture on a large canvas is not blown up beyond this. */
const MOST_ENLARGED = 2

const READS = ['JPEG', 'PNG', 'WebP', 'GIF', 'AVIF'] as const
/** How the files of each begin, in that order. */
const WEBP = /^RIFF.{4}WEBP/s
const BEGINNINGS = [/^\xFF\xD8\xFF/, /^\x89PNG\r\n/, WEBP, /^GIF8[79]a/, /^.{4}ftypavi[fs]/s]
const LONGEST_BEGINNING = 12

const ENCODE: Readonly<Record<Asked['format'], (image: Sharp) => Sharp>> = {
  webp: (image) => image.webp({ quality: 90, effort: 2 }),
  png: (image) => image.png({ compressionLevel: 6 }),
  jpeg: (image) => image.flatten({ background: 'white' }).jpeg({ quality: 90 }),
}

type Asked = Calls['picture']['asks']

/**
 * A picture made fit to be sent on; of an animation the first one. What it says of itself (places, cameras, colour profiles) is left behind.
 * Rejects with `media_unsupported`, `media_corrupt`, `media_too_large`, or what the source rejects with.
 */
export async function fitPicture(source: ByteSource, asked: Asked): Promise<Calls['picture']['answers']> {
  blockLoaders()
  const bytes = await readWhole(source)
  if (!isPicture(bytes)) throw new AppError('media_unsupported', { details: { of: 'picture', reads: [...READS] } })
  try {
    const { data, info } = await ENCODE[asked.format](await laidOut(bytes, asked)).toBuffer({ resolveWithObject: true })
    return { picture: data, width: info.width, height: info.height }
  } catch (error) {
    throw error instanceof AppError ? error : new AppError('media_corrupt', { details: { of: 'picture' }, cause: error })
  }
}

/** As large as the pictures of a character may be. */
const MOST_ALBUM_PIXELS = 4096 * 4096

/** Rejects with `media_unsupported`, `media_corrupt`, `media_too_large`. */
export async function openAlbum({ pictures }: Calls['album']['asks']): Promise<Calls['album']['answers']> {
  blockLoaders()
  const sizes: Calls['album']['answers']['sizes'][number][] = []
  for (const bytes of pictures) sizes.push(await openWebp(bytes))
  return { sizes }
}

async function openWebp(bytes: Uint8Array): Promise<Size> {
  if (!WEBP.test(latin1(bytes.subarray(0, LONGEST_BEGINNING)))) throw new AppError('media_unsupported', { details: { of: 'picture', reads: ['WebP'] } })
  try {
    const image = sharp(bytes, { limitInputPixels: false, failOn: 'error' })
    const { width, height } = await image.metadata()
    if (width * height > MOST_ALBUM_PIXELS) throw tooLarge('pixels', width * height, MOST_ALBUM_PIXELS)
    await image.raw().toBuffer()
    return { width, height }
  } catch (error) {
    throw error instanceof AppError ? error : new AppError('media_corrupt', { details: { of: 'picture' }, cause: error })
  }
}

async function readWhole(source: ByteSource): Promise<Uint8Array> {
  if (source.size > MOST_SOURCE_BYTES) throw tooLarge('bytes', source.size, MOST_SOURCE_BYTES)
  if (source.size === 0) return new Uint8Array()
  const { bytes } = await source.read(0, source.size, { isPlanned: true })
  return bytes
}

const isPicture = (bytes: Uint8Array): boolean => {
  const beginning = latin1(bytes.subarray(0, LONGEST_BEGINNING))
  return BEGINNINGS.some((pattern) => pattern.test(beginning))
}

async function laidOut(bytes: Uint8Array, { mostSide, onWhite }: Asked): Promise<Sharp> {
  const image = sharp(bytes, { limitInputPixels: false, failOn: 'error' })
  const { width, height, autoOrient } = await image.metadata()
  if (width * height > MOST_PIXELS) throw tooLarge('pixels', width * height, MOST_PIXELS)
  const upright = image.autoOrient().toColourspace('srgb')
  return onWhite ? centredOnWhite(upright, autoOrient, onWhite) : upright.resize({ width: mostSide, height: mostSide, fit: 'inside', withoutEnlargement: true })
}

function centredOnWhite(image: Sharp, { width, height }: Size, canvas: Size): Sharp {
  const scale = Math.min(canvas.width / width, canvas.height / height, MOST_ENLARGED)
  const [shownWidth, shownHeight] = [width, height].map((side) => Math.max(1, Math.round(side * scale)))
  const [left, top] = [(canvas.width - shownWidth) >> 1, (canvas.height - shownHeight) >> 1]
  return image.resize(shownWidth, shownHeight, { fit: 'fill' }).flatten({ background: 'white' })
    .extend({ left, top, right: canvas.width - shownWidth - left, bottom: canvas.height - shownHeight - top, background: 'white' })
}

interface Size { readonly width: number; readonly height: number }
