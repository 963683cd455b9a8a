import type { Quality } from '../../domain/character.ts'
import { areaOf, heightOf, widthOf } from '../../domain/geometry.ts'
import { distance, mean } from '../../domain/vector.ts'
import type { Seen, SeenFace } from './sighting.ts'
import { SAME_FACE, type Track } from './tracks.ts'

/** A sighting, and how good a portrait it would make beside the others of its track, 0..1. */
export interface Judged { readonly sighting: Seen; readonly quality: number; readonly reasons: readonly Reason[] }

/** Why a portrait is not better. */
export type Reason = 'small' | 'blurred' | 'badly_lit' | 'cut_off' | 'turned_away' | 'tilted' | 'eyes_closed' | 'covered' | 'not_alone'

/** What a sighting loses by each fault, 1 nothing. `strange`, not looking like the others, and `far`, smaller than in others, have no word. */
type Factors = Partial<Record<Reason | 'strange' | 'far', number>>

/** From these on a factor is worth a word; each lies where portraits of the labelled clips begin to look it. */
const NOTED = { blurred: 0.6, badly_lit: 0.7, cut_off: 0.9, turned_away: 0.6, tilted: 0.8, eyes_closed: 0.6, covered: 0.7 } as const satisfies Partial<Record<Reason, number>>
/** Skin around the head that a person shows more than when they show least: a share of the picture a hand may not have, and what the rest costs. */
const HAND = { allowed: 0.02, weight: 7 }
/** From the mean of the bare faces; a clean one lies within it. */
const CLEAN_DISTANCE = 0.2
const CUT_OFF = 0.5
const EDGE = 0.003

/**
 * Judges every sighting of a track. A face under a hand, in a blink or in motion blur keeps its detector score and
 * FaceMesh still calls it a face; what moves is its identity vector (clean 0.00-0.31 from the most typical one, a hand at
 * the chin 0.26-0.41, motion blur 0.37-0.41), and with a hand comes skin around the head. So: little skin, typical, eyes
 * as open as this person's get, frontal, upright, sharp, well lit.
 */
export function judge(track: Track): readonly Judged[] {
  const faces = track.filter((sighting) => sighting.what === 'face')
  const faceFactors = faces.length > 0 ? factorsOfFaces(faces) : null
  const sharpest = Math.max(...track.map(({ sharpness }) => sharpness)) || 1
  const largest = Math.max(...track.map(({ box }) => areaOf(box))) || 1
  return track.map((sighting) => {
    const factors: Factors = {
      blurred: (sighting.sharpness / sharpest) ** 0.25,
      badly_lit: sighting.exposed,
      cut_off: isCutOff(sighting) ? CUT_OFF : 1,
      ...(sighting.what === 'face' ? faceFactors?.(sighting) : { far: (areaOf(sighting.box) / largest) ** 0.25 }),
    }
    const quality = Object.values(factors).reduce((product, factor) => product * factor, sighting.score)
    const reasons = Object.entries(NOTED).flatMap(([reason, least]) => ((factors[reason as Reason] ?? 1) < least ? [reason as Reason] : []))
    return { sighting, quality, reasons }
  })
}

/** People differ in how far their eyes open and how much skin they show: each is measured by themselves. */
function factorsOfFaces(faces: Track<SeenFace>): (face: SeenFace) => Factors {
  const widest = nearTop(faces.map(({ eyesOpen }) => eyesOpen))
  const barest = Math.min(...faces.map((face) => face.skinAround))
  const bare = faces.filter((face) => face.skinAround <= barest + 2 * HAND.allowed)
  // Of the bare ones: where a hand is before the mouth most of the time, that would be what is typical.
  const typical = mean(bare.map(({ identity }) => identity))
  return (face) => {
    const hand = Math.max(0, face.skinAround - barest - HAND.allowed)
    const apart = Math.max(0, distance(typical, face.identity) - CLEAN_DISTANCE)
    return {
      strange: Math.max(0.1, 1 - apart / (SAME_FACE.inPlace - CLEAN_DISTANCE)),
      covered: Math.max(0.1, 1 - HAND.weight * hand),
      eyes_closed: Math.min(1, face.eyesOpen / (widest || 1)) ** 2,
      turned_away: 1 - face.turned,
      tilted: (1 - face.tilted) ** 2,
    }
  }
}

/** The 80th percentile: the highest of a few measurements is often a wrong one. */
const nearTop = (values: readonly number[]): number => values.toSorted((a, b) => b - a)[Math.floor(values.length / 5)]

function isCutOff({ box: [left, top, right, bottom] }: Seen): boolean {
  return left < EDGE || top < EDGE || right > 1 - EDGE || bottom > 1 - EDGE
}

/** Pixels of the subject's longer side below which its portrait looks coarse. */
const SMALL_PX = { face: 80, whole: 160 }

/** What is said about the portrait: the judgement of its sighting, and what the full-size frame and the crop add. */
export function portraitQuality({ sighting, quality, reasons }: Judged, { frame, isAlone }: { readonly frame: { readonly width: number; readonly height: number }; readonly isAlone: boolean }): Quality {
  const sidePx = Math.max(widthOf(sighting.box) * frame.width, heightOf(sighting.box) * frame.height)
  const least = sighting.what === 'face' ? SMALL_PX.face : SMALL_PX.whole
  const size = Math.min(1, sidePx / least)
  return { score: quality * Math.sqrt(size), reasons: [...(size < 1 ? ['small'] : []), ...reasons, ...(isAlone ? [] : ['not_alone'])] }
}
