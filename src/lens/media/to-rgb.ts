import type { Picture } from '../frame.ts'
import type { Plane, RawPicture } from './raw-picture.ts'
import { toneMapOf } from './tone-map.ts'
import type { ToneMap } from './tone-map.ts'

/** Red and blue weights of the luma equation; green is what remains. */
const WEIGHTS: Readonly<Record<string, readonly [red: number, blue: number]>> = {
  'bt709': [0.2126, 0.0722], 'smpte170m': [0.299, 0.114], 'bt470bg': [0.299, 0.114], 'bt2020-ncl': [0.2627, 0.0593],
}
const HD_LINES = 720

/** How a decoded picture becomes upright: a clockwise turn, then a mirroring of left and right. */
export interface Orientation { readonly rotation: 0 | 90 | 180 | 270; readonly isMirrored: boolean }

export interface ToRgbOptions {
  /** Of the picture before it is turned. */
  readonly width: number
  readonly height: number
  readonly orientation: Orientation
}

/** Fixed point: 255 times the largest factor, luma and chroma together, stays below 2^31. Floats took twice as long. */
const UNIT_BITS = 20
const UNIT = 1 << UNIT_BITS
const HALF = UNIT >> 1

/** Scales by whole-pixel averages, converts with the picture's own matrix and range, and turns it upright, all in one pass. */
export function toRgb(raw: RawPicture, { width, height, orientation }: ToRgbOptions): Picture {
  const data = new Uint8ClampedArray(width * height * 3)
  const placement = placementOf(width, height, orientation)
  const colour = colourOf(raw)
  const write = rowWriterOf(raw.transfer)
  const [luma, blueness, redness] = raw.planes
  const columns = edges(width, raw.width)
  const rows = edges(height, raw.height)
  const chromaColumns = middles(columns, raw.shiftX, blueness.rowLength)
  const chromaRows = middles(rows, raw.shiftY, blueness.rows)
  const sums = new Int32Array(raw.width)
  const light = new Int32Array(width)
  const factors = new Map<number, Int32Array>()
  for (let y = 0; y < height; y++) {
    const top = rows[y]
    const bottom = Math.max(top + 1, rows[y + 1])
    const factorsHere = factors.get(bottom - top) ?? columnFactors(columns, colour.lumaScale / (bottom - top))
    factors.set(bottom - top, factorsHere)
    addRows(luma, { top, bottom, sums })
    averageColumns(sums, { columns, light, factors: factorsHere, offset: colour.lumaOffset })
    write(data, {
      start: placement.origin + y * placement.perRow, step: placement.perColumn, light,
      chromaStart: chromaRows[y] * blueness.rowLength, chromaColumns, blueness: blueness.samples, redness: redness.samples, colour,
    })
  }
  return { width: placement.width, height: placement.height, data }
}

/** Where the first pixel goes, and how far on the next column and row lie, in bytes of the upright picture. */
function placementOf(width: number, height: number, { rotation, isMirrored }: Orientation) {
  const isOnSide = rotation === 90 || rotation === 270
  const [uprightWidth, uprightHeight] = isOnSide ? [height, width] : [width, height]
  const place = (x: number, y: number): number => {
    const turned = { 0: [x, y], 90: [height - 1 - y, x], 180: [width - 1 - x, height - 1 - y], 270: [y, width - 1 - x] } as const
    const [across, down] = turned[rotation]
    return (down * uprightWidth + (isMirrored ? uprightWidth - 1 - across : across)) * 3
  }
  const origin = place(0, 0)
  return { width: uprightWidth, height: uprightHeight, origin, perColumn: place(1, 0) - origin, perRow: place(0, 1) - origin }
}

/** `grey` in samples, the others in fixed point. */
interface Colour {
  readonly lumaScale: number
  readonly lumaOffset: number
  readonly grey: number
  readonly redFromRed: number
  readonly blueFromBlue: number
  readonly greenFromRed: number
  readonly greenFromBlue: number
}

function colourOf({ matrix, isFullRange, bits, height }: RawPicture): Colour {
  const [red, blue] = WEIGHTS[matrix ?? ''] ?? (height >= HD_LINES ? [0.2126, 0.0722] : [0.299, 0.114])
  const unit = 1 << (bits - 8)
  const lumaScale = (UNIT * (isFullRange ? 1 : 255 / 219)) / unit
  const chromaScale = (UNIT * (isFullRange ? 1 : 255 / 224)) / unit
  const redFromRed = 2 * (1 - red) * chromaScale
  const blueFromBlue = 2 * (1 - blue) * chromaScale
  const green = 1 - red - blue
  return {
    lumaScale, lumaOffset: isFullRange ? 0 : integer(-16 * unit * lumaScale), grey: 128 * unit,
    redFromRed: integer(redFromRed), blueFromBlue: integer(blueFromBlue),
    greenFromRed: integer((red * redFromRed) / green), greenFromBlue: integer((blue * blueFromBlue) / green),
  }
}

/** Not `Math.round`: a number that is known to be a 32-bit integer keeps the loops in integers. */
const integer = (value: number): number => (value + (value < 0 ? -0.5 : 0.5)) | 0

/** Where the source pixels of each target pixel begin; the last entry is the end. */
const edges = (count: number, sourceCount: number): Int32Array => Int32Array.from({ length: count + 1 }, (_, i) => Math.floor((i * sourceCount) / count))

/** The chroma sample in the middle of each target pixel. */
const middles = (places: Int32Array, shift: number, count: number): Int32Array =>
  places.slice(0, -1).map((start, i) => Math.min(count - 1, ((start + Math.max(start + 1, places[i + 1]) - 1) >> 1) >> shift))

/** What the sum of a target pixel's luma is multiplied with. */
const columnFactors = (columns: Int32Array, scale: number): Int32Array => columns.slice(0, -1).map((left, i) => Math.round(scale / Math.max(1, columns[i + 1] - left)))

function addRows({ samples, rowLength }: Plane, { top, bottom, sums }: { top: number; bottom: number; sums: Int32Array }): void {
  const width = sums.length
  const first = top * rowLength
  for (let x = 0; x < width; x++) sums[x] = samples[first + x]
  for (let row = top + 1; row < bottom; row++) {
    const start = row * rowLength
    for (let x = 0; x < width; x++) sums[x] += samples[start + x]
  }
}

function averageColumns(sums: Int32Array, { columns, light, factors, offset }: { columns: Int32Array; light: Int32Array; factors: Int32Array; offset: number }): void {
  const width = light.length
  for (let x = 0; x < width; x++) {
    const left = columns[x]
    const right = columns[x + 1]
    let sum = sums[left]
    for (let at = left + 1; at < right; at++) sum += sums[at]
    light[x] = Math.imul(sum, factors[x]) + offset
  }
}

interface Row {
  readonly start: number
  readonly step: number
  readonly light: Int32Array
  readonly chromaStart: number
  readonly chromaColumns: Int32Array
  readonly blueness: Plane['samples']
  readonly redness: Plane['samples']
  readonly colour: Colour
}

function rowWriterOf(transfer: string | null): (out: Uint8ClampedArray, row: Row) => void {
  const toneMap = toneMapOf(transfer)
  return toneMap ? (out, row) => writeMappedRow(out, row, toneMap) : writeRow
}

function writeRow(out: Uint8ClampedArray, { start, step, light, chromaStart, chromaColumns, blueness, redness, colour }: Row): void {
  const { grey, redFromRed, blueFromBlue, greenFromRed, greenFromBlue } = colour
  const width = light.length
  for (let x = 0, o = start; x < width; x++, o += step) {
    const chroma = chromaStart + chromaColumns[x]
    const red = redness[chroma] - grey
    const blue = blueness[chroma] - grey
    const bright = light[x] + HALF
    out[o] = (bright + Math.imul(red, redFromRed)) >> UNIT_BITS
    out[o + 1] = (bright - Math.imul(red, greenFromRed) - Math.imul(blue, greenFromBlue)) >> UNIT_BITS
    out[o + 2] = (bright + Math.imul(blue, blueFromBlue)) >> UNIT_BITS
  }
}

function writeMappedRow(out: Uint8ClampedArray, { start, step, light, chromaStart, chromaColumns, blueness, redness, colour }: Row, toneMap: ToneMap): void {
  for (let x = 0, o = start; x < light.length; x++, o += step) {
    const chroma = chromaStart + chromaColumns[x]
    const red = redness[chroma] - colour.grey
    const blue = blueness[chroma] - colour.grey
    const bright = light[x]
    toneMap(out, o, {
      red: (bright + red * colour.redFromRed) / UNIT,
      green: (bright - red * colour.greenFromRed - blue * colour.greenFromBlue) / UNIT,
      blue: (bright + blue * colour.blueFromBlue) / UNIT,
    })
  }
}
