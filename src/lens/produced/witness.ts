import { THRESHOLDS } from '../../../models/table.ts'
import { areaOf, overlap, scaled, type Box } from '../../domain/geometry.ts'
import type { ByteSource } from '../../runtime/byte-source.ts'
import type { Frame } from '../frame.ts'
import { modelVector, type Models } from '../models.ts'
import type { Calls } from '../protocol.ts'
import { FRAMINGS, squareAround } from '../sight/crop.ts'
import { detectFaces, detectSmallFaces } from '../sight/faces.ts'
import { embedLook } from '../sight/identity.ts'
import { lookForShape, lookForThings, verifyFaces } from '../sight/looks.ts'
import { openProduced } from './produced-video.ts'

type Witnessed = Calls['witness']['answers']['frames'][number]
type Sighting = Witnessed['sightings'][number]

const LONG_SIDE = 960
/** A vector of looks takes 50 ms, and a frame has several. */
const FRAMES = { faces: 24, looks: 12 } as const
const MOST_FACES = 8
const MOST_LOOKS = 5
const SAME_PLACE = 0.5

/** What can be compared with vectors of these models, over the whole of a produced video. Rejects with `media_*`. */
export async function witness(source: ByteSource, models: Models, asked: readonly string[]): Promise<Calls['witness']['answers']> {
  using video = await openProduced(source)
  const wantsLooks = asked.includes(modelVector('nanodet'))
  const wantsFaces = asked.includes(modelVector('dlib-face'))
  const frames: Witnessed[] = []
  for await (const frame of video.frames({ count: wantsLooks ? FRAMES.looks : FRAMES.faces, longSide: LONG_SIDE })) {
    const faces = wantsFaces ? await witnessFaces(models, frame) : []
    const looks = wantsLooks ? await witnessLooks(models, frame) : []
    frames.push({ seconds: frame.seconds, sightings: [...faces, ...looks] })
  }
  return { frames }
}

async function witnessFaces(models: Models, frame: Frame): Promise<readonly Sighting[]> {
  const { wholeFrame, tile } = THRESHOLDS.blazeface
  const large = await verifyFaces(models, frame, await detectFaces(models, frame, wholeFrame))
  const faces = large.length > 0 ? large : await verifyFaces(models, frame, await detectSmallFaces(models, frame, tile))
  return faces.toSorted((a, b) => areaOf(b.box) - areaOf(a.box)).slice(0, MOST_FACES).map(({ box, identity }) => ({ model: modelVector('dlib-face'), box, values: identity }))
}

/** Things with names, the foreground, and places where something could be that has no name. */
async function witnessLooks(models: Models, frame: Frame): Promise<readonly Sighting[]> {
  const things = await lookForThings(models, frame, { faces: [], leastScore: THRESHOLDS.nanodet.faint })
  const shapes = await lookForShape(models, frame)
  const boxes: Box[] = []
  for (const { box } of [...shapes, ...things]) if (boxes.length < MOST_LOOKS && boxes.every((other) => overlap(other, box) < SAME_PLACE)) boxes.push(box)
  const sightings: Sighting[] = []
  for (const box of boxes) {
    const square = squareAround(scaled(box, frame.width, frame.height), FRAMINGS.whole, frame)
    sightings.push({ model: modelVector('nanodet'), box, values: await embedLook(models, frame, square) })
  }
  return sightings
}
