import type { ImageForm, MediaKind } from './capabilities.ts'
import type { Kind, VideoWarningCode } from './character.ts'
import type { CharacterId } from './identifier.ts'
import type { StoredFile } from './stored-file.ts'

/** A part of the user's prompt: `[start, end)` in its UTF-16 code units; text has its escapes taken out. The parts tile the prompt. */
export type Segment =
  | { readonly text: string; readonly start: number; readonly end: number }
  /** An index into the cast. */
  | { readonly cast: number; readonly start: number; readonly end: number }

/** A character as a video needs it. */
export interface CastMember {
  readonly id: CharacterId
  readonly username: string
  readonly kind: Kind
  readonly revision: number
  readonly description: string | null
  readonly media: CastMedia
}

/** The files of a character, best first; 512 px pictures, a clip of at least 2 s where the source allowed, 16 kHz sound. */
export interface CastMedia {
  readonly portrait: StoredFile
  readonly cutout: StoredFile | null
  /** The portrait's frame first. */
  readonly references: readonly StoredFile[]
  readonly clip: StoredFile
  readonly voice: StoredFile | null
}

/** What a video is to show, whatever makes it. */
export interface Shot {
  readonly segments: readonly Segment[]
  /** By first mention; who is listed without being mentioned comes last. */
  readonly cast: readonly CastMember[]
  /** `WIDTHxHEIGHT` */
  readonly size: string
  readonly seconds: number
  readonly seed: number | null
  readonly negativePrompt: string | null
  /** Pictures of the user's own, in the order they came. */
  readonly pictures: number
}

/** One thing that goes along with the prompt: a file of a character, or the user's own picture. */
export type RenderedReference = { readonly kind: MediaKind; /** From 1, within its kind. */ readonly n: number } & (
  | { readonly of: 'character'; readonly cast: number; readonly character: CharacterId; readonly file: StoredFile; readonly form: ImageForm }
  | { readonly of: 'picture'; readonly picture: number }
)

export interface VideoWarning { readonly code: VideoWarningCode; readonly message: string }

/** A shot as one backend receives it. */
export interface RenderedShot {
  readonly prompt: string
  readonly references: readonly RenderedReference[]
  /** Index of the user's picture that is the first frame. */
  readonly firstFrame: number | null
  readonly size: string
  readonly seconds: number
  readonly seed: number | null
  readonly negativePrompt: string | null
  readonly warnings: readonly VideoWarning[]
}
