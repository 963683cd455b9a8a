import sharp, { type Sharp } from 'sharp'
import { AppError } from '../../domain/errors.ts'
import { tooLarge } from '../media/budget.ts'
import { blockLoaders } from '../media/picture-loaders.ts'

/** RGB and straight alpha, rows without gaps. */
export interface Rgba { readonly width: number; readonly height: number; readonly data: Uint8Array }
/** How much of each pixel is covered, 0..255. */
export interface Coverage { readonly width: number; readonly height: number; readonly data: Uint8Array }

/** The pictures of a character are 512 px square. */
const MOST_PIXELS = 4096 * 4096

/** The pixels of a picture file. Rejects with `media_corrupt`, `media_too_large`. */
export async function readPicture(bytes: Uint8Array): Promise<Rgba> {
  blockLoaders()
  try {
    const image = sharp(bytes, { limitInputPixels: false, failOn: 'error' })
    const { width, height } = await image.metadata()
    if (width * height > MOST_PIXELS) throw tooLarge('pixels', width * height, MOST_PIXELS)
    return await pixelsOf(image.toColourspace('srgb').ensureAlpha())
  } catch (error) {
    throw error instanceof AppError ? error : new AppError('media_corrupt', { cause: error })
  }
}

export const openRgba = ({ width, height, data }: Rgba): Sharp => sharp(data, { raw: { width, height, channels: 4 } })
export const openCoverage = ({ width, height, data }: Coverage): Sharp => sharp(data, { raw: { width, height, channels: 1 } })

/** Of an image with four channels. */
export async function pixelsOf(image: Sharp): Promise<Rgba> {
  const { data, info: { width, height } } = await image.raw().toBuffer({ resolveWithObject: true })
  return { width, height, data }
}

/** Soft by about `sigma` pixels. */
export async function blurred(coverage: Coverage, sigma: number): Promise<Coverage> {
  const { data, info: { width, height } } = await openCoverage(coverage).blur(Math.max(0.3, sigma)).extractChannel(0).raw().toBuffer({ resolveWithObject: true })
  return { width, height, data }
}

/** Near white: pure white glares on video. */
const INK = 243

/** What the pen left, in near white. */
export function written({ width, height, data: coverage }: Coverage): Rgba {
  const data = new Uint8Array(width * height * 4).fill(INK)
  for (const [at, covered] of coverage.entries()) data[at * 4 + 3] = covered
  return { width, height, data }
}
