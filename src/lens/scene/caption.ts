import { shortened, writable } from './caption-text.ts'
import { toLayer, type Layer } from './layer.ts'
import { written, type Coverage } from './rgba.ts'
import { LINE_HEIGHT, type Writer } from './writer.ts'

/** A layer and where it lies. */
export interface Placed { readonly layer: Layer; readonly left: number; readonly top: number }
interface Size { readonly width: number; readonly height: number }

const MOST_LINES = 3
/** Of the frame's shorter side. */
const TEXT = 0.046
const LEAST_TEXT = 18
const MARGIN = 0.05
/** The dark behind the text begins so many text sizes above it. */
const DARK_RISE = 3.4
const DARK = 0.8

/** The lower third: where the backdrop becomes dark, and the text that stands before everything. */
export interface Caption {
  /** For every row of the frame how much light is left, 0..1. */
  readonly light: Float32Array
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
  return {
    light: Float32Array.from({ length: height }, (_, y) => 1 - DARK * smooth((y - textTop) / (DARK_RISE * size) + 1)),
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

function smooth(share: number): number {
  const t = Math.max(0, Math.min(1, share))
  return t * t * (3 - 2 * t)
}
