import type { CastMedia, CastMember } from '../domain/shot.ts'
import type { StoredFile } from '../domain/stored-file.ts'
import type { CharacterRow } from '../db/character-rows.ts'
import { characterOf, filesOf } from '../db/stored-character.ts'

/** What a video needs of a finished character, and the names it goes by. */
export interface OwnCharacter { readonly member: CastMember; readonly displayName: string | null }

/** null for one that is not finished. */
export function ownCharacter(row: CharacterRow): OwnCharacter | null {
  if (row.status !== 'completed') return null
  const { id, username, kind, revision, description, displayName } = characterOf(row)
  return { member: { id, username, kind, revision, description, media: mediaOf(row) }, displayName }
}

function mediaOf(row: CharacterRow): CastMedia {
  const files = filesOf(row)
  const [portrait, clip] = [named('portrait.webp', files), named('clip.mp4', files)]
  if (portrait === null || clip === null) throw new Error(`the row of ${row.id} lists no portrait or no clip`)
  return { portrait, clip, cutout: named('cutout.webp', files), voice: named('voice.wav', files), references: referencesOf(files) }
}

const named = (name: string, files: readonly StoredFile[]): StoredFile | null => files.find((file) => file.name === name) ?? null

const REFERENCE = /^reference-(\d+)\.webp$/
const numberOf = ({ name }: StoredFile): number => Number(REFERENCE.exec(name)?.[1])
const referencesOf = (files: readonly StoredFile[]): readonly StoredFile[] =>
  files.filter(({ name }) => REFERENCE.test(name)).toSorted((a, b) => numberOf(a) - numberOf(b))
