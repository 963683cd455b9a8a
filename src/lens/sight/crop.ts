import { centreOf, heightOf, widthOf, type Box } from '../../domain/geometry.ts'
import type { Picture } from '../frame.ts'

/** How much of the surroundings a picture of a subject shows: side over the box's longer side, and where the box's middle is. */
export type Framing = { readonly margin: number; readonly height: number }
export const FRAMINGS = {
  /** Head and shoulders: room for hair above and shoulders below. */
  face: { margin: 2.2, height: 0.45 },
  whole: { margin: 1.25, height: 0.5 },
} as const satisfies Record<string, Framing>

/**
 * The square of whole pixels to show for a box, both in pixels of the frame. At the frame's edge the square moves, and
 * where the frame is narrower it shrinks: nothing is padded.
 */
export function squareAround(box: Box, { margin, height }: Framing, frame: { readonly width: number; readonly height: number }): Box {
  const side = Math.max(1, Math.floor(Math.min(Math.max(widthOf(box), heightOf(box)) * margin, frame.width, frame.height)))
  const [x, y] = centreOf(box)
  const left = Math.round(Math.max(0, Math.min(frame.width - side, x - side / 2)))
  const top = Math.round(Math.max(0, Math.min(frame.height - side, y - side * height)))
  return [left, top, left + side, top + side]
}

/** A copy of a region of whole pixels. */
export function cropped({ width, data }: Picture, [left, top, right, bottom]: Box): Picture {
  const rowLength = (right - left) * 3
  const copy = new Uint8Array(rowLength * (bottom - top))
  for (let y = top; y < bottom; y++) {
    const start = (y * width + left) * 3
    copy.set(data.subarray(start, start + rowLength), (y - top) * rowLength)
  }
  return { width: right - left, height: bottom - top, data: copy }
}
