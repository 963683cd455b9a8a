import { THRESHOLDS } from '../../../models/table.ts'
import { areaOf, centreOf, clampedTo, heightOf, scaled, widthOf, type Box } from '../../domain/geometry.ts'
import type { Frame, Picture } from '../frame.ts'
import type { Models } from '../models.ts'
import { measureFace } from './face-measure.ts'
import type { Face } from './faces.ts'
import { measureFocus } from './focus.ts'
import { embedFace } from './identity.ts'
import { MASK_SIDE, partsOf, segment } from './mask.ts'
import type { SeenFace, SeenShape, SeenThing } from './sighting.ts'
import { skinAround } from './skin.ts'
import { wholeOf } from './tensor.ts'
import { detectThings, type Thing } from './things.ts'

/**
 * A face counts when BlazeFace and FaceMesh agree. Kept 50 of 52 real faces, 23 of 23 television stills, 14 of 15 rendered
 * and 21 of 24 animated ones; of 20 pictures without a person one was false, a squirrel.
 */
const isVerified = (score: number, isFace: number): boolean => (
  isFace > THRESHOLDS.facemesh.face || (score > THRESHOLDS.blazeface.sure && isFace > THRESHOLDS.facemesh.faceWhenSure)
)
/** A table under a toy, a bed under a cat: things that fill more of the frame than this are the ground. */
const MOST_OF_FRAME = 0.6
const ANIMALS: ReadonlySet<string> = new Set(['bird', 'cat', 'dog', 'horse', 'sheep', 'cow', 'elephant', 'bear', 'zebra', 'giraffe'])
export const isAnimalName = (name: string): boolean => ANIMALS.has(name)

/** Those of the faces that are faces. */
export async function verifyFaces(models: Models, frame: Frame, faces: readonly Face[]): Promise<readonly SeenFace[]> {
  const seen: SeenFace[] = []
  for (const face of faces) {
    const { isFace, ...look } = await measureFace(models, frame, face)
    if (!isVerified(face.score, isFace)) continue
    seen.push({
      what: 'face', ...placed(frame, face), ...measureFocus(frame, eyesOf(face.box)), ...look,
      points: face.points.map(([x, y]) => [x / frame.width, y / frame.height]),
      skinAround: skinAround(frame, face.box),
      identity: await embedFace(models, frame, face),
    })
  }
  return seen
}

/** The part of a face that hands come before least: brows and eyes. */
const eyesOf = ([left, top, right, bottom]: Box): Box => [left, top, right, top + 0.55 * (bottom - top)]

/** What NanoDet has names for, without the ground. `faces` are the frame's unverified ones. */
export async function lookForThings(models: Models, frame: Frame, { faces, leastScore }: { readonly faces: readonly Face[]; readonly leastScore: number }): Promise<readonly SeenThing[]> {
  const things = await detectThings(models, frame, leastScore)
  return things.filter((thing) => !isGround(thing, frame)).map((thing) => ({
    what: 'thing', ...placed(frame, thing), name: thing.name, hasHead: faces.some((face) => isHeadOf(face.box, thing.box)),
  }))
}

const isGround = ({ name, box }: Thing, { width, height }: Picture): boolean => (
  name !== 'person' && !isAnimalName(name) && areaOf(box) > MOST_OF_FRAME * width * height
)

/** Somebody's head is in the middle of the top third and much narrower than the body it stands on is high. */
function isHeadOf(face: Box, body: Box): boolean {
  const [x, y] = centreOf(face)
  const isOnTop = y < body[1] + heightOf(body) / 3 && x > body[0] && x < body[2]
  return isOnTop && heightOf(face) < heightOf(body) / 2 && widthOf(face) < widthOf(body)
}

const SHAPE = {
  /** Of the frame: less is scraps, more is the scene. */
  coverage: { least: 0.02, most: 0.8 },
  /** Of the mask: one piece. */
  largestPart: 0.9,
  /** Undecided pixels for one decided: a test pattern gave 1 and more, toys that it found 0.1-0.9. */
  undecided: 0.8,
}

/** What the mask takes for a foreground, if that is one clear shape that stands free of the frame's sides and top. */
export async function lookForShape(models: Models, frame: Frame): Promise<readonly SeenShape[]> {
  const mask = await segment(models, frame, wholeOf(frame))
  const parts = partsOf(mask)
  if (parts.length === 0) return []
  const pixels = parts.reduce((sum, part) => sum + part.pixels, 0)
  const undecided = mask.reduce((count, value) => count + (value > THRESHOLDS.selfie.surelyNot && value < THRESHOLDS.selfie.surely ? 1 : 0), 0)
  const coverage = pixels / MASK_SIDE ** 2
  const [largest] = parts
  const isOneShape = largest.pixels > SHAPE.largestPart * pixels && undecided < SHAPE.undecided * pixels
  const [left, top, right] = largest.box
  const isFree = left > 0 && top > 0 && right < 1
  if (coverage < SHAPE.coverage.least || coverage > SHAPE.coverage.most || !isOneShape || !isFree) return []
  return [{ what: 'shape', ...placed(frame, { box: scaled(largest.box, frame.width, frame.height), score: coverage }) }]
}

function placed(frame: Frame, { box, score }: { readonly box: Box; readonly score: number }): Omit<SeenShape, 'what'> {
  const { width, height, seconds } = frame
  return { seconds, box: clampedTo(scaled(box, 1 / width, 1 / height), 1, 1), score: Math.min(1, score), ...measureFocus(frame, box) }
}

