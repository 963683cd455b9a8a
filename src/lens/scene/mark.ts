import type { Placed } from './caption.ts'
import { toLayer } from './layer.ts'
import { written, type Rgba } from './rgba.ts'
import type { Writer } from './writer.ts'

/** What every frame says, and the title of the file. */
export const MARKS = { en: 'preview, not generated', zh: '预览，非生成' } as const

/** Of the frame's shorter side. */
const TEXT = 0.029
const LEAST_TEXT = 14
const MARGIN = 0.03
/** Around the text, in text sizes. */
const PADDING = { across: 0.85, down: 0.5 }
const DARK = 0.58

/** The mark in the upper right corner, for a picture of this size: what it stands on, and its text. */
export async function makeMark(language: keyof typeof MARKS, { width, height }: { readonly width: number; readonly height: number }, writer: Writer): Promise<{ readonly parts: readonly Placed[]; readonly bottom: number }> {
  const unit = Math.min(width, height)
  const size = Math.max(LEAST_TEXT, Math.round(unit * TEXT))
  const ink = await writer.write(MARKS[language], { size, width })
  const [across, down] = [Math.round(PADDING.across * size), Math.round(PADDING.down * size)]
  const pill = darkPill(ink.width + 2 * across, ink.height + 2 * down)
  const margin = Math.round(unit * MARGIN)
  const left = width - margin - pill.width
  return { parts: [{ layer: toLayer(pill), left, top: margin }, { layer: toLayer(written(ink)), left: left + across, top: margin + down }], bottom: margin + pill.height }
}

function darkPill(width: number, height: number): Rgba {
  const data = new Uint8Array(width * height * 4)
  const radius = height / 2
  for (let at = 0; at < width * height; at++) {
    const [x, y] = [(at % width) + 0.5, Math.floor(at / width) + 0.5]
    const distance = Math.hypot(x - Math.max(radius, Math.min(width - radius, x)), y - radius)
    data[at * 4 + 3] = 255 * DARK * Math.max(0, Math.min(1, radius - distance + 0.5))
  }
  return { width, height, data }
}
