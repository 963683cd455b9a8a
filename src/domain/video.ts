import type { AppError } from './errors.ts'
import type { CharacterId, VideoId } from './identifier.ts'
import type { VideoWarning } from './shot.ts'
import type { StoredFile } from './stored-file.ts'
import type { Verification } from './verification.ts'

/** The steps of making a video, in order. Also values of CRASH_AT. */
export const VIDEO_STEPS = ['admit', 'render', 'submit', 'follow', 'fetch', 'judge', 'keep'] as const
export type VideoStep = (typeof VIDEO_STEPS)[number]

export type VideoState =
  | { readonly at: 'queued' }
  | { readonly at: 'in_progress'; /** Whole percent; never falls. */ readonly progress: number }
  | { readonly at: 'completed'; readonly completedAtMs: number; readonly files: readonly StoredFile[]; readonly width: number; readonly height: number; readonly durationMs: number }
  | { readonly at: 'failed'; /** How far it came. */ readonly progress: number; readonly completedAtMs: number; readonly error: AppError }

export interface VideoCharacter {
  readonly id: CharacterId
  /** null while a character that came along with the request is still made. */
  readonly username: string | null
  readonly revision: number
  /** `[start, end)` in UTF-16 code units of the prompt. */
  readonly mentions: readonly (readonly [number, number])[]
}

export interface Video {
  readonly id: VideoId
  readonly account: string
  readonly backend: string
  readonly model: string
  readonly prompt: string
  /** What the backend was sent; null until it was. */
  readonly compiledPrompt: string | null
  readonly size: string
  /** Of the whole: after an extension the sum. */
  readonly seconds: number
  readonly characters: readonly VideoCharacter[]
  readonly warnings: readonly VideoWarning[]
  readonly remixedFrom: VideoId | null
  readonly state: VideoState
  readonly verification: Verification | null
  readonly createdAtMs: number
}
