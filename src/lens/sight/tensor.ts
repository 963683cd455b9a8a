import { heightOf, widthOf, type Box, type Point } from '../../domain/geometry.ts'
import type { Picture } from '../frame.ts'

type Triple = readonly [number, number, number]

/** How a model wants its pixels: (value - mean) / deviation per channel, channels first. */
export interface PixelScale { readonly mean: Triple; readonly deviation: Triple; readonly order: 'rgb' | 'bgr' }

/** The whole picture, or a region of it in pixels, drawn into `place` of a square; the rest of the square is black. */
export interface Drawing { readonly region: Box; readonly place: Box; readonly size: number; readonly scale: PixelScale }

export const wholeOf = ({ width, height }: Picture): Box => [0, 0, width, height]

/** A picture as the input of a model: `[3, size, size]` floats. */
export function toTensor(picture: Picture, { region, place, size, scale }: Drawing): Float32Array {
  const [width, height] = [widthOf(place), heightOf(place)]
  const pixels = resize(picture, region, { width, height })
  const area = size * size
  const tensor = new Float32Array(3 * area)
  for (let channel = 0; channel < 3; channel++) {
    const target = channel * area
    const source = scale.order === 'bgr' ? 2 - channel : channel
    const [mean, deviation] = [scale.mean[channel], scale.deviation[channel]]
    tensor.fill(-mean / deviation, target, target + area)
    for (let y = 0; y < height; y++) {
      let to = target + (y + place[1]) * size + place[0]
      for (let x = 0, from = y * width * 3 + source; x < width; x++, from += 3) tensor[to++] = (pixels[from] - mean) / deviation
    }
  }
  return tensor
}

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

/**
 * A region of a picture at another size, RGB floats 0..255: averaged when it shrinks, bilinear when it grows.
 * In JavaScript because handing raw pixels to a picture library and back costs more than this does.
 */
export function resize(picture: Picture, region: Box, { width, height }: { readonly width: number; readonly height: number }): Float32Array {
  const [left, top, right, bottom] = region.map(Math.round)
  const isShrinking = right - left >= width && bottom - top >= height
  return isShrinking ? shrink(picture, [left, top, right, bottom], width, height) : stretch(picture, [left, top, right, bottom], width, height)
}

function shrink({ width: rowLength, data }: Picture, [left, top, right, bottom]: Box, width: number, height: number): Float32Array {
  const out = new Float32Array(width * height * 3)
  const columns = Int32Array.from({ length: width + 1 }, (_, x) => left + Math.floor((x * (right - left)) / width))
  for (let y = 0, to = 0; y < height; y++) {
    const firstRow = top + Math.floor((y * (bottom - top)) / height)
    const lastRow = top + Math.floor(((y + 1) * (bottom - top)) / height)
    for (let x = 0; x < width; x++, to += 3) {
      let [red, green, blue] = [0, 0, 0]
      for (let row = firstRow; row < lastRow; row++) {
        const end = (row * rowLength + columns[x + 1]) * 3
        for (let at = (row * rowLength + columns[x]) * 3; at < end; at += 3) {
          red += data[at]
          green += data[at + 1]
          blue += data[at + 2]
        }
      }
      const count = (lastRow - firstRow) * (columns[x + 1] - columns[x])
      out[to] = red / count
      out[to + 1] = green / count
      out[to + 2] = blue / count
    }
  }
  return out
}

function stretch(picture: Picture, [left, top, right, bottom]: Box, width: number, height: number): Float32Array {
  const out = new Float32Array(width * height * 3)
  const [stepX, stepY] = [(right - left) / width, (bottom - top) / height]
  for (let y = 0, to = 0; y < height; y++) {
    for (let x = 0; x < width; x++, to += 3) addBilinear(picture, left + (x + 0.5) * stepX - 0.5, top + (y + 0.5) * stepY - 0.5, out, to)
  }
  return out
}

/** Adds the colour at a point between pixels; outside the picture its border goes on. */
export function addBilinear({ width, height, data }: Picture, x: number, y: number, sum: Float32Array, at: number): void {
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
    sum[at + channel] += above * (1 - down) + below * down
  }
}
