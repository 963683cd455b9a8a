import { centreOf, heightOf, widthOf, type Box } from '../../domain/geometry.ts'
import type { Picture } from '../frame.ts'
import { FRAMINGS, squareAround } from './crop.ts'

/** Samples along each side of the picture around the head. */
const SAMPLES = 48
/** The middle of a face box: cheeks, nose and mouth, no hair and no background. */
const CHEEKS = 0.5
/** The head is a little larger than the face box. */
const HEAD = { side: 1.3, up: 1.5, down: 1.15 }
/** A colour within this many deviations of the cheeks' mean is the face's own colour. */
const DEVIATIONS = 2.5
const LEAST_DEVIATION = 0.012

interface Chroma { readonly red: number; readonly green: number }

/**
 * Share of the head-and-shoulders picture outside the head that has the face's own colour, whatever that is: neck, arms,
 * a wooden wall, and a hand. Only a rise within one track means something: that a hand has come near.
 */
export function skinAround(picture: Picture, face: Box): number {
  const isSkin = colourTest(picture, face)
  const square = squareAround(face, FRAMINGS.face, picture)
  const head = around(face)
  let skin = 0
  let count = 0
  for (const [x, y] of grid(square)) {
    if (x > head[0] && x < head[2] && y > head[1] && y < head[3]) continue
    count++
    if (isSkin(chromaAt(picture, x, y))) skin++
  }
  return count ? skin / count : 0
}

function colourTest(picture: Picture, face: Box): (chroma: Chroma) => boolean {
  const [x, y] = centreOf(face)
  const [reachX, reachY] = [(widthOf(face) * CHEEKS) / 2, (heightOf(face) * CHEEKS) / 2]
  const chromas = grid([x - reachX, y - reachY, x + reachX, y + reachY]).map(([column, row]) => chromaAt(picture, column, row))
  const spread = (of: (chroma: Chroma) => number): { mean: number; reach: number } => {
    const mean = chromas.reduce((sum, chroma) => sum + of(chroma), 0) / chromas.length
    const deviation = Math.sqrt(chromas.reduce((sum, chroma) => sum + (of(chroma) - mean) ** 2, 0) / chromas.length)
    return { mean, reach: DEVIATIONS * Math.max(LEAST_DEVIATION, deviation) }
  }
  const [red, green] = [spread((chroma) => chroma.red), spread((chroma) => chroma.green)]
  return (chroma) => Math.abs(chroma.red - red.mean) < red.reach && Math.abs(chroma.green - green.mean) < green.reach
}

const around = (face: Box): Box => {
  const [x, y] = centreOf(face)
  const [reachX, reachY] = [widthOf(face) / 2, heightOf(face) / 2]
  return [x - reachX * HEAD.side, y - reachY * HEAD.up, x + reachX * HEAD.side, y + reachY * HEAD.down]
}

function grid([left, top, right, bottom]: Box): readonly (readonly [number, number])[] {
  return Array.from({ length: SAMPLES * SAMPLES }, (_, i) => [
    left + (((i % SAMPLES) + 0.5) * (right - left)) / SAMPLES,
    top + ((Math.floor(i / SAMPLES) + 0.5) * (bottom - top)) / SAMPLES,
  ] as const)
}

/** Colour without brightness, so that shadow does not count. */
function chromaAt({ width, height, data }: Picture, x: number, y: number): Chroma {
  const column = Math.max(0, Math.min(width - 1, Math.floor(x)))
  const row = Math.max(0, Math.min(height - 1, Math.floor(y)))
  const at = (row * width + column) * 3
  const sum = data[at] + data[at + 1] + data[at + 2] || 1
  return { red: data[at] / sum, green: data[at + 1] / sum }
}
