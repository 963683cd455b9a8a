import { THRESHOLDS } from '../../../models/table.ts'
import type { Box } from '../../domain/geometry.ts'
import type { Picture } from '../frame.ts'
import type { Models } from '../models.ts'
import { drawTensor, type PixelScale } from './tensor.ts'

export const MASK_SIDE = 256
const SCALE: PixelScale = { mean: [0, 0, 0], deviation: [255, 255, 255], order: 'rgb' }
/** At or above this a pixel is taken for the subject. */
export const SUBJECT_FROM = THRESHOLDS.selfie.subject

/** How much each pixel of a region belongs to the subject: 256 x 256 values, 0..1. The model was made for people. */
export async function segment(models: Models, picture: Picture, region: Box): Promise<Float32Array> {
  const drawing = { region, place: [0, 0, MASK_SIDE, MASK_SIDE], size: MASK_SIDE, scale: SCALE } as const
  return (await models.runOnImage('selfie', (tensor) => drawTensor(tensor, picture, drawing))).mask
}

/** A connected piece of the mask; `box` in fractions of the mask. */
export interface MaskPart { readonly pixels: number; readonly box: Box; /** One of its pixels. */ readonly start: number }

/** Connected pieces of the subject, largest first. */
export function partsOf(mask: Float32Array): readonly MaskPart[] {
  const seen = new Uint8Array(mask.length)
  const parts: MaskPart[] = []
  for (let start = 0; start < mask.length; start++) {
    if (!seen[start] && mask[start] >= SUBJECT_FROM) parts.push(fill(start, seen, (at) => mask[at] >= SUBJECT_FROM))
  }
  return parts.toSorted((a, b) => b.pixels - a.pixels)
}

/** Below this nothing of a pixel is shown; pieces that hang together by such pixels alone are apart. */
const EDGE_FROM = 0.25

/** The mask as alpha values, 0..255: the largest piece with its edge, steeper than it was, and nothing else. */
export function alphaOf(mask: Float32Array): Uint8Array {
  const alpha = new Uint8Array(mask.length)
  const [largest] = partsOf(mask)
  if (!largest) return alpha
  const reached = new Uint8Array(mask.length)
  fill(largest.start, reached, (at) => mask[at] >= EDGE_FROM)
  for (let at = 0; at < mask.length; at++) if (reached[at]) alpha[at] = Math.round(255 * smoothStep((mask[at] - EDGE_FROM) / (1 - 2 * EDGE_FROM)))
  return alpha
}

function smoothStep(value: number): number {
  const x = Math.max(0, Math.min(1, value))
  return x * x * (3 - 2 * x)
}

/** Marks in `seen` what is connected to `start` and belongs. */
function fill(start: number, seen: Uint8Array, belongs: (at: number) => boolean): MaskPart {
  const queue = [start]
  seen[start] = 1
  let pixels = 0
  let [left, top, right, bottom] = [MASK_SIDE, MASK_SIDE, 0, 0]
  const visit = (next: number): void => {
    if (seen[next] || !belongs(next)) return
    seen[next] = 1
    queue.push(next)
  }
  for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
    const [x, y] = [at % MASK_SIDE, Math.floor(at / MASK_SIDE)]
    pixels++
    left = Math.min(left, x)
    top = Math.min(top, y)
    right = Math.max(right, x + 1)
    bottom = Math.max(bottom, y + 1)
    if (x > 0) visit(at - 1)
    if (x < MASK_SIDE - 1) visit(at + 1)
    if (y > 0) visit(at - MASK_SIDE)
    if (y < MASK_SIDE - 1) visit(at + MASK_SIDE)
  }
  return { pixels, box: [left / MASK_SIDE, top / MASK_SIDE, right / MASK_SIDE, bottom / MASK_SIDE], start }
}
