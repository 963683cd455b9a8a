import type { Random } from './random.ts'

/** A few numbers over a surface. */
export interface Field { readonly width: number; readonly height: number; readonly values: Float32Array }

/** Blurred by a Gaussian of `sigma` cells; beyond the edge lies what is at the edge. */
export function blurField(field: Field, sigma: number): Field {
  const reach = Math.ceil(sigma * 3)
  const weights = Array.from({ length: 2 * reach + 1 }, (_, i) => Math.exp(-0.5 * ((i - reach) / sigma) ** 2))
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return turned(blurredRows(turned(blurredRows(field, weights.map((weight) => weight / sum))), weights.map((weight) => weight / sum)))
}

function blurredRows({ width, height, values }: Field, weights: readonly number[]): Field {
  const reach = weights.length >> 1
  const out = new Float32Array(values.length)
  for (let at = 0; at < values.length; at++) {
    const x = at % width
    for (const [i, weight] of weights.entries()) out[at] += weight * values[at - x + clamp(x + i - reach, width)]
  }
  return { width, height, values: out }
}

const turned = ({ width, height, values }: Field): Field => ({
  width: height, height: width, values: values.map((_, at) => values[(at % height) * width + Math.floor(at / height)]),
})

const clamp = (at: number, count: number): number => Math.max(0, Math.min(count - 1, at))

export interface SpreadOptions { readonly width: number; readonly height: number; readonly random: Random }

/** Blown up without edges (cubic B-spline), and rounded at random: rounded to the nearest, such slow slopes would show steps. */
export function spreadField({ width: cellsAcross, height: cellsDown, values }: Field, { width, height, random }: SpreadOptions): Uint8Array {
  const out = new Uint8Array(width * height)
  const across = tapsOf(width, cellsAcross)
  const rows = Array.from({ length: cellsDown }, (_, row) => Float32Array.from(across, ({ cells: [a, b, c, d], weights: [p, q, r, s] }) => {
    const start = row * cellsAcross
    return values[start + a] * p + values[start + b] * q + values[start + c] * r + values[start + d] * s
  }))
  const noise = Float32Array.from({ length: 4093 }, random)
  for (const [y, { cells, weights }] of tapsOf(height, cellsDown).entries()) {
    const [a, b, c, d] = cells.map((cell) => rows[cell])
    const [forA, forB, forC, forD] = weights
    let next = Math.floor(random() * noise.length)
    for (let x = 0; x < width; x++) {
      out[y * width + x] = a[x] * forA + b[x] * forB + c[x] * forC + d[x] * forD + noise[next] - 0.5
      next = next + 1 === noise.length ? 0 : next + 1
    }
  }
  return out
}

type Four = readonly [number, number, number, number]
interface Taps { readonly cells: Four; readonly weights: Four }

/** The four cells around each of `count` pixels. */
function tapsOf(count: number, cells: number): readonly Taps[] {
  return Array.from({ length: count }, (_, i) => {
    const place = ((i + 0.5) * cells) / count - 0.5
    const cell = Math.floor(place)
    const t = place - cell
    return {
      cells: [clamp(cell - 1, cells), clamp(cell, cells), clamp(cell + 1, cells), clamp(cell + 2, cells)],
      weights: [(1 - t) ** 3 / 6, (3 * t ** 3 - 6 * t ** 2 + 4) / 6, (-3 * t ** 3 + 3 * t ** 2 + 3 * t + 1) / 6, t ** 3 / 6],
    }
  })
}
