import { shortened, writable } from './caption-text.ts'
import { toLayer, type Layer } from './layer.ts'
import { written, type Coverage, type Rgba } from './rgba.ts'
import { LINE_HEIGHT, type Writer } from './writer.ts'

/** A layer and where it lies. */
export interface Placed { readonly layer: Layer; readonly left: number; readonly top: number }
interface Size { readonly width: number; readonly height: number }

const MOST_LINES = 3
/** Of the frame's shorter side. */
const TEXT = 0.046
const LEAST_TEXT = 18
const MARGIN = 0.05
/** The dark behind the text rises over so many text sizes above it. */
const SCRIM_RISE = 3.4
const SCRIM_DARK = 0.8

/** The lower third: a darkness that figures stand before, and the text that stands before everything. */
export interface Caption {
  readonly scrim: Placed
  /** null where there is nothing to write. */
  readonly text: Placed | null
  /** Where the room above it ends. */
  readonly free: number
}

export async function makeCaption(caption: string, { width, height }: Size, writer: Writer): Promise<Caption> {
  const unit = Math.min(width, height)
  const size = Math.max(LEAST_TEXT, Math.round(unit * TEXT))
  const margin = Math.round(unit * MARGIN)
  const ink = await fitted(writable(caption, writer.has), { size, width: width - 2 * margin }, writer)
  const textTop = height - margin - (ink?.height ?? 0)
  const top = 2 * Math.floor(Math.max(0, textTop - SCRIM_RISE * size) / 2)
  return {
    scrim: { layer: toLayer(darkening({ width, height: height - top }, textTop - top)), left: 0, top },
    text: ink && { layer: toLayer(written(ink)), left: margin, top: textTop },
    free: textTop - Math.round(size * 0.7),
  }
}

/** As much of the text as stands on three lines; null where there is nothing to write. */
async function fitted(text: string, options: { readonly size: number; readonly width: number }, writer: Writer): Promise<Coverage | null> {
  if (text.length === 0) return null
  const whole = await writer.write(text, options)
  if (isLow(whole, options.size)) return whole
  let [fits, tooLong] = [1, [...text].length]
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1
    if (isLow(await writer.write(shortened(text, middle), options), options.size)) fits = middle
    else tooLong = middle
  }
  return writer.write(shortened(text, fits), options)
}

const isLow = ({ height }: Coverage, size: number): boolean => height <= MOST_LINES * LINE_HEIGHT * size

/** Black, from nothing at the top to its full strength above the text. */
function darkening({ width, height }: Size, textTop: number): Rgba {
  const data = new Uint8Array(width * height * 4)
  for (let y = 0; y < height; y++) {
    const t = Math.min(1, y / Math.max(1, textTop * 0.92))
    const alpha = Math.round(255 * SCRIM_DARK * t * t * (3 - 2 * t))
    for (let x = 0; x < width; x++) data[(y * width + x) * 4 + 3] = alpha
  }
  return { width, height, data }
}
