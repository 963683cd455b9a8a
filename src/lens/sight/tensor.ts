import { heightOf, widthOf, type Box, type Point } from '../../domain/geometry.ts'
import type { Picture } from '../frame.ts'

type Triple = readonly [number, number, number]

/** How a model wants its pixels: (value - mean) / deviation per channel, channels first. */
export interface PixelScale { readonly mean: Triple; readonly deviation: Triple; readonly order: 'rgb' | 'bgr' }

/** The whole picture, or a region of it in pixels, drawn into `place` of a square; the rest of the square is black. */
export interface Drawing { readonly region: Box; readonly place: Box; readonly size: number; readonly scale: PixelScale }

export const wholeOf = ({ width, height }: Picture): Box => [0, 0, width, height]

/** Draws a picture as the input of a model, `[3, size, size]` floats, over whatever is in it. */
export function drawTensor(tensor: Float32Array, picture: Picture, { region, place, size, scale }: Drawing): void {
  const area = size * size
  const isReversed = scale.order === 'bgr'
  for (let channel = 0; channel < 3; channel++) tensor.fill(-scale.mean[channel] / scale.deviation[channel], channel * area, (channel + 1) * area)
  draw(picture, region, {
    data: tensor, start: place[1] * size + place[0], width: widthOf(place), height: heightOf(place), pixel: 1, row: size,
    channels: isReversed ? [2 * area, area, 0] : [0, area, 2 * area],
    mean: isReversed ? reversed(scale.mean) : scale.mean, deviation: isReversed ? reversed(scale.deviation) : scale.deviation,
  })
}

const reversed = ([a, b, c]: Triple): Triple => [c, b, a]

/** Where a region lies in a square so that it keeps its shape, and how to get from the square back to the picture. */
export function letterbox(region: Box, size: number, align: 'centre' | 'start'): { readonly place: Box; readonly toPicture: (x: number, y: number) => Point } {
  const [width, height] = [widthOf(region), heightOf(region)]
  const ratio = size / Math.max(width, height)
  const [shownWidth, shownHeight] = [width, height].map((side) => Math.max(1, Math.round(side * ratio)))
  const left = align === 'centre' ? (size - shownWidth) >> 1 : 0
  const top = align === 'centre' ? (size - shownHeight) >> 1 : 0
  return {
    place: [left, top, left + shownWidth, top + shownHeight],
    toPicture: (x, y) => [region[0] + ((x - left) * width) / shownWidth, region[1] + ((y - top) * height) / shownHeight],
  }
}

/** A region of a picture at another size, RGB floats 0..255. */
export function resize(picture: Picture, region: Box, { width, height }: { readonly width: number; readonly height: number }): Float32Array {
  const data = new Float32Array(width * height * 3)
  draw(picture, region, { data, start: 0, width, height, pixel: 3, row: width * 3, channels: [0, 1, 2], mean: [0, 0, 0], deviation: [1, 1, 1] })
  return data
}

/** Where pixels go: `pixel` and `row` are steps in `data`, `channels` the places of red, green and blue beside the pixel's. */
interface Canvas {
  readonly data: Float32Array
  readonly start: number
  readonly width: number
  readonly height: number
  readonly pixel: number
  readonly row: number
  readonly channels: Triple
  readonly mean: Triple
  readonly deviation: Triple
}

/**
 * Averaged where the region shrinks, bilinear where it grows. In JavaScript because handing raw pixels to a picture
 * library and back costs more than this does.
 */
function draw(picture: Picture, region: Box, canvas: Canvas): void {
  const [left, top, right, bottom] = region.map(Math.round)
  const isShrinking = right - left >= canvas.width && bottom - top >= canvas.height
  if (isShrinking) shrink(picture, [left, top, right, bottom], canvas)
  else stretch(picture, [left, top, right, bottom], canvas)
}

function shrink({ width: rowLength, data }: Picture, [left, top, right, bottom]: Box, canvas: Canvas): void {
  const { width, height } = canvas
  const columns = Int32Array.from({ length: width + 1 }, (_, x) => (left + Math.floor((x * (right - left)) / width)) * 3)
  for (let y = 0; y < height; y++) {
    const firstRow = top + Math.floor((y * (bottom - top)) / height)
    const lastRow = top + Math.floor(((y + 1) * (bottom - top)) / height)
    for (let x = 0; x < width; x++) {
      let red = 0
      let green = 0
      let blue = 0
      for (let row = firstRow; row < lastRow; row++) {
        const end = row * rowLength * 3 + columns[x + 1]
        for (let at = row * rowLength * 3 + columns[x]; at < end; at += 3) {
          red += data[at]
          green += data[at + 1]
          blue += data[at + 2]
        }
      }
      const count = ((lastRow - firstRow) * (columns[x + 1] - columns[x])) / 3
      put(canvas, canvas.start + y * canvas.row + x * canvas.pixel, red / count, green / count, blue / count)
    }
  }
}

function stretch(picture: Picture, [left, top, right, bottom]: Box, canvas: Canvas): void {
  const { width, height } = canvas
  const [stepX, stepY] = [(right - left) / width, (bottom - top) / height]
  const colour = new Float32Array(3)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      colour.fill(0)
      addBilinear(picture, left + (x + 0.5) * stepX - 0.5, top + (y + 0.5) * stepY - 0.5, colour)
      put(canvas, canvas.start + y * canvas.row + x * canvas.pixel, colour[0], colour[1], colour[2])
    }
  }
}

// oxlint-disable-next-line max-params -- an object here costs more than the pixel
function put({ data, channels, mean, deviation }: Canvas, at: number, red: number, green: number, blue: number): void {
  data[at + channels[0]] = (red - mean[0]) / deviation[0]
  data[at + channels[1]] = (green - mean[1]) / deviation[1]
  data[at + channels[2]] = (blue - mean[2]) / deviation[2]
}

/** Adds the colour at a point between pixels; outside the picture its border goes on. */
export function addBilinear({ width, height, data }: Picture, x: number, y: number, sum: Float32Array): void {
  const inX = Math.max(0, Math.min(width - 1, x))
  const inY = Math.max(0, Math.min(height - 1, y))
  const [column, row] = [Math.floor(inX), Math.floor(inY)]
  const [right, down] = [inX - column, inY - row]
  const upper = (row * width + column) * 3
  const nextColumn = column < width - 1 ? 3 : 0
  const lower = upper + (row < height - 1 ? width * 3 : 0)
  for (let channel = 0; channel < 3; channel++) {
    const above = data[upper + channel] * (1 - right) + data[upper + nextColumn + channel] * right
    const below = data[lower + channel] * (1 - right) + data[lower + nextColumn + channel] * right
    sum[channel] += above * (1 - down) + below * down
  }
}
