import type { Box } from './geometry.ts'
import type { CharacterId } from './identifier.ts'
import { cosine, distance, type Vector } from './vector.ts'
import type { CharacterVerification, Verdict } from './verification.ts'

export interface ModelVector { readonly model: string; readonly values: Vector }

/** A character and what it is known by; null where that is nothing. */
export interface KnownCharacter { readonly id: CharacterId; readonly username: string; readonly knownBy: ModelVector | null }

/** Who and what is seen in one frame of a video: vectors with the models that made them. */
export interface WitnessedFrame {
  readonly seconds: number
  readonly sightings: readonly (ModelVector & { readonly box: Box })[]
}

/** How vectors of one model are compared, and how far apart is the same and another one. */
export interface Measure { readonly by: 'euclidean distance' | 'cosine'; readonly same: number; readonly different: number }
export type Measures = Readonly<Record<string, Measure>>

const SCORE = { same: 0.5, different: 0.25 }
/** Of the frames in which something could be compared, this share, the most alike ones, make the score. */
const COUNTED = 0.5

/**
 * Each character's likeness over the frames. What is seen in a frame is one character at most: the one it is most like.
 * The score is the median of the better half of the frames in which there was something to compare: one lucky frame makes nobody
 * the same, and a second person in the other half of the frames makes nobody another.
 */
export function scoreLikeness(cast: readonly KnownCharacter[], frames: readonly WitnessedFrame[], measures: Measures): readonly CharacterVerification[] {
  const matches = frames.map((frame) => matchFrame(cast, frame, measures))
  return cast.map(({ id, username }, index) => {
    const seen = frames.map(({ seconds }, at) => ({ seconds, ...matches[at].get(index) ?? NOT_SEEN }))
    const scores = seen.flatMap(({ score }) => score ?? [])
    const score = betterHalf(scores)
    return { id, username, score, verdict: verdictOf(score, scores.length > 0), frames: seen }
  })
}

interface Match { readonly score: number; readonly box: Box }
const NOT_SEEN = { score: null, box: null } as const

/** Greedily, the most alike pair first. */
function matchFrame(cast: readonly KnownCharacter[], { sightings }: WitnessedFrame, measures: Measures): ReadonlyMap<number, Match> {
  const pairs = cast.flatMap(({ knownBy }, character) => sightings.flatMap((sighting) => {
    const score = knownBy && likeness(knownBy, sighting, measures)
    return score === null ? [] : [{ character, sighting, score }]
  }))
  const matches = new Map<number, Match>()
  const taken = new Set<object>()
  for (const { character, sighting, score } of pairs.toSorted((a, b) => b.score - a.score)) {
    if (matches.has(character) || taken.has(sighting)) continue
    matches.set(character, { score, box: sighting.box })
    taken.add(sighting)
  }
  return matches
}

/** Null where they cannot be compared. */
function likeness(a: ModelVector, b: ModelVector, measures: Measures): number | null {
  const measure = measures[a.model]
  if (!measure || a.model !== b.model || a.values.length !== b.values.length) return null
  return scoreOf(apart(a.values, b.values, measure), measure)
}

const apart = (a: Vector, b: Vector, { by }: Measure): number => (by === 'cosine' ? 1 - cosine(a, b) : distance(a, b))

/** 1 for equal ones, {@link SCORE} at the borders, straight between and on to 0. */
function scoreOf(apart: number, { same, different }: Measure): number {
  const slope = (SCORE.same - SCORE.different) / (different - same)
  return apart <= same ? 1 - ((1 - SCORE.same) * apart) / same : Math.max(0, SCORE.same - slope * (apart - same))
}

function betterHalf(scores: readonly number[]): number {
  if (scores.length === 0) return 0
  const better = scores.toSorted((a, b) => b - a).slice(0, Math.ceil(scores.length * COUNTED))
  return better[better.length >> 1]
}

function verdictOf(score: number, isSeen: boolean): Verdict {
  if (!isSeen) return 'absent'
  if (score >= SCORE.same) return 'same'
  return score > SCORE.different ? 'unsure' : 'different'
}
