import type { Character, Kind, SourceFacts, Subject } from '../domain/character.ts'
import type { CharacterId } from '../domain/identifier.ts'
import type { TimeWindow } from '../domain/window.ts'
import type { ByteRange } from '../objects/object-store.ts'
import type { Archive, ImportRequest } from './portable/portable.ts'
import type { CharacterState, CreateRequest, CreateTicket, Evidence, SourceRequest } from './requests.ts'

export type { ByteRange }

export interface DetectRequest { readonly account: string; readonly source: SourceRequest; readonly window: TimeWindow | null; /** The request that asked for it. */ readonly traceId: string | null }

/** Who and what is in a window; nothing of it is kept. */
export interface Detection {
  readonly window: TimeWindow & { readonly chosenBy: 'caller' | 'service'; readonly isClamped: boolean }
  readonly source: SourceFacts
  /** Best first; the thumbnail is WebP, 192 px square. */
  readonly subjects: readonly { readonly subject: Subject; readonly thumbnail: Uint8Array }[]
  /** Why there are none: `blank`, `too_small`, `nothing_stays`. */
  readonly reasons: readonly string[]
}

export type CharacterStatus = CharacterState['at']

export interface ListRequest {
  /** 0..100. */
  readonly limit: number
  /** By creation. */
  readonly order: 'asc' | 'desc'
  /** The list goes on behind this id. */
  readonly after?: CharacterId
  /** Words of the username, display name, description or tags. */
  readonly q?: string
  readonly kind?: Kind
  /** `completed` unless it says otherwise. */
  readonly status?: CharacterStatus
}

export interface CharacterPage { readonly states: readonly CharacterState[]; readonly hasMore: boolean }

/** What a delete did: a tombstone until `purgeAtMs`, or a purge with what it removed. */
export type Removal =
  | { readonly id: CharacterId; readonly at: 'deleted'; readonly purgeAtMs: number }
  | { readonly id: CharacterId; readonly at: 'purged'; readonly rows: number; readonly objects: number; readonly vectors: number; readonly manifestSha256: string }

/** What is to be different; absent: as it is. */
export interface CharacterChanges {
  readonly username?: string
  readonly aliases?: readonly string[]
  readonly displayName?: string | null
  readonly description?: string | null
  readonly tags?: readonly string[]
  readonly metadata?: Readonly<Record<string, string>>
}

/** A stored file: its facts cost no reading, so a HEAD or a 304 stays cheap. */
export interface Media {
  readonly contentType: string
  readonly bytes: number
  /** Hex; never changes under one address. */
  readonly sha256: string
  /** The range must lie within the file. Rejects with an AppError `storage_unavailable`. */
  read(range?: ByteRange): Promise<AsyncIterable<Uint8Array>>
}

/** `ref` is an id, `@username` or `username`; what is not there, deleted or somebody else's is the same `character_not_found`. */
export interface Characters {
  /** Resolves when the row is written. Rejects with `queue_full`, `shutting_down`, `username_taken`, `storage_unavailable`, `database_unavailable`. */
  create(request: CreateRequest): Promise<CreateTicket>
  /** Waits its turn with the creates and rejects with what the source turned out to be, or the signal's reason. */
  detect(request: DetectRequest, options: { readonly signal: AbortSignal }): Promise<Detection>
  find(account: string, ref: string): Promise<CharacterState>
  list(account: string, request: ListRequest): Promise<CharacterPage>
  /** `ifRevisions`: rejects with `precondition_failed` unless it has one of these. Also rejects with `username_taken`, `character_not_ready`. */
  edit(account: string, ref: string, changes: CharacterChanges, options: { readonly ifRevisions: readonly number[] | null }): Promise<Character>
  /** A tombstone for 30 days, or gone at once. A character still being made is `character_not_ready`. */
  remove(account: string, ref: string, options: { readonly isPurge: boolean }): Promise<Removal>
  /** Takes a tombstone back; a character that is not deleted is left as it is. */
  restore(account: string, ref: string): Promise<CharacterState>
  /** Rejects with `character_not_ready` until completed. */
  evidence(account: string, ref: string): Promise<Evidence>
  /** `portrait.webp`, `cutout.webp`, `clip.mp4`, `voice.wav`, `reference-1.webp`…; the token is the permission. Rejects with `not_found`. */
  openMedia(token: string, name: string): Promise<Media>
  /** The character in one file, for another service. Rejects with `character_not_ready` until completed. */
  export(account: string, ref: string): Promise<Archive>
  /**
   * The archive of an export to a character of this account; what became one before is a replay. Rejects with `invalid_parameter` and what is wrong with it,
   * `invalid_username`, `username_taken`, `media_*`, `person_not_allowed`, `consent_required`, `queue_full`, `lens_failed`, or the signal's reason.
   */
  import(request: ImportRequest, options: { readonly signal: AbortSignal }): Promise<{ readonly character: Character; readonly isReplay: boolean }>
  /** Once, before the first request: sees that whatever is under way is looked after, here or elsewhere; from then on what nobody needs is cleared away in the background. */
  resume(): Promise<void>
  /** No new work; what runs may finish for a while, the rest is kept for the next start or another process. Who still waits then is told `shutting_down`. */
  drain(): Promise<void>
}
