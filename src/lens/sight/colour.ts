import { centreOf, heightOf, widthOf, type Box } from '../../domain/geometry.ts'
import type { Picture } from '../frame.ts'

/** Plain colour names by a few of their shades; a pixel has the name of the nearest. */
const SHADES = {
  black: [[18, 18, 20], [40, 38, 38]],
  grey: [[90, 90, 92], [130, 130, 130], [170, 170, 172]],
  white: [[225, 225, 225], [250, 250, 250]],
  red: [[200, 30, 35], [140, 20, 25], [235, 70, 60]],
  orange: [[240, 130, 30], [215, 100, 20]],
  yellow: [[245, 215, 50], [220, 190, 60]],
  green: [[60, 150, 60], [30, 90, 40], [130, 190, 80], [90, 110, 50]],
  teal: [[20, 140, 140], [70, 190, 185]],
  blue: [[40, 80, 190], [25, 40, 100], [90, 150, 220]],
  purple: [[110, 50, 150], [160, 110, 200], [70, 30, 90]],
  pink: [[240, 140, 180], [225, 80, 140]],
  brown: [[110, 70, 40], [75, 50, 35], [165, 115, 75], [200, 160, 120]],
} as const satisfies Record<string, readonly (readonly [number, number, number])[]>
export type Colour = keyof typeof SHADES

type Lab = readonly [number, number, number]
const PALETTE = Object.entries(SHADES).flatMap(([name, shades]) => shades.map((rgb) => ({ name: name as Colour, lab: labOf(rgb) })))
const SAMPLES = 40
/** The ring around the box that shows what the background is. */
const RING = 1.35

/**
 * The most common colour of what is in the box, less what the surroundings show as much of: behind an ellipse in the
 * box lies background too.
 */
export function colourOf(picture: Picture, box: Box): Colour {
  const [x, y] = centreOf(box)
  const reach = [widthOf(box) / 2, heightOf(box) / 2] as const
  const inside = new Map<Colour, number>()
  const outside = new Map<Colour, number>()
  for (let i = 0; i < SAMPLES * SAMPLES; i++) {
    const across = (((i % SAMPLES) + 0.5) / SAMPLES - 0.5) * 2 * RING
    const along = ((Math.floor(i / SAMPLES) + 0.5) / SAMPLES - 0.5) * 2 * RING
    const isInside = across ** 2 + along ** 2 < 0.8
    if (!isInside && Math.abs(across) < 1 && Math.abs(along) < 1) continue
    const name = nameAt(picture, x + across * reach[0], y + along * reach[1])
    if (name) add(isInside ? inside : outside, name)
  }
  const shareOf = (counts: ReadonlyMap<Colour, number>, name: Colour): number => (counts.get(name) ?? 0) / (counts.values().reduce((sum, count) => sum + count, 0) || 1)
  const scores = [...inside.keys()].map((name) => ({ name, score: shareOf(inside, name) - 0.6 * shareOf(outside, name) }))
  return scores.toSorted((a, b) => b.score - a.score)[0]?.name ?? 'grey'
}

/** Where clothes are: below the face, as wide as the shoulders, as far as the frame reaches. */
export function clothesBelow([left, top, right, bottom]: Box, frameHeight: number): Box {
  const [width, height] = [right - left, bottom - top]
  return [left - width * 0.35, Math.min(frameHeight - 2, bottom + height * 0.35), right + width * 0.35, Math.min(frameHeight, bottom + height * 1.6)]
}

const add = (counts: Map<Colour, number>, name: Colour): void => { counts.set(name, (counts.get(name) ?? 0) + 1) }

function nameAt({ width, height, data }: Picture, x: number, y: number): Colour | null {
  const [column, row] = [Math.floor(x), Math.floor(y)]
  if (column < 0 || row < 0 || column >= width || row >= height) return null
  const at = (row * width + column) * 3
  return nameColour([data[at], data[at + 1], data[at + 2]])
}

/** The plain name of a colour. */
export function nameColour(rgb: readonly [number, number, number]): Colour {
  const lab = labOf(rgb)
  let nearest = PALETTE[0]
  for (const shade of PALETTE) if (difference(shade.lab, lab) < difference(nearest.lab, lab)) nearest = shade
  return nearest.name
}

/** Lightness counts for less: a shadow does not make another colour. */
const difference = (a: Lab, b: Lab): number => (0.6 * (a[0] - b[0])) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2

/** CIE L*a*b* of an sRGB colour, white D65. */
function labOf(rgb: readonly [number, number, number]): Lab {
  const [red, green, blue] = rgb.map((value) => linear(value / 255))
  const x = curve((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.9505)
  const y = curve(0.2126 * red + 0.7152 * green + 0.0722 * blue)
  const z = curve((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.089)
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)]
}

function linear(value: number): number {
  return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
}

function curve(value: number): number {
  return value > 0.008856 ? Math.cbrt(value) : 7.787 * value + 16 / 116
}
