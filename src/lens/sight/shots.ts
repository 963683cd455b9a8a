import { AppError } from '../../domain/errors.ts'
import { clampedTo, heightOf, scaled, widthOf, type Box } from '../../domain/geometry.ts'
import type { Picture, WindowPictures } from '../frame.ts'
import { cropped, squareAround } from './crop.ts'
import type { Judged } from './quality.ts'
import { framingOf } from './subjects.ts'

/** One full-size picture of a subject: the square around it. Boxes in fractions of the upright frame. */
export interface Shot {
  readonly judged: Judged
  readonly picture: Picture
  readonly crop: Box
  /** Of the upright frame, in pixels. */
  readonly frame: { readonly width: number; readonly height: number }
}

/** The sightings cut out of their full-size frames, in one pass over the window, in the order given. */
export async function takeShots(sightings: readonly Judged[], pictures: WindowPictures): Promise<readonly Shot[]> {
  const shots = new Map<Judged, Shot>()
  for await (const frame of pictures.framesAt(sightings.map(({ sighting }) => sighting.seconds))) {
    const judged = sightings.find(({ sighting }) => sighting.seconds === frame.seconds)
    if (!judged) continue
    const { width, height } = frame
    const square = squareAround(scaled(judged.sighting.box, width, height), framingOf(judged.sighting), frame)
    shots.set(judged, { judged, picture: cropped(frame, square), crop: scaled(square, 1 / width, 1 / height), frame: { width, height } })
  }
  const taken = sightings.flatMap((judged) => shots.get(judged) ?? [])
  if (taken.length === 0) throw new AppError('media_corrupt')
  return taken
}

/** A box of the frame in fractions of a crop of it. */
export const boxWithin = ([left, top, right, bottom]: Box, crop: Box): Box => {
  const [width, height] = [widthOf(crop), heightOf(crop)]
  return clampedTo([(left - crop[0]) / width, (top - crop[1]) / height, (right - crop[0]) / width, (bottom - crop[1]) / height], 1, 1)
}
