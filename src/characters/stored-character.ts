import { AppError, type ErrorCode } from '../domain/errors.ts'
import type { Character, Kind, Step } from '../domain/character.ts'
import type { CharacterId } from '../domain/identifier.ts'
import { foldUsername } from '../domain/username.ts'
import type { CharacterRow, CharacterValues } from '../db/character-rows.ts'
import type { MediaFile } from './media-files.ts'
import type { CharacterState, CreateRequest, Evidence } from './requests.ts'

// The one place that knows how a character lies in its row. What is read here was written here.

/** These have columns of their own, which are the truth about them. */
const IN_COLUMNS = {
  id: undefined, account: undefined, username: undefined, kind: undefined, mediaToken: undefined, clipSha256: undefined,
  createdAtMs: undefined, updatedAtMs: undefined, completedAtMs: undefined,
} as const satisfies { readonly [Key in keyof Character]?: undefined }
type Facts = Omit<Character, keyof typeof IN_COLUMNS>

/** What a finished character adds to its row; the request, with the whole URL in it, goes. */
export function completedValues(character: Character, media: readonly MediaFile[]): CharacterValues {
  const { kind, mediaToken, clipSha256, updatedAtMs, completedAtMs } = character
  return {
    status: 'completed', progress: 100, request: null, kind, media_token: mediaToken, clip_sha256: clipSha256,
    media: JSON.stringify(media), facts: JSON.stringify({ ...character, ...IN_COLUMNS }),
    search: searchText(character), updated_at: updatedAtMs, completed_at: completedAtMs,
  }
}

const searchText = ({ username, displayName, description, tags }: Character): string => foldUsername([username, displayName, description, ...tags].join(' '))
export const searchWords = (q: string): readonly string[] => foldUsername(q).split(/\s+/).filter((word) => word !== '')

/** Throws for a row that is not completed: the caller has looked. */
export function characterOf(row: CharacterRow): Character {
  const { username, kind, media_token, clip_sha256, completed_at, facts } = row
  if (username === null || kind === null || media_token === null || clip_sha256 === null || completed_at === null || facts === null) throw new Error(`the row of ${row.id} is not that of a completed character`)
  return {
    ...JSON.parse(facts) as Facts,
    id: row.id as CharacterId, account: row.account, username, kind: kind as Kind, mediaToken: media_token, clipSha256: clip_sha256,
    createdAtMs: row.created_at, updatedAtMs: row.updated_at, completedAtMs: completed_at,
  }
}

export function stateOf(row: CharacterRow): CharacterState {
  const id = row.id as CharacterId
  const createdAtMs = row.created_at
  switch (row.status) {
    case 'queued':
    case 'in_progress': return { at: row.status, id, createdAtMs, step: row.step as Step | null, progress: row.progress }
    case 'failed': return { at: 'failed', id, createdAtMs, error: errorOf(row) }
    case 'completed': return { at: 'completed', id, createdAtMs, character: characterOf(row), deletedAtMs: row.deleted_at }
  }
}

export const writeError = ({ code, param, details }: AppError): string => JSON.stringify({ code, param, details })

function errorOf({ error }: CharacterRow): AppError {
  const { code, param, details } = JSON.parse(error ?? '{"code":"internal_error"}') as { code: ErrorCode; param?: string | null; details?: Record<string, unknown> }
  return new AppError(code, { details, ...(param && { param }) })
}

type StoredRequest = Omit<CreateRequest, 'account'>
export const writeRequest = ({ source, window, options, isForced }: CreateRequest): string => JSON.stringify({ source, window, options, isForced } satisfies StoredRequest)

export function requestOf({ id, account, request }: CharacterRow): CreateRequest {
  if (request === null) throw new Error(`the row of ${id} holds no request`)
  return { account, ...JSON.parse(request) as StoredRequest }
}

export const mediaOf = ({ media }: CharacterRow): readonly MediaFile[] => JSON.parse(media ?? '[]') as readonly MediaFile[]
export const writeEvidence = (evidence: Evidence): string => JSON.stringify(evidence)
export const readEvidence = (json: string): Evidence => JSON.parse(json) as Evidence
