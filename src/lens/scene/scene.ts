import type { I420 } from '../media/i420.ts'
import type { Calls } from '../protocol.ts'
import { makeBackdrop, type Backdrop } from './backdrop.ts'
import { makeCaption, type Placed } from './caption.ts'
import { makeFigure, type Figure } from './figure.ts'
import { layOver } from './layer.ts'
import { placesFor, type Place } from './layout.ts'
import { makeMark } from './mark.ts'
import { between, randomFrom } from './random.ts'
import { openWriter } from './writer.ts'

export const FRAMES_PER_SECOND = 24

/** Of the frame's shorter side. */
const MARGIN = 0.04
/** Figures rise and sink by this share of the frame's height, and move across by this share of its width: nearer things move more than the wall. */
const BOB = 0.009
const DRIFT = 0.008
const BOB_SECONDS = [2.6, 3.8] as const

interface Actor {
  readonly figure: Figure
  readonly place: Place
  readonly bob: { readonly pixels: number; readonly seconds: number; readonly phase: number }
}

/** Everything that is seen, at rest. */
export interface Scene {
  readonly backdrop: Backdrop
  /** Of the backdrop, for each row. */
  readonly light: Float32Array
  readonly actors: readonly Actor[]
  /** Over everything else: the caption, and the mark. */
  readonly writing: readonly Placed[]
  /** Pixels over the whole length. */
  readonly drift: number
}

/** `folder` has the font. Rejects with `media_corrupt`, `media_too_large`. */
export async function makeScene({ width, height, cast, backdrops, caption, language, seed }: Calls['stage']['asks'], folder: string): Promise<Scene> {
  const size = { width, height }
  const random = randomFrom(seed)
  const writer = await openWriter(folder)
  const mark = await makeMark(language, size, writer)
  const { light, text, free } = await makeCaption(caption, size, writer)
  const [margin, drift] = [MARGIN * Math.min(width, height), DRIFT * width]
  const area = { left: margin + drift, right: width - margin - drift, top: mark.bottom + BOB * height, bottom: free }
  const places = placesFor(cast.length, area, random)
  const bobs = places.map(() => ({ pixels: BOB * height, seconds: between(random, ...BOB_SECONDS), phase: random() }))
  const isLeftwards = random() < 0.5
  // All at once: much of it is the work of another thread. Only one of them may draw from the same random numbers.
  const [backdrop, ...figures] = await Promise.all([makeBackdrop(backdrops, size, random), ...places.map((place, i) => makeFigure(cast[i], place))])
  const actors = figures.map((figure, i) => ({ figure, place: places[i], bob: bobs[i] }))
  return { backdrop, light, actors, writing: [...(text ? [text] : []), ...mark.parts], drift: isLeftwards ? -drift : drift }
}

/** The picture at this time, where the whole takes `length` seconds; it fills the frame. */
export function drawScene(frame: I420, { backdrop, light, actors, writing, drift }: Scene, { seconds, length }: { readonly seconds: number; readonly length: number }): void {
  const progress = seconds / length
  backdrop.draw(frame, progress, light)
  for (const { figure, place, bob } of actors) {
    const raised = bob.pixels * (0.5 + 0.5 * Math.sin(2 * Math.PI * (seconds / bob.seconds + bob.phase)))
    const left = place.centre - figure.width / 2 + drift * (2 * progress - 1)
    layOver(frame, figure.layer, { left: left - figure.margin, top: place.base - figure.height - raised - figure.margin })
  }
  for (const { layer, left, top } of writing) layOver(frame, layer, { left, top })
}
