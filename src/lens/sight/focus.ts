import type { Box } from '../../domain/geometry.ts'
import type { Picture } from '../frame.ts'

/** Every second pixel of every second row tells the same. */
const STRIDE = 2
/** Luma at or beyond these shows nothing. */
const DROWNED = { black: 16, white: 250 }

/** How sharp and how well lit a box of a picture is. The box is in pixels and may reach beyond the picture. */
export function measureFocus({ width, height, data }: Picture, box: Box): { readonly sharpness: number; readonly exposed: number } {
  const [left, top] = [Math.max(1, Math.floor(box[0])), Math.max(1, Math.floor(box[1]))]
  const [right, bottom] = [Math.min(width - 1, Math.ceil(box[2])), Math.min(height - 1, Math.ceil(box[3]))]
  const row = width * 3
  let sum = 0
  let squares = 0
  let drowned = 0
  let count = 0
  for (let y = top; y < bottom; y += STRIDE) {
    for (let x = left; x < right; x += STRIDE) {
      const at = y * row + x * 3 + 1 // green is most of the luma
      const edge = 4 * data[at] - data[at - 3] - data[at + 3] - data[at - row] - data[at + row]
      sum += edge
      squares += edge * edge
      if (data[at] <= DROWNED.black || data[at] >= DROWNED.white) drowned++
      count++
    }
  }
  if (count === 0) return { sharpness: 0, exposed: 0 }
  return { sharpness: squares / count - (sum / count) ** 2, exposed: 1 - drowned / count }
}

/** Standard deviation of the picture's luma, 0..128: below a few there is nothing to see. */
export function contrastOf({ data }: Picture): number {
  const step = 3 * Math.max(1, Math.floor(data.length / 3 / 10_000))
  let sum = 0
  let squares = 0
  let count = 0
  for (let at = 1; at < data.length; at += step) {
    sum += data[at]
    squares += data[at] ** 2
    count++
  }
  return Math.sqrt(Math.max(0, squares / count - (sum / count) ** 2))
}
