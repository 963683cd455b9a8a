import { bluenessOf, lumaOf, rednessOf, type I420 } from '../media/i420.ts'
import { blurField, spreadField, type Field } from './field.ts'
import { between, type Random } from './random.ts'
import { openRgba, readPicture } from './rgba.ts'

interface Size { readonly width: number; readonly height: number }

/** A wall of soft colours, somewhat larger than the frame: the camera pans over it and comes nearer, or goes away. */
export interface Backdrop {
  /** Fills the whole frame as it is after this share of the video, 0..1, each row of the frame in its share of light. */
  draw(frame: I420, progress: number, light: Float32Array): void
}

/** Of the frame's size. */
const CAMERA = { pan: 0.09, zoom: 0.07 }
/** Cells on the long side: what is smaller is not seen in the blur. */
const CELLS = 64
const BLUR_CELLS = 2.6
/** How far the colours of one member reach, as a share of the width, and how much more the first one's weigh. */
const REACH = 0.24
const FIRST_WEIGHS = 0.35
/** Mean luma of 0..255 that bright and dark sources are brought to: dark enough for figures and white text to stand out. */
const MEAN_LUMA = 80
const MOST_GAIN = 2.2
const SATURATION = 1.35
/** Darker by this share in the corners. */
const VIGNETTE = 0.5

/** Of these pictures, in the order of the cast; of two colours of the seed without any. Rejects with `media_corrupt`, `media_too_large`. */
export async function makeBackdrop(pictures: readonly Uint8Array[], size: Size, random: Random): Promise<Backdrop> {
  const cells = cellsOf(size)
  const colours = graded(pictures.length > 0 ? await colourOf(pictures, cells) : gradient(cells, random))
  const plate = { width: Math.ceil((size.width / 2) * (1 + CAMERA.pan + CAMERA.zoom)), height: Math.ceil((size.height / 2) * (1 + CAMERA.zoom)) }
  return new Plate(paint(colours, plate, random), { isLeftwards: random() < 0.5, isNearing: random() < 0.5 })
}

function cellsOf({ width, height }: Size): Size {
  const cell = Math.max(width, height) / CELLS
  return { width: Math.max(4, Math.round(width / cell)), height: Math.max(4, Math.round(height / cell)) }
}

/** RGB, 0..255 each, one field a channel. */
type Colours = readonly [red: Field, green: Field, blue: Field]

async function colourOf(pictures: readonly Uint8Array[], { width, height }: Size): Promise<Colours> {
  const small = await Promise.all(pictures.map(async (bytes) => {
    const image = openRgba(await readPicture(bytes)).flatten({ background: '#808080' }).resize(width, height, { fit: 'cover' })
    return image.removeAlpha().raw().toBuffer()
  }))
  const field = (channel: number): Field => {
    const values = Float32Array.from({ length: width * height }, (_, at) => mixed(small.map((pixels) => pixels[at * 3 + channel]), (at % width) / width))
    return blurField({ width, height, values }, BLUR_CELLS)
  }
  return [field(0), field(1), field(2)]
}

/** Each picture's colour counts where its figure stands, the first one's everywhere. */
function mixed(colours: readonly number[], x: number): number {
  const weights = colours.map((_, i) => Math.exp(-0.5 * (((i + 0.5) / colours.length - x) / REACH) ** 2) + (i === 0 ? FIRST_WEIGHS : 0))
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return colours.reduce((total, colour, i) => total + (colour * weights[i]) / sum, 0)
}

/** From one hue to a neighbouring one, across. */
function gradient({ width, height }: Size, random: Random): Colours {
  const hue = random()
  const [from, to] = [hueColour(hue), hueColour(hue + between(random, 0.1, 0.3))]
  const channel = (c: number): Field => ({
    width, height,
    values: Float32Array.from({ length: width * height }, (_, at) => {
      const along = ((at % width) / width + Math.floor(at / width) / height) / 2
      return from[c] * (1 - along) + to[c] * along
    }),
  })
  return [channel(0), channel(1), channel(2)]
}

const hueColour = (hue: number): readonly number[] => [0, 1 / 3, 2 / 3].map((third) => 128 + 42 * Math.cos(2 * Math.PI * (hue - third)))

/** Of one brightness whatever the source, a little more colourful, darker towards the corners. */
function graded(colours: Colours): Colours {
  const [red, green, blue] = colours.map(({ values }) => values)
  const luma = red.map((value, at) => 0.2126 * value + 0.7152 * green[at] + 0.0722 * blue[at])
  const gain = Math.min(MOST_GAIN, MEAN_LUMA / Math.max(1, luma.reduce((sum, value) => sum + value, 0) / luma.length))
  const { width, height } = colours[0]
  const grade = ({ values }: Field): Field => ({
    width, height,
    values: values.map((value, at) => {
      const [x, y] = [((at % width) + 0.5) / width - 0.5, (Math.floor(at / width) + 0.5) / height - 0.5]
      return Math.max(0, Math.min(255, (luma[at] + (value - luma[at]) * SATURATION) * gain * (1 - VIGNETTE * Math.min(1, 2 * (x * x + y * y)))))
    }),
  })
  return [grade(colours[0]), grade(colours[1]), grade(colours[2])]
}

const LIGHTS = { count: 9, radius: [0.03, 0.11], luma: [5, 13] } as const

/** Planes of one size: luma at half its width and height too. In such a blur nobody sees it, and drawing takes a third of the time. */
interface Planes extends Size { readonly luma: Uint8Array; readonly blueness: Uint8Array; readonly redness: Uint8Array }

function paint([red, green, blue]: Colours, { width, height }: Size, random: Random): Planes {
  const plane = (convert: typeof lumaOf): Uint8Array => {
    const field = { ...red, values: red.values.map((value, at) => convert(value, green.values[at], blue.values[at])) }
    return spreadField(field, { width, height, random })
  }
  const planes = { width, height, luma: plane(lumaOf), blueness: plane(bluenessOf), redness: plane(rednessOf) }
  for (let i = 0; i < LIGHTS.count; i++) addLight(planes, random)
  return planes
}

/** A disc out of focus: without something to follow, a camera that moves over a blur looks still. */
function addLight({ luma, width, height }: Planes, random: Random): void {
  const radius = Math.min(width, height) * between(random, ...LIGHTS.radius)
  const [centreX, centreY, brightness] = [random() * width, random() * height * 0.8, between(random, ...LIGHTS.luma)]
  for (let y = Math.max(0, Math.floor(centreY - radius)); y < Math.min(height, centreY + radius); y++) {
    for (let x = Math.max(0, Math.floor(centreX - radius)); x < Math.min(width, centreX + radius); x++) {
      const inside = (radius - Math.hypot(x - centreX, y - centreY)) / (radius * 0.25)
      if (inside > 0) luma[y * width + x] = Math.min(235, luma[y * width + x] + brightness * Math.min(1, inside))
    }
  }
}

const FULL_LIGHT = 256

/** The planes of a frame: luma two by two pixels at a time, of the upper row. */
interface Rows { readonly twoByTwo: Uint16Array; readonly blueness: Uint8Array; readonly redness: Uint8Array }
interface Row { readonly columns: Int32Array; readonly start: number; readonly row: number }

/** Most rows are in full light, and cost a third less. */
function copyRow({ twoByTwo, blueness, redness }: Rows, plate: Planes, { columns, start, row }: Row): void {
  for (let x = 0; x < columns.length; x++) {
    const from = start + columns[x]
    twoByTwo[2 * row + x] = plate.luma[from] * 0x101
    blueness[row + x] = plate.blueness[from]
    redness[row + x] = plate.redness[from]
  }
}

function copyDimmed({ twoByTwo, blueness, redness }: Rows, plate: Planes, { columns, start, row, share }: Row & { readonly share: number }): void {
  for (let x = 0; x < columns.length; x++) {
    const from = start + columns[x]
    twoByTwo[2 * row + x] = (16 + (((plate.luma[from] - 16) * share) >> 8)) * 0x101
    blueness[row + x] = 128 + (((plate.blueness[from] - 128) * share + 128) >> 8)
    redness[row + x] = 128 + (((plate.redness[from] - 128) * share + 128) >> 8)
  }
}

class Plate implements Backdrop {
  readonly #planes: Planes
  readonly #way: { readonly isLeftwards: boolean; readonly isNearing: boolean }

  constructor(planes: Planes, way: { readonly isLeftwards: boolean; readonly isNearing: boolean }) {
    this.#planes = planes
    this.#way = way
  }

  draw(frame: I420, progress: number, light: Float32Array): void {
    const { width: rowLength, height: rows } = this.#planes
    const [width, height, data] = [frame.width / 2, frame.height / 2, frame.data]
    const scale = 1 + CAMERA.zoom * (this.#way.isNearing ? 1 - progress : progress)
    const left = (this.#way.isLeftwards ? 1 - progress : progress) * (rowLength - width * scale)
    const top = (rows - height * scale) / 2
    const columns = Int32Array.from({ length: width }, (_, x) => Math.min(rowLength - 1, Math.floor(left + (x + 0.5) * scale)))
    const twoByTwo = new Uint16Array(data.buffer, data.byteOffset, width * height * 2)
    const target = { twoByTwo, blueness: data.subarray(width * height * 4, width * height * 5), redness: data.subarray(width * height * 5) }
    for (let y = 0; y < height; y++) {
      const start = Math.min(rows - 1, Math.floor(top + (y + 0.5) * scale)) * rowLength
      const row = y * width
      const share = Math.round(light[2 * y] * FULL_LIGHT)
      if (share === FULL_LIGHT) copyRow(target, this.#planes, { columns, start, row })
      else copyDimmed(target, this.#planes, { columns, start, row, share })
      twoByTwo.copyWithin(2 * row + width, 2 * row, 2 * row + width)
    }
  }
}
