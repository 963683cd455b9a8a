import { bluenessOf, lumaOf, rednessOf, type I420 } from '../media/i420.ts'
import type { Rgba } from './rgba.ts'

/** Samples that are laid over a plane of the same kind. */
interface LayerPlane {
  readonly width: number
  readonly height: number
  /** Alpha in the upper half, the sample multiplied with it in the lower: two weighted sums for one. */
  readonly pairs: Int32Array
  /** Of each row: where it begins to be seen, and where it ends. */
  readonly first: Int32Array
  readonly last: Int32Array
}

/** A picture with alpha that can be laid over a frame at any place, fractions of a pixel included. */
export interface Layer {
  readonly luma: LayerPlane
  readonly blueness: LayerPlane
  readonly redness: LayerPlane
}

/** Transparent all around, so that a picture between two pixels has something to fade into; even, so that chroma keeps its place. */
const RIM = 2

export function toLayer({ width, height, data }: Rgba): Layer {
  const luma = emptyPlane(even(width) + 2 * RIM, even(height) + 2 * RIM)
  const [blueness, redness] = [emptyPlane(luma.width / 2, luma.height / 2), emptyPlane(luma.width / 2, luma.height / 2)]
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + x) * 4
      const alpha = data[from + 3]
      if (alpha === 0) continue
      const red = (data[from] * alpha) / 255
      const green = (data[from + 1] * alpha) / 255
      const blue = (data[from + 2] * alpha) / 255
      // What the formulas add to black counts as much as the pixel is covered.
      const uncovered = 1 - alpha / 255
      luma.pairs[(y + RIM) * luma.width + x + RIM] = pair(alpha, lumaOf(red, green, blue) - uncovered * 16)
      const at = ((y + RIM) >> 1) * blueness.width + ((x + RIM) >> 1)
      blueness.pairs[at] += pair(alpha, bluenessOf(red, green, blue) - uncovered * 128)
      redness.pairs[at] += pair(alpha, rednessOf(red, green, blue) - uncovered * 128)
    }
  }
  return { luma: withEdges(luma), blueness: withEdges(quartered(blueness)), redness: withEdges(quartered(redness)) }
}

const even = (length: number): number => length + (length & 1)
const pair = (alpha: number, sample: number): number => (alpha << 16) | sample

type Plane = Pick<LayerPlane, 'width' | 'height' | 'pairs'>

const emptyPlane = (width: number, height: number): Plane => ({ width, height, pairs: new Int32Array(width * height) })

/** Means instead of sums of four. */
function quartered(plane: Plane): Plane {
  const { pairs } = plane
  for (let at = 0; at < pairs.length; at++) pairs[at] = pair(pairs[at] >> 18, (pairs[at] & 0xffff) >> 2)
  return plane
}

function withEdges(plane: Plane): LayerPlane {
  const { width, height, pairs } = plane
  const [first, last] = [new Int32Array(height).fill(width), new Int32Array(height)]
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (pairs[y * width + x] === 0) continue
      if (last[y] === 0) first[y] = x
      last[y] = x + 1
    }
  }
  return { ...plane, first, last }
}

/** Lays the picture over the frame with its top left corner at `left`, `top`; what is outside is cut off. */
export function layOver({ width, height, data }: I420, layer: Layer, { left, top }: { readonly left: number; readonly top: number }): void {
  const [blueness, redness] = [width * height, width * height * 1.25]
  // Colours at whole places: nobody sees them a pixel off, and they are half of the samples.
  const half = { width: width / 2, height: height / 2, left: Math.round((left - RIM) / 2), top: Math.round((top - RIM) / 2) }
  blend(data.subarray(0, blueness), layer.luma, { width, height, left: left - RIM, top: top - RIM })
  blend(data.subarray(blueness, redness), layer.blueness, half)
  blend(data.subarray(redness), layer.redness, half)
}

interface Target { readonly width: number; readonly height: number; readonly left: number; readonly top: number }

/** Fractions of a pixel in eighths: finer cannot be seen, and the weights of four neighbours add up to 64. */
const STEP_BITS = 3
const STEPS = 1 << STEP_BITS
const HALF = 0x0020_0020
const OPAQUE = 0xff_0000

function blend(target: Uint8Array, plane: LayerPlane, { width, height, left, top }: Target): void {
  const [x0, y0] = [Math.floor(left), Math.floor(top)]
  const [right, down] = [Math.round((left - x0) * STEPS), Math.round((top - y0) * STEPS)]
  for (let row = Math.max(1, -y0), end = Math.min(plane.height, height - y0); row < end; row++) {
    const from = Math.max(1, -x0, Math.min(plane.first[row], plane.first[row - 1]))
    const to = Math.min(plane.width, width - x0, Math.max(plane.last[row], plane.last[row - 1]) + 1)
    const run = { source: row * plane.width + from, at: (y0 + row) * width + x0 + from, count: to - from }
    if (right === 0 && down === 0) blendRun(target, plane, run)
    else blendBetween(target, plane, { ...run, right, down })
  }
}

interface Run { readonly source: number; readonly at: number; readonly count: number }

function blendRun(target: Uint8Array, { pairs }: LayerPlane, { source, at, count }: Run): void {
  for (let i = 0; i < count; i++) {
    const value = pairs[source + i]
    if (value >= OPAQUE) target[at + i] = value
    else if (value !== 0) target[at + i] = (value & 0xff) + share(target[at + i], 255 - (value >> 16))
  }
}

/** Each pixel out of itself, its left neighbour, and the two above them. */
function blendBetween(target: Uint8Array, { width, pairs }: LayerPlane, { source, at, count, right, down }: Run & { readonly right: number; readonly down: number }): void {
  // One product for a weighted sum of two, both samples of a pair at once: what borrows cancels out in the sum.
  let before = (pairs[source - 1] << STEP_BITS) + Math.imul(pairs[source - 1 - width] - pairs[source - 1], down)
  for (let i = 0; i < count; i++) {
    const here = pairs[source + i]
    const now = (here << STEP_BITS) + Math.imul(pairs[source + i - width] - here, down)
    const value = ((now << STEP_BITS) + Math.imul(before - now, right) + HALF) >> 6
    before = now
    if (value >= OPAQUE) target[at + i] = value
    else if (value >= 0x1_0000) target[at + i] = (value & 0xff) + share(target[at + i], 255 - (value >> 16))
  }
}

/** `value * part / 255`, rounded. */
function share(value: number, part: number): number {
  const product = value * part + 128
  return (product + (product >> 8)) >> 8
}
