import type { CharacterId } from './identifier.ts'
import type { Box } from './geometry.ts'

/** How surely a character is in a video; `absent`: nothing was seen that could be compared. */
export type Verdict = 'same' | 'unsure' | 'different' | 'absent'

/** The likeness of one character over a produced video. Scores are 0..1, higher is more alike; 0.5 is the border of `same`. */
export interface CharacterVerification {
  readonly id: CharacterId
  readonly username: string
  readonly score: number
  readonly verdict: Verdict
  /** Every frame that was looked at, in order; where it was not seen, box and score are null. */
  readonly frames: readonly { readonly seconds: number; readonly score: number | null; readonly box: Box | null }[]
}

export interface Verification {
  readonly characters: readonly CharacterVerification[]
  /** The models whose vectors were compared. */
  readonly models: readonly string[]
  readonly atMs: number
}
