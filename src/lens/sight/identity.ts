import type { Box, Point } from '../../domain/geometry.ts'
import { unit } from '../../domain/vector.ts'
import type { Picture } from '../frame.ts'
import type { Models } from '../models.ts'
import type { Face } from './faces.ts'
import { drawTensor } from './tensor.ts'
import { NANODET_INPUT } from './things.ts'
import { similarityBetween, warpTensor } from './warp.ts'

const FACE_SIZE = 150
/** Where eyes, nose tip and mouth lie in the pictures dlib's net was trained on. */
const FACE_POINTS: readonly Point[] = [[47.5, 46.6], [100.5, 46.6], [74, 76.6], [74, 108]]

/** Who a face is: 128 numbers, compared by Euclidean distance, not normalised. */
export async function embedFace(models: Models, picture: Picture, { points }: Face): Promise<Float32Array> {
  const warp = { similarity: similarityBetween(points.slice(0, FACE_POINTS.length), FACE_POINTS), size: FACE_SIZE, divisor: 1 }
  return (await models.runOnImage('dlib-face', (tensor) => warpTensor(tensor, picture, warp))).embedding
}

/**
 * What a region looks like: 768 numbers out of NanoDet's inner maps, compared by cosine. Weak evidence: one toy in two
 * recordings 0.96, two toys on one table up to 0.92.
 */
export async function embedLook(models: Models, picture: Picture, region: Box): Promise<Float32Array> {
  const { size, scale } = NANODET_INPUT
  const drawing = { region, place: [0, 0, size, size], size, scale } as const
  const { features_256: inner, features_512: outer } = await models.runOnImage('nanodet', (tensor) => drawTensor(tensor, picture, drawing))
  return Float32Array.of(...unit(inner), ...unit(outer))
}
