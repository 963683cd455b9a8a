import type { Character, Consent, Step, SubjectWish, Subject } from '../domain/character.ts'
import type { AppError } from '../domain/errors.ts'
import type { CharacterId } from '../domain/identifier.ts'
import type { TimeWindow } from '../domain/window.ts'
import type { StepRecord } from '../runtime/step.ts'

type Url = { readonly type: 'url'; readonly url: string }
type OurVideo = { readonly type: 'video'; readonly objectKey: string; readonly bytes: number; readonly sha256: string }
type GivenFile = { readonly type: 'upload' | 'data'; readonly path: string; readonly sha256: string }

/**
 * Where the video comes from. An upload lies in a private file of this process that the character service takes over;
 * a video of ours is an object, which stays.
 */
export type SourceRequest = Url | GivenFile | OurVideo

/** The same as any process finds it again. Rows of before uploads lay among the objects name a file. */
export type StoredSource = Url | { readonly type: 'upload' | 'data'; readonly objectKey: string; readonly bytes: number; readonly sha256: string } | GivenFile | OurVideo

export interface CreateOptions {
  readonly username: string | null
  /** Folded and sorted, each once. */
  readonly aliases: readonly string[]
  readonly displayName: string | null
  readonly description: string | null
  readonly tags: readonly string[]
  readonly metadata: Readonly<Record<string, string>>
  readonly subject: SubjectWish | null
  /** Refuse with `ambiguous_character` instead of choosing between subjects that are equally plain. */
  readonly isStrict: boolean
  readonly consent: Consent | null
}

export interface CreateRequest {
  readonly account: string
  readonly source: SourceRequest
  /** null: chosen by the service. */
  readonly window: TimeWindow | null
  readonly options: CreateOptions
  /** A new character whatever was made before. */
  readonly isForced: boolean
  /** The request that asked for it, in every log. */
  readonly traceId: string | null
  /** Bound to the character in the transaction that writes its row. */
  readonly idempotencyKey: string | null
}

/**
 * An accepted request: its row is written. `isReplay`: an equal request was accepted before, and this is its character.
 * `done` settles with the character or an AppError; nobody need listen. When the video at an address proves unchanged the
 * character is an earlier one, with another id than the ticket; the ticket's id then finds that one too.
 */
export interface CreateTicket { readonly id: CharacterId; readonly isReplay: boolean; readonly done: Promise<Character> }

/** A request as its row keeps it. */
export type StoredRequest = Omit<CreateRequest, 'source' | 'idempotencyKey'> & { readonly source: StoredSource }

/** One try at one accepted request. */
export interface Attempt { readonly id: CharacterId; readonly attempt: number; readonly createdAtMs: number; readonly request: StoredRequest; readonly signal: AbortSignal }

/** Where a character stands. */
export type CharacterState =
  | { readonly at: 'queued' | 'in_progress'; readonly id: CharacterId; readonly createdAtMs: number; readonly step: Step | null; readonly progress: number }
  | { readonly at: 'failed'; readonly id: CharacterId; readonly createdAtMs: number; readonly error: AppError }
  | { readonly at: 'completed'; readonly id: CharacterId; readonly createdAtMs: number; readonly character: Character; readonly deletedAtMs: number | null }

/** What was read, seen and chosen, and why. */
export interface Evidence {
  readonly steps: readonly StepRecord[]
  readonly source: { readonly bytesRead: number; readonly requests: number; readonly floorBytes: number; readonly packets: number }
  readonly frames: number
  readonly subjects: readonly Subject[]
  readonly chosen: { readonly subject: string; readonly why: string }
  readonly portrait: { readonly seconds: number; readonly box: readonly number[]; readonly crop: readonly number[] }
  readonly cutoutGate: Readonly<Record<string, number>>
  readonly references: readonly { readonly seconds: number; readonly box: readonly number[] }[]
  readonly identity: readonly { readonly model: string; readonly of: string; readonly length: number }[]
  readonly speechSeconds: number
  /** Model id to the sha256 of its file. */
  readonly models: Readonly<Record<string, string>>
  readonly jail: string
}
