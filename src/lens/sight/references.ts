import type { Frame } from '../frame.ts'
import { scaled } from '../../domain/geometry.ts'
import { FRAMINGS, squareAround } from './crop.ts'
import type { Judged } from './quality.ts'
import { resize } from './tensor.ts'

const COUNT = { least: 3, most: 8 }
/** Mean difference of two small pictures, 0..1, below which the second shows nothing new. */
const LEAST_DIFFERENCE = 0.05
const LOOK_SIDE = 16

/**
 * The best sighting, then always the good one that looks least like those chosen: three to eight, as far as there are
 * good ones. Compared as small pictures: NanoDet's vectors told no more and cost 50 ms each.
 */
export function chooseReferences(judged: readonly Judged[], frames: ReadonlyMap<number, Frame>): readonly Judged[] {
  const ordered = judged.toSorted((a, b) => b.quality - a.quality)
  const good = ordered.filter(({ quality }, i) => i < COUNT.least || quality >= ordered[0].quality / 2)
  const looks = new Map(good.map((candidate) => [candidate, smallPicture(candidate, frames)]))
  const difference = (a: Judged, b: Judged): number => meanDifference(looks.get(a), looks.get(b))
  const chosen = [ordered[0]]
  const rest = new Set(good.slice(1))
  while (rest.size > 0 && chosen.length < COUNT.most) {
    const news = [...rest].map((candidate) => ({ candidate, difference: Math.min(...chosen.map((other) => difference(candidate, other))) }))
    const newest = news.reduce((most, next) => (next.difference > most.difference ? next : most))
    if (chosen.length >= COUNT.least && newest.difference < LEAST_DIFFERENCE) break
    chosen.push(newest.candidate)
    rest.delete(newest.candidate)
  }
  return chosen
}

function smallPicture({ sighting }: Judged, frames: ReadonlyMap<number, Frame>): Float32Array | undefined {
  const frame = frames.get(sighting.seconds)
  if (!frame) return undefined
  const framing = sighting.what === 'face' ? FRAMINGS.face : FRAMINGS.whole
  const square = squareAround(scaled(sighting.box, frame.width, frame.height), framing, frame)
  return resize(frame, square, { width: LOOK_SIDE, height: LOOK_SIDE })
}

function meanDifference(a: Float32Array | undefined, b: Float32Array | undefined): number {
  if (!a || !b) return 0
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i] - b[i])
  return sum / a.length / 255
}
