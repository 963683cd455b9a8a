import type { Character, Kind } from '../domain/character.ts'
import type { CharacterId } from '../domain/identifier.ts'
import { readStoredFiles, type StoredFile } from '../domain/stored-file.ts'
import { foldUsername } from '../domain/username.ts'
import type { CharacterRow, CharacterValues } from './character-rows.ts'

// The one place that knows how a finished character lies in its row. What is read here was written here.

/** These have columns of their own, which are the truth about them. */
const IN_COLUMNS = {
  id: undefined, account: undefined, username: undefined, aliases: undefined, kind: undefined, mediaToken: undefined, clipSha256: undefined,
  createdAtMs: undefined, updatedAtMs: undefined, completedAtMs: undefined,
} as const satisfies { readonly [Key in keyof Character]?: undefined }
type Facts = Omit<Character, keyof typeof IN_COLUMNS>

/** What a finished character adds to its row; the request, with the whole URL in it, goes. */
export function completedValues(character: Character, files: readonly StoredFile[]): CharacterValues {
  const { kind, mediaToken, clipSha256, updatedAtMs, completedAtMs } = character
  return {
    status: 'completed', progress: 100, request: null, kind, media_token: mediaToken, clip_sha256: clipSha256,
    media: JSON.stringify(files), facts: JSON.stringify({ ...character, ...IN_COLUMNS }),
    search: searchText(character), updated_at: updatedAtMs, completed_at: completedAtMs,
  }
}

const searchText = ({ username, aliases, displayName, description, tags }: Character): string => foldUsername([username, ...aliases, displayName, description, ...tags].join(' '))
export const searchWords = (q: string): readonly string[] => foldUsername(q).split(/\s+/).filter((word) => word !== '')

/** Throws for a row that is not completed: the caller has looked. */
export function characterOf(row: CharacterRow): Character {
  const { username, kind, media_token, clip_sha256, completed_at, facts } = row
  if (username === null || kind === null || media_token === null || clip_sha256 === null || completed_at === null || facts === null) throw new Error(`the row of ${row.id} is not that of a completed character`)
  return {
    ...JSON.parse(facts) as Facts,
    id: row.id as CharacterId, account: row.account, username, aliases: row.aliases === null ? [] : row.aliases.split(' ').toSorted(), kind: kind as Kind, mediaToken: media_token, clipSha256: clip_sha256,
    createdAtMs: row.created_at, updatedAtMs: row.updated_at, completedAtMs: completed_at,
  }
}

export const filesOf = ({ id, media }: Pick<CharacterRow, 'id' | 'media'>): readonly StoredFile[] => readStoredFiles(id, media)
