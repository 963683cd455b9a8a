import { FIGURE_VECTOR, THRESHOLDS } from '../../../models/table.ts'
import { areaOf, overlap, scaled, type Box } from '../../domain/geometry.ts'
import { cosine } from '../../domain/vector.ts'
import type { ByteSource } from '../../runtime/byte-source.ts'
import type { Frame } from '../frame.ts'
import { modelVector, type Models } from '../models.ts'
import type { Calls } from '../protocol.ts'
import { detectFaces, detectSmallFaces } from '../sight/faces.ts'
import { lookForShape, lookForThings, verifyFaces } from '../sight/looks.ts'
import { embedFigure, figureInBox, figureOfFile, type Figure } from './figure.ts'
import { openProduced } from './produced-video.ts'

type Asked = Calls['witness']['asks']
type Answer = Calls['witness']['answers']
type Sighting = Answer['frames'][number]['sightings'][number]

const LONG_SIDE = 960
/** A figure takes 100 ms, and a frame has several. */
const FRAMES = { faces: 24, figures: 10 } as const
const MOST_FACES = 8
const MOST_FIGURES = 5
/** Boxes that overlap by more show the same. */
const SAME_PLACE = 0.5
/** Colours are half of a figure's vector: where they alone are this far apart it is another one whatever it looks like, and that half is saved. */
const COLOURS_APART = 2 * THRESHOLDS.nanodet.differentFigure

/** What can be compared with a cast, over the whole of a produced video, and the cast's own figures likewise. Rejects with `media_*`. */
export async function witness(source: ByteSource, models: Models, { wantsFaces, figures }: Asked): Promise<Answer> {
  using video = await openProduced(source)
  const known: Figure[] = []
  for (const figure of figures) known.push(await figureOfFile(models, figure))
  const wantsFigures = figures.length > 0
  const frames: Answer['frames'][number][] = []
  for await (const frame of video.frames({ count: wantsFigures ? FRAMES.figures : FRAMES.faces, longSide: LONG_SIDE })) {
    const faces = wantsFaces ? await facesIn(models, frame) : []
    const seen = wantsFigures ? await figuresIn(models, frame, known) : []
    frames.push({ seconds: frame.seconds, sightings: [...faces, ...seen] })
  }
  const vectors: Answer['figures'][number][] = []
  for (const figure of known) vectors.push(await embedFigure(models, figure))
  return { figures: vectors, frames }
}

async function facesIn(models: Models, frame: Frame): Promise<readonly Sighting[]> {
  const { wholeFrame, tile } = THRESHOLDS.blazeface
  const large = await verifyFaces(models, frame, await detectFaces(models, frame, wholeFrame))
  const faces = large.length > 0 ? large : await verifyFaces(models, frame, await detectSmallFaces(models, frame, tile))
  return faces.toSorted((a, b) => areaOf(b.box) - areaOf(a.box)).slice(0, MOST_FACES).map(({ box, identity }) => ({ model: modelVector('dlib-face'), box, values: identity }))
}

/** The foreground, and whatever has a name, as far as it has the colours of one of the known: a face in the frame hides neither. */
async function figuresIn(models: Models, frame: Frame, known: readonly Figure[]): Promise<readonly Sighting[]> {
  const isPossible = (figure: Figure): boolean => known.some(({ colours }) => 1 - cosine(colours, figure.colours) < COLOURS_APART)
  const sightings: Sighting[] = []
  for (const box of await placesIn(models, frame)) {
    const figure = await figureInBox(models, frame, scaled(box, frame.width, frame.height), isPossible)
    const values = figure && isPossible(figure) ? await embedFigure(models, figure) : null
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
