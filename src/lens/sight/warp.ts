import type { Point } from '../../domain/geometry.ts'
import type { Picture } from '../frame.ts'
import { addBilinear } from './tensor.ts'

/** Shift, turn and scale: x' = a x - b y + tx, y' = b x + a y + ty. */
export interface Similarity { readonly a: number; readonly b: number; readonly tx: number; readonly ty: number }

interface Warp { readonly similarity: Similarity; readonly size: number; readonly divisor: number }

const MOST_SAMPLES_PER_AXIS = 4

/** The similarity that brings `from` points nearest to `to` points, by least squares. */
export function similarityBetween(from: readonly Point[], to: readonly Point[]): Similarity {
  const [fromX, fromY] = middleOf(from)
  const [toX, toY] = middleOf(to)
  let along = 0
  let across = 0
  let spread = 0
  for (const [i, [x, y]] of from.entries()) {
    const [dx, dy, ex, ey] = [x - fromX, y - fromY, to[i][0] - toX, to[i][1] - toY]
    along += dx * ex + dy * ey
    across += dx * ey - dy * ex
    spread += dx * dx + dy * dy
  }
  const [a, b] = [along / spread, across / spread]
  return { a, b, tx: toX - a * fromX + b * fromY, ty: toY - b * fromX - a * fromY }
}

const middleOf = (points: readonly Point[]): Point => [
  points.reduce((sum, [x]) => sum + x, 0) / points.length,
  points.reduce((sum, [, y]) => sum + y, 0) / points.length,
]

/**
 * Draws a square out of the picture under a similarity as `[3, size, size]` floats, each value divided by `divisor`.
 * Outside the picture its border pixel goes on: mirroring it grew second faces and cost identity AUC 0.93-0.98 instead of 1.00.
 */
export function warpTensor(tensor: Float32Array, picture: Picture, { similarity: { a, b, tx, ty }, size, divisor }: Warp): void {
  const length = a * a + b * b
  const samples = Math.max(1, Math.min(MOST_SAMPLES_PER_AXIS, Math.round(1 / Math.sqrt(length))))
  const [stepX, stepY] = [a / length, -b / length] // in the picture, for one pixel to the right in the square
  const area = size * size
  const sum = new Float32Array(3)
  const weight = 1 / (samples * samples * divisor)
  for (let y = 0, at = 0; y < size; y++) {
    for (let x = 0; x < size; x++, at++) {
      sum.fill(0)
      for (let j = 0; j < samples; j++) {
        for (let i = 0; i < samples; i++) {
          const dx = x + (i + 0.5) / samples - 0.5 - tx
          const dy = y + (j + 0.5) / samples - 0.5 - ty
          addBilinear(picture, dx * stepX - dy * stepY, dx * stepY + dy * stepX, sum)
        }
      }
      tensor[at] = sum[0] * weight
      tensor[at + area] = sum[1] * weight
      tensor[at + 2 * area] = sum[2] * weight
    }
  }
}
