import { FIGURE_VECTOR, THRESHOLDS } from '../../../models/table.ts'
import { areaOf, overlap, scaled, type Box } from '../../domain/geometry.ts'
import type { ByteSource } from '../../runtime/byte-source.ts'
import type { Frame } from '../frame.ts'
import { modelVector, type Models } from '../models.ts'
import type { Calls } from '../protocol.ts'
import { detectFaces, detectSmallFaces } from '../sight/faces.ts'
import { lookForShape, lookForThings, verifyFaces } from '../sight/looks.ts'
import { embedFigure, figureInBox, figureOfFile } from './figure.ts'
import { openProduced } from './produced-video.ts'

type Asked = Calls['witness']['asks']
type Answer = Calls['witness']['answers']
type Sighting = Answer['frames'][number]['sightings'][number]

const LONG_SIDE = 960
/** A figure takes 80 ms, and a frame has several. */
const FRAMES = { faces: 24, figures: 12 } as const
const MOST_FACES = 8
const MOST_FIGURES = 5
/** Boxes that overlap by more show the same. */
const SAME_PLACE = 0.5

/** What can be compared with a cast, over the whole of a produced video, and the cast's own figures likewise. Rejects with `media_*`. */
export async function witness(source: ByteSource, models: Models, { wantsFaces, figures }: Asked): Promise<Answer> {
  using video = await openProduced(source)
  const known: Answer['figures'][number][] = []
  for (const figure of figures) known.push(await embedFigure(models, await figureOfFile(models, figure)))
  const wantsFigures = figures.length > 0
  const frames: Answer['frames'][number][] = []
  for await (const frame of video.frames({ count: wantsFigures ? FRAMES.figures : FRAMES.faces, longSide: LONG_SIDE })) {
    const faces = wantsFaces ? await facesIn(models, frame) : []
    const seen = wantsFigures ? await figuresIn(models, frame) : []
    frames.push({ seconds: frame.seconds, sightings: [...faces, ...seen] })
  }
  return { figures: known, frames }
}

async function facesIn(models: Models, frame: Frame): Promise<readonly Sighting[]> {
  const { wholeFrame, tile } = THRESHOLDS.blazeface
  const large = await verifyFaces(models, frame, await detectFaces(models, frame, wholeFrame))
  const faces = large.length > 0 ? large : await verifyFaces(models, frame, await detectSmallFaces(models, frame, tile))
  return faces.toSorted((a, b) => areaOf(b.box) - areaOf(a.box)).slice(0, MOST_FACES).map(({ box, identity }) => ({ model: modelVector('dlib-face'), box, values: identity }))
}

/** The foreground, and whatever has a name: a face in the frame hides neither. */
async function figuresIn(models: Models, frame: Frame): Promise<readonly Sighting[]> {
  const sightings: Sighting[] = []
  for (const box of await placesIn(models, frame)) {
    const values = await embedFigure(models, await figureInBox(models, frame, scaled(box, frame.width, frame.height)))
    if (values) sightings.push({ model: FIGURE_VECTOR.id, box, values })
  }
  return sightings
}

async function placesIn(models: Models, frame: Frame): Promise<readonly Box[]> {
  const shapes = await lookForShape(models, frame)
  const things = await lookForThings(models, frame, { faces: [], leastScore: THRESHOLDS.nanodet.faint })
  const places: Box[] = []
  for (const { box } of [...shapes, ...things]) if (places.every((other) => overlap(other, box) < SAME_PLACE)) places.push(box)
  return places.slice(0, MOST_FIGURES)
}
