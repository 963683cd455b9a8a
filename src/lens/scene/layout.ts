import { between, type Random } from './random.ts'

/** Where figures may stand, in pixels of the frame: they and their movements stay inside. */
export interface Area { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number }

/** The box of one figure at rest, which stands at the middle of its lower edge. */
export interface Place { readonly centre: number; readonly base: number; readonly width: number; readonly height: number }

/** Free between neighbours, as a share of a figure. */
const GAP = { across: 0.06, down: 0.03 }
const MOST_ROWS = 3
/** One row looks calmer than figures at different heights: kept unless the others would be this much larger. */
const ROWS_MUST_GAIN = 1.2
/** Centres of few figures are at most so many widths apart: they belong together. */
const WIDEST_STEP = 1.3
/** Of the height that is not used. */
const SPARE_BELOW = 0.35
/** A figure is at most this much smaller than its place. */
const MOST_SMALLER = 0.06

/**
 * A place for each figure: centres go strictly from left to right, no two boxes touch, and figures are as large as that allows. Where one
 * row would make them small, they stand at two or three heights in turn, as in a group picture.
 */
export function placesFor(count: number, area: Area, random: Random): readonly Place[] {
  if (count === 0) return []
  const [one, ...more] = Array.from({ length: Math.min(count, MOST_ROWS) }, (_, i) => gridOf(count, i + 1, area))
  const largest = more.reduce((best, grid) => (grid.side > best.side ? grid : best), one)
  const { rows, side, gapDown } = largest.side > one.side * ROWS_MUST_GAIN ? largest : one
  const step = count > 1 ? Math.min((area.right - area.left - side) / (count - 1), side * WIDEST_STEP) : 0
  const first = (area.left + area.right - step * (count - 1)) / 2
  const isLowFirst = random() < 0.5
  const used = rows * side + (rows - 1) * gapDown
  const bottom = area.bottom - (area.bottom - area.top - used) * SPARE_BELOW
  return Array.from({ length: count }, (_, i) => {
    const up = isLowFirst ? i % rows : rows - 1 - (i % rows)
    const size = side * between(random, 1 - MOST_SMALLER, 1)
    return { centre: first + step * i, base: bottom - up * (side + gapDown), width: size, height: size }
  })
}

function gridOf(count: number, rows: number, { left, top, right, bottom }: Area): { rows: number; side: number; gapDown: number } {
  // The next figure in the same row is `rows` steps away.
  const across = (rows * (right - left)) / ((count - 1) * (1 + GAP.across) + rows)
  const down = (bottom - top) / (rows + (rows - 1) * GAP.down)
  const side = Math.min(across, down, right - left)
  return { rows, side, gapDown: side * GAP.down }
}
