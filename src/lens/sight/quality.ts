import type { Quality } from '../../domain/character.ts'
import { heightOf, widthOf } from '../../domain/geometry.ts'
import { distance, medoid } from '../../domain/vector.ts'
import type { Seen, SeenFace } from './sighting.ts'
import { SAME_FACE, type Track } from './tracks.ts'

/** A sighting, and how good a portrait it would make beside the others of its track, 0..1. */
export interface Judged<S extends Seen = Seen> { readonly sighting: S; readonly quality: number; readonly reasons: readonly Reason[] }

/** Why a portrait is not better. */
export type Reason = 'small' | 'blurred' | 'badly_lit' | 'cut_off' | 'turned_away' | 'tilted' | 'eyes_closed' | 'covered' | 'not_alone'

/** From these on a factor is worth a word; each lies where portraits of the labelled clips begin to look it. */
const NOTED = { blurred: 0.8, badly_lit: 0.7, cut_off: 0.9, turned_away: 0.6, tilted: 0.8, eyes_closed: 0.6, covered: 0.5 } as const satisfies Partial<Record<Reason, number>>
/** A hand before the body in the picture takes this much off for each share of the picture it fills. */
const HAND_WEIGHT = 4
const CUT_OFF = 0.5
const EDGE = 0.003

/**
 * Judges every sighting of a track. A face under a hand, in a blink or in motion blur keeps its detector score and
 * FaceMesh still calls it a face; what moves is its identity vector (clean 0.00-0.31 from the most typical one, a hand at
 * the chin 0.26-0.41, motion blur 0.37-0.41). So: typical, eyes as open as this person's get, frontal, upright, sharp,
 * well lit, and with no more skin around it than this person shows anyway.
 */
export function judge(track: Track): readonly Judged[] {
  const sharpest = Math.max(...track.map(({ sharpness }) => sharpness)) || 1
  const faces = track.filter((sighting) => sighting.what === 'face')
  const faceFactors = faces.length > 0 ? factorsOfFaces(faces) : null
  return track.map((sighting) => {
    const factors: Partial<Record<Reason, number>> = {
      blurred: (sighting.sharpness / sharpest) ** 0.25,
      badly_lit: sighting.exposed,
      cut_off: isCutOff(sighting) ? CUT_OFF : 1,
      ...(sighting.what === 'face' && faceFactors?.(sighting)),
    }
    const quality = Object.values(factors).reduce((product, factor) => product * factor, sighting.score)
    const reasons = Object.entries(NOTED).flatMap(([reason, least]) => ((factors[reason as Reason] ?? 1) < least ? [reason as Reason] : []))
    return { sighting, quality, reasons }
  })
}

function factorsOfFaces(faces: Track<SeenFace>): (face: SeenFace) => Partial<Record<Reason, number>> {
  const typical = medoid(faces.map(({ identity }) => identity))
  // People differ in how far their eyes open and how much skin they show: each is measured by themselves.
  const widest = nearTop(faces.map(({ eyesOpen }) => eyesOpen))
  const barest = -nearTop(faces.map((face) => -face.skinAround))
  return (face) => ({
    covered: Math.max(0.1, 1 - distance(typical, face.identity) / SAME_FACE.inPlace) * Math.max(0.2, 1 - HAND_WEIGHT * Math.max(0, face.skinAround - barest)),
    eyes_closed: Math.min(1, face.eyesOpen / (widest || 1)) ** 2,
    turned_away: 1 - face.turned,
    tilted: 1 - face.tilted,
  })
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
