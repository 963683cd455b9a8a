import type { CharacterId } from './identifier.ts'
import type { Box, Point } from './geometry.ts'
import type { TimeWindow } from './window.ts'

/** What a character is taken for. A detector's class is only a hint: a toy is an object, whatever the detector calls it. */
export const KINDS = ['person', 'animal', 'cartoon', 'object'] as const
export type Kind = (typeof KINDS)[number]

/** The steps of making a character, in order; every job enters every step. Also the values of CRASH_AT. */
export const STEPS = [
  'open', 'window', 'see', 'choose', 'portrait', 'cutout', 'references', 'identity', 'voice', 'name', 'publish', 'stored', 'committed',
] as const
export type Step = (typeof STEPS)[number]

/** One subject in one frame of the window. Times are seconds in the source; boxes are fractions of the upright frame. */
export interface Sighting { readonly seconds: number; readonly box: Box; readonly score: number; readonly quality: number }

/** Somebody or something that stays in view: what `detect` lists and a character is made of. */
export interface Subject {
  /** `s1` is the first choice. */
  readonly id: string
  readonly kind: Kind
  /** Which rung of the ladder found it. */
  readonly rung: Rung
  /** What a detector calls it; evidence, never shown as what it is. */
  readonly hint: string | null
  /** Name of its most common colour, safe to show. */
  readonly colour: string
  readonly rank: number
  /** Share of the frames looked at in which it was seen, 0..1. */
  readonly presence: number
  /** The sighting that would make the best portrait. */
  readonly best: Sighting
  readonly sightings: readonly Sighting[]
}

export const RUNGS = ['faces', 'small faces', 'things', 'faint things', 'salient'] as const
export type Rung = (typeof RUNGS)[number]

/** Which subject the caller wants: an id from `detect`, or the one under a point of the frame at a time of the source. */
export type SubjectWish = { readonly id: string } | { readonly point: Point; readonly seconds: number }

/** A vector and the model that made it; vectors of different models are never compared. */
export interface IdentityVector { readonly model: string; readonly of: 'track-mean' | 'best-frame' | 'references-mean'; readonly values: Float32Array }

export interface Consent { readonly basis: 'self' | 'permission' | 'fictional'; readonly by: string; readonly atMs: number; readonly note: string | null }

export interface Warning { readonly code: WarningCode; readonly message: string }
export type WarningCode = 'window_clamped' | 'alias_taken' | VideoWarningCode
/** What a video backend could not carry, or a prompt left open. */
export type VideoWarningCode =
  | 'cutout_missing' | 'voice_not_carried' | 'clip_not_carried' | 'label_in_text' | 'description_missing' | 'character_not_mentioned' | 'model_substituted' | 'preview_only' | 'reference_not_carried'
  | 'seed_not_carried' | 'negative_prompt_not_carried' | 'backend_said'

/** What was said about the source; never its full URL: signed links are secrets. */
export interface SourceFacts {
  /** `video`: one of our own. */
  readonly type: 'url' | 'upload' | 'data' | 'video'
  readonly host: string | null
  readonly container: string
  readonly codec: string
  /** Of the upright frame, in pixels. */
  readonly width: number
  readonly height: number
  readonly durationMs: number
}

export interface Quality { /** 0..1. */ readonly score: number; readonly reasons: readonly string[] }

/** A finished character. Pictures, clip and voice are objects under its media token. */
export interface Character {
  readonly id: CharacterId
  readonly account: string
  readonly username: string
  /** Handles from elsewhere that call it too, folded and sorted. */
  readonly aliases: readonly string[]
  readonly displayName: string | null
  readonly description: string | null
  readonly kind: Kind
  readonly mediaToken: string
  readonly revision: number
  readonly window: TimeWindow & { readonly chosenBy: 'caller' | 'service'; readonly isClamped: boolean }
  readonly source: SourceFacts
  /** sha256 of the clip, hex: the same window of the same video gives the same one. */
  readonly clipSha256: string
  readonly references: number
  readonly hasCutout: boolean
  readonly hasVoice: boolean
  readonly quality: Quality
  readonly consent: Consent | null
  readonly tags: readonly string[]
  readonly metadata: Readonly<Record<string, string>>
  readonly warnings: readonly Warning[]
  readonly createdAtMs: number
  readonly updatedAtMs: number
  readonly completedAtMs: number
}
