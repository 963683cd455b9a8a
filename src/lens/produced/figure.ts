import sharp from 'sharp'
import type { Box } from '../../domain/geometry.ts'
import type { Picture } from '../frame.ts'
import { blockLoaders } from '../media/picture-loaders.ts'
import type { Models } from '../models.ts'
import { cropped, FRAMINGS, squareAround } from '../sight/crop.ts'
import { embedLook } from '../sight/identity.ts'
import { alphaOf, MASK_SIDE, segment } from '../sight/mask.ts'
import { refineMask } from '../sight/refine-mask.ts'
import { resize, wholeOf } from '../sight/tensor.ts'
import { colourShares } from './colour-shares.ts'

const SIDE = { width: MASK_SIDE, height: MASK_SIDE }
/** What stands where the background was: NanoDet's mean, about. */
const GREY = 114
const OPAQUE_FROM = 128

/** A subject without what is around it: 256 x 256 pixels, how much each is of it, 0..255, and {@link colourShares}. */
export interface Figure { readonly picture: Picture; readonly alpha: Uint8Array; readonly colours: Float32Array }

/** One of a character's own pictures, by its alpha where it has some. */
export async function figureOfFile(models: Models, bytes: Uint8Array): Promise<Figure> {
  blockLoaders()
  const image = sharp(bytes).resize(SIDE.width, SIDE.height, { fit: 'fill' })
  const { hasAlpha } = await image.metadata()
  const picture = { ...SIDE, data: await image.clone().removeAlpha().raw().toBuffer() }
  if (hasAlpha) return figureOf(picture, await image.extractChannel('alpha').raw().toBuffer())
  return figureOf(picture, alphaOf(refineMask(await segment(models, picture, wholeOf(picture)), picture)))
}

/** What stands out where a box of a frame is, in pixels; null where even a first look at its colours says that it is not wanted. */
export async function figureInBox(models: Models, frame: Picture, box: Box, isWanted: (figure: Figure) => boolean): Promise<Figure | null> {
  const crop = cropped(frame, squareAround(box, FRAMINGS.whole, frame))
  const picture = { ...SIDE, data: new Uint8ClampedArray(resize(crop, wholeOf(crop), SIDE)) }
  const mask = await segment(models, picture, wholeOf(picture))
  return isWanted(figureOf(picture, alphaOf(mask))) ? figureOf(picture, alphaOf(refineMask(mask, picture))) : null
}

const figureOf = (picture: Picture, alpha: Uint8Array): Figure => ({ picture, alpha, colours: colourShares(picture, (at) => alpha[at] >= OPAQUE_FROM) })

/**
 * What a figure looks like, wherever it stands: NanoDet's numbers for it before grey, and its colours, as one vector whose cosine is the mean of both.
 * With its surroundings in the picture a toy was nearer to every other toy on its table (0.07-0.17) than to itself cut out before a backdrop (0.13-0.29);
 * without them it is within 0.02 there, and others are 0.25 and more away. Null where there is no figure.
 */
export async function embedFigure(models: Models, figure: Figure): Promise<Float32Array | null> {
  const box = boundsOf(figure.alpha)
  if (!box) return null
  const alone = onGrey(figure)
  const look = await embedLook(models, alone, squareAround(box, FRAMINGS.whole, alone))
  return Float32Array.of(...look.map((value) => value * Math.SQRT1_2), ...figure.colours)
}

function onGrey({ picture, alpha }: Figure): Picture {
  const data = new Uint8ClampedArray(picture.data.length)
  for (let at = 0; at < data.length; at++) data[at] = GREY + ((picture.data[at] - GREY) * alpha[Math.floor(at / 3)]) / 255
  return { ...SIDE, data }
}

function boundsOf(alpha: Uint8Array): Box | null {
  let [left, top, right, bottom] = [MASK_SIDE, MASK_SIDE, 0, 0]
  for (const [at, value] of alpha.entries()) {
    if (value < OPAQUE_FROM) continue
    const [x, y] = [at % MASK_SIDE, Math.floor(at / MASK_SIDE)]
    left = Math.min(left, x)
    top = Math.min(top, y)
    right = Math.max(right, x + 1)
    bottom = Math.max(bottom, y + 1)
  }
  return right > left ? [left, top, right, bottom] : null
}
