/** `[left, top, right, bottom]`, in pixels or as fractions of the upright frame; the caller knows which. */
export type Box = readonly [left: number, top: number, right: number, bottom: number]
export type Point = readonly [x: number, y: number]

export const widthOf = ([left, , right]: Box): number => Math.max(0, right - left)
export const heightOf = ([, top, , bottom]: Box): number => Math.max(0, bottom - top)
export const areaOf = (box: Box): number => widthOf(box) * heightOf(box)
export const centreOf = ([left, top, right, bottom]: Box): Point => [(left + right) / 2, (top + bottom) / 2]

const sharedArea = (a: Box, b: Box): number => areaOf([Math.max(a[0], b[0]), Math.max(a[1], b[1]), Math.min(a[2], b[2]), Math.min(a[3], b[3])])

/** Intersection over union, 0..1. */
export function overlap(a: Box, b: Box): number {
  const shared = sharedArea(a, b)
  const united = areaOf(a) + areaOf(b) - shared
  return united > 0 ? shared / united : 0
}

/** How much of `inner` lies within `outer`, 0..1. */
export const shareInside = (inner: Box, outer: Box): number => (areaOf(inner) > 0 ? sharedArea(inner, outer) / areaOf(inner) : 0)

export const contains = ([left, top, right, bottom]: Box, [x, y]: Point): boolean => x >= left && x <= right && y >= top && y <= bottom

/** The box in another unit: pixels to fractions, one frame size to another. */
export const scaled = ([left, top, right, bottom]: Box, x: number, y: number): Box => [left * x, top * y, right * x, bottom * y]

export const clampedTo = ([left, top, right, bottom]: Box, width: number, height: number): Box => [Math.max(0, left), Math.max(0, top), Math.min(width, right), Math.min(height, bottom)]
