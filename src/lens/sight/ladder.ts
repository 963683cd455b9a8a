import { THRESHOLDS } from '../../../models/table.ts'
import type { Rung } from '../../domain/character.ts'
import type { Frame } from '../frame.ts'
import type { Models } from '../models.ts'
import { detectFaces, detectSmallFaces, type Face } from './faces.ts'
import { lookForShape, lookForThings, verifyFaces } from './looks.ts'
import type { Seen } from './sighting.ts'
import { byIdentity, byPlace, createTracker, type Track } from './tracks.ts'

/** What stays in view, and on which rung of the ladder it was found. */
export interface Found {
  readonly rung: Rung
  readonly tracks: readonly Track[]
  /** How many frames were looked at for it. */
  readonly looked: number
}

const LEAST_SCORE = { face: THRESHOLDS.blazeface.wholeFrame, faceInTile: THRESHOLDS.blazeface.tile, thing: THRESHOLDS.nanodet.thing, faintThing: THRESHOLDS.nanodet.faint }
/** Share of the frames looked at. A rocket was twice taken for a face in 12 frames; a real subject stays. */
const LEAST_PRESENCE = 0.3
/** Faint things must stay longer: toys were there for 0.69 and more, clouds taken for a person for 0.56. */
const LEAST_PRESENCE_IF_FAINT = 0.6
/** The tiles are the dear part: so many frames are tried before the others. */
const FRAMES_TRIED = 4

/**
 * Climbs the ladder over the frames as they are decoded: faces on the whole frame, small faces, things with names, faint
 * things, a clear foreground; each rung only when the one above found nothing that lasts. `found` is null when none did.
 */
export async function climb(models: Models, stream: AsyncIterable<Frame>): Promise<{ readonly frames: readonly Frame[]; readonly found: Found | null }> {
  const frames: Frame[] = []
  const candidates = new Map<Frame, readonly Face[]>()
  const faces = createTracker(byIdentity)
  for await (const frame of stream) {
    const detected = await detectFaces(models, frame, LEAST_SCORE.face)
    faces.add(await verifyFaces(models, frame, detected))
    candidates.set(frame, detected)
    frames.push(frame)
  }
  const found = lasting('faces', faces.tracks, frames.length)
    ?? await findSmallFaces(models, frames)
    ?? await findThings(models, frames, candidates)
    ?? await findShape(models, frames)
  return { frames, found }
}

async function findSmallFaces(models: Models, frames: readonly Frame[]): Promise<Found | null> {
  const looked = everySecond(frames)
  const look = once(async (frame: Frame) => verifyFaces(models, frame, await detectSmallFaces(models, frame, LEAST_SCORE.faceInTile)))
  const step = Math.max(1, Math.floor(looked.length / FRAMES_TRIED))
  let hasFace = false
  for (const frame of looked.filter((_, i) => i % step === 0)) hasFace ||= (await look(frame)).length > 0
  if (!hasFace) return null
  const { add, tracks } = createTracker(byIdentity)
  for (const frame of looked) add(await look(frame))
  return lasting('small faces', tracks, looked.length)
}

async function findThings(models: Models, frames: readonly Frame[], candidates: ReadonlyMap<Frame, readonly Face[]>): Promise<Found | null> {
  const look = once((frame: Frame) => lookForThings(models, frame, { faces: candidates.get(frame) ?? [], leastScore: LEAST_SCORE.faintThing }))
  // Every second frame is enough for what is large or slow; what is not is found in all of them.
  for (const looked of [everySecond(frames), frames]) {
    const { add, tracks } = createTracker(byPlace)
    for (const frame of looked) add(await look(frame))
    const isPlain = (track: Track): boolean => track.filter(({ score }) => score >= LEAST_SCORE.thing).length >= LEAST_PRESENCE * looked.length
    const found = lasting('things', tracks.filter(isPlain), looked.length) ?? lasting('faint things', tracks, looked.length, LEAST_PRESENCE_IF_FAINT)
    if (found) return found
  }
  return null
}

async function findShape(models: Models, frames: readonly Frame[]): Promise<Found | null> {
  const looked = everySecond(frames)
  const { add, tracks } = createTracker(byPlace)
  for (const frame of looked) add(await lookForShape(models, frame))
  return lasting('salient', tracks, looked.length)
}

function lasting(rung: Rung, tracks: readonly Track[], looked: number, leastPresence = LEAST_PRESENCE): Found | null {
  const stays = tracks.filter((track) => track.length >= leastPresence * looked)
  return stays.length ? { rung, tracks: stays, looked } : null
}

const everySecond = (frames: readonly Frame[]): readonly Frame[] => frames.filter((_, i) => i % 2 === 0)

/** Looks at a frame once, however often it is asked. */
function once<S extends Seen>(look: (frame: Frame) => Promise<readonly S[]>): (frame: Frame) => Promise<readonly S[]> {
  const seen = new Map<Frame, readonly S[]>()
  return async (frame) => {
    const known = seen.get(frame) ?? await look(frame)
    seen.set(frame, known)
    return known
  }
}
