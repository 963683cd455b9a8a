import type { CastMember, Segment, VideoWarning } from '../domain/shot.ts'
import type { Video } from '../domain/video.ts'

export interface PromptRequest {
  readonly account: string
  readonly text: string
  /** Ids, names or aliases that go along besides the mentioned. */
  readonly characters: readonly string[]
  readonly unknownMentions: 'error' | 'text'
}

/** Text that was not read as a mention, and why. */
export interface NearMiss { readonly start: number; readonly text: string; readonly reason: 'inside_word' | 'url' | 'unclosed_brace' | 'unknown' }

export interface ResolvedPrompt {
  readonly segments: readonly Segment[]
  readonly cast: readonly CastMember[]
  /** As the resource of a video shows them, in the order of the cast. */
  readonly characters: Video['characters']
  readonly nearMisses: readonly NearMiss[]
  /** `character_not_mentioned`. */
  readonly warnings: readonly VideoWarning[]
  readonly isChinese: boolean
}

export interface Prompts {
  /**
   * Rejects with `character_not_found` (param `prompt` or `characters`; unknown and forbidden alike), `character_not_ready`, `too_many_characters` for more than 64 names,
   * `missing_required_parameter` and `invalid_parameter` for an empty text or one of more than 32,000 code points.
   */
  resolve(request: PromptRequest): Promise<ResolvedPrompt>
  /** The cast again, by id, as it is now: null for those who were deleted or may no longer be used. */
  recall(account: string, ids: readonly string[]): Promise<readonly (CastMember | null)[]>
}
