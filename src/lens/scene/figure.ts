import { toLayer, type Layer } from './layer.ts'
import { blurred, openRgba, pixelsOf, readPicture, type Coverage, type Rgba } from './rgba.ts'

/** A member of the cast, drawn to size. Its own box, without the shadow around it, is `width` x `height`. */
export interface Figure {
  readonly layer: Layer
  readonly width: number
  readonly height: number
  /** How far the shadow reaches beyond the box on every side. */
  readonly margin: number
}

export interface FigureSource { readonly figure: Uint8Array; readonly isCutout: boolean }
interface Box { readonly width: number; readonly height: number }

/** Of the figure's longer side. */
const SHADOW = { blur: 0.035, down: 0.02, reach: 0.09, strength: 0.5 }
const CARD = { round: 0.07, border: 0.012 }
/** What is cut off by the edge of its own picture fades out there, over this share of the side: shoulders below most of all. */
const FADES = { top: 0.05, left: 0.1, right: 0.1, bottom: 0.24 } as const
/** An edge of which this much is covered cuts something off. */
const CUT_SHARE = 0.04
/** Masks have stairs, and their rim the colour of the old background: blurred by so many pixels, alpha below the first is nothing, from the second on whole. */
const RIM = { blur: 1.6, nothing: 100, whole: 210 }

/** As large as fits into the box. Rejects with `media_corrupt`, `media_too_large`. */
export async function makeFigure({ figure, isCutout }: FigureSource, box: Box): Promise<Figure> {
  const picture = await readPicture(figure)
  const drawn = isCutout ? await cutFigure(picture, box) : await card(picture, box)
  const margin = 2 * Math.ceil((SHADOW.reach * Math.max(drawn.width, drawn.height)) / 2)
  return { layer: toLayer(await withShadow(drawn, margin)), width: drawn.width, height: drawn.height, margin }
}

async function cutFigure(picture: Rgba, box: Box): Promise<Rgba> {
  const mask = await blurred(maskOf(picture), RIM.blur)
  const clean = withAlpha(picture, (at) => clamp(((mask.data[at] - RIM.nothing) * 255) / (RIM.whole - RIM.nothing)))
  const bounds = boundsOf(clean)
  // Nothing left of it: better the picture as it is than nobody.
  if (!bounds) return card(picture, box)
  const scale = Math.min(box.width / bounds.width, box.height / bounds.height)
  const cut = await pixelsOf(openRgba(clean).extract(bounds))
  const [width, height] = [bounds.width, bounds.height].map((side) => Math.max(2, Math.round(side * scale)))
  return pixelsOf(openRgba(faded(cut, cutSides(clean, bounds))).resize(width, height, { fit: 'fill', kernel: 'lanczos3' }))
}

function maskOf({ width, height, data }: Rgba): Coverage {
  const mask = new Uint8Array(width * height)
  for (let at = 0; at < mask.length; at++) mask[at] = data[at * 4 + 3]
  return { width, height, data: mask }
}

const clamp = (value: number): number => Math.max(0, Math.min(255, Math.round(value)))

function withAlpha({ width, height, data }: Rgba, alphaAt: (pixel: number) => number): Rgba {
  const changed = new Uint8Array(data)
  for (let at = 0; at < width * height; at++) changed[at * 4 + 3] = alphaAt(at)
  return { width, height, data: changed }
}

interface Bounds extends Box { readonly left: number; readonly top: number }

function boundsOf({ width, height, data }: Rgba): Bounds | null {
  let [left, top, right, bottom] = [width, height, 0, 0]
  for (let at = 0; at < width * height; at++) {
    if (data[at * 4 + 3] < 32) continue
    const x = at % width
    const y = (at - x) / width
    left = Math.min(left, x)
    right = Math.max(right, x + 1)
    top = Math.min(top, y)
    bottom = Math.max(bottom, y + 1)
  }
  return right > left ? { left, top, width: right - left, height: bottom - top } : null
}

type Side = keyof typeof FADES

function cutSides({ width, height, data }: Rgba, bounds: Bounds): ReadonlySet<Side> {
  const isCovered = (x: number, y: number): boolean => data[(y * width + x) * 4 + 3] > 127
  const covered: Readonly<Record<Side, number>> = {
    top: shareOf(width, (x) => isCovered(x, 0)), bottom: shareOf(width, (x) => isCovered(x, height - 1)),
    left: shareOf(height, (y) => isCovered(0, y)), right: shareOf(height, (y) => isCovered(width - 1, y)),
  }
  const touches: Readonly<Record<Side, boolean>> = {
    top: bounds.top === 0, bottom: bounds.top + bounds.height === height, left: bounds.left === 0, right: bounds.left + bounds.width === width,
  }
  return new Set((['top', 'bottom', 'left', 'right'] as const).filter((side) => touches[side] && covered[side] > CUT_SHARE))
}

const shareOf = (count: number, isCovered: (i: number) => boolean): number => Array.from({ length: count }, (_, i) => isCovered(i)).filter(Boolean).length / count

function faded(picture: Rgba, sides: ReadonlySet<Side>): Rgba {
  const { width, height, data } = picture
  const strength = (side: Side, distance: number): number => (sides.has(side) ? smooth((distance + 0.5) / (FADES[side] * (side === 'left' || side === 'right' ? width : height))) : 1)
  const down = Array.from({ length: height }, (_, y) => strength('top', y) * strength('bottom', height - 1 - y))
  const across = Array.from({ length: width }, (_, x) => strength('left', x) * strength('right', width - 1 - x))
  return withAlpha(picture, (at) => data[at * 4 + 3] * down[Math.floor(at / width)] * across[at % width])
}

function smooth(share: number): number {
  const t = Math.max(0, Math.min(1, share))
  return t * t * (3 - 2 * t)
}

/** The picture with round corners and a thin light border. */
async function card(picture: Rgba, { width, height }: Box): Promise<Rgba> {
  const side = 2 * Math.floor(Math.min(width, height) / 2)
  const { data } = await pixelsOf(openRgba(picture).resize(side, side, { fit: 'cover', kernel: 'lanczos3' }))
  const [radius, border] = [side * CARD.round, Math.max(1.5, side * CARD.border)]
  const card = new Uint8Array(data)
  for (let at = 0; at < side * side; at++) {
    const inside = depthInCard((at % side) + 0.5 - side / 2, Math.floor(at / side) + 0.5 - side / 2, { half: side / 2, radius })
    const white = 1 - Math.max(0, Math.min(1, inside - border + 0.5))
    for (let c = 0; c < 3; c++) card[at * 4 + c] = data[at * 4 + c] + (244 - data[at * 4 + c]) * white
    card[at * 4 + 3] = 255 * Math.max(0, Math.min(1, inside + 0.5))
  }
  return { width: side, height: side, data: card }
}

/** Pixels from the edge of a square with round corners, measured from its middle. */
function depthInCard(x: number, y: number, { half, radius }: { half: number; radius: number }): number {
  const [beyondX, beyondY] = [Math.abs(x) - (half - radius), Math.abs(y) - (half - radius)]
  return radius - (beyondX > 0 && beyondY > 0 ? Math.hypot(beyondX, beyondY) : Math.max(beyondX, beyondY))
}

async function withShadow(picture: Rgba, margin: number): Promise<Rgba> {
  const longSide = Math.max(picture.width, picture.height)
  const around = { left: margin, right: margin, top: margin, bottom: margin, background: { r: 0, g: 0, b: 0, alpha: 0 } }
  const extended = await pixelsOf(openRgba(picture).extend(around))
  const { width, height, data } = extended
  const shadow = await blurred(maskOf(extended), SHADOW.blur * longSide)
  const down = Math.round(SHADOW.down * longSide) * width
  const out = new Uint8Array(data.length)
  for (let at = 0; at < width * height; at++) {
    const alpha = data[at * 4 + 3]
    const dark = at >= down ? shadow.data[at - down] * SHADOW.strength * (1 - alpha / 255) : 0
    const opacity = Math.round(alpha + dark)
    out[at * 4 + 3] = opacity
    if (opacity > 0) for (let c = 0; c < 3; c++) out[at * 4 + c] = (data[at * 4 + c] * alpha) / opacity
  }
  return { width, height, data: out }
}

