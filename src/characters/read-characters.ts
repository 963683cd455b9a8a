import { AppError } from '../domain/errors.ts'
import { isCharacterId } from '../domain/identifier.ts'
import { contentTypeOf } from '../domain/stored-file.ts'
import { foldUsername } from '../domain/username.ts'
import { findByMediaToken, findCharacter, findOwnCharacter, listCharacters, type CharacterRow } from '../db/character-rows.ts'
import type { Database } from '../db/database.ts'
import { findEvidence } from '../db/evidence-rows.ts'
import { lockFor } from '../db/lock.ts'
import { filesOf, searchWords } from '../db/stored-character.ts'
import { ObjectNotFound, type ObjectStore } from '../objects/object-store.ts'
import type { CharacterPage, ListRequest, Media } from './characters.ts'
import type { CharacterState, Evidence } from './requests.ts'
import { readEvidence, stateOf } from './stored-character.ts'

/** The one place that says so: missing, deleted and somebody else's look the same. */
export const notFound = (): AppError => new AppError('character_not_found')

/** The row behind an id or a name, tombstones too. Rejects with `character_not_found`. */
export async function findRow(db: Database, account: string, ref: string): Promise<CharacterRow> {
  const text = foldUsername(ref.trim()).replace(/^@/, '')
  const row = await findOwnCharacter(db, account, isCharacterId(text) ? { id: text } : { name: text })
  const shown = row?.same_as ? await findCharacter(db, row.same_as) : row
  if (!shown) throw notFound()
  return shown
}

/** The same, without what was deleted. */
export async function findVisibleRow(db: Database, account: string, ref: string): Promise<CharacterRow> {
  const row = await findRow(db, account, ref)
  if (row.deleted_at !== null) throw notFound()
  return row
}

/** The same row, which nobody else changes before the transaction is over. */
export async function lockRow(trx: Database, account: string, ref: string): Promise<CharacterRow> {
  const { id } = await findRow(trx, account, ref)
  await lockFor(trx, id)
  return findRow(trx, account, id)
}

export async function lockVisibleRow(trx: Database, account: string, ref: string): Promise<CharacterRow> {
  const row = await lockRow(trx, account, ref)
  if (row.deleted_at !== null) throw notFound()
  return row
}

export const findState = async (db: Database, account: string, ref: string): Promise<CharacterState> => stateOf(await findVisibleRow(db, account, ref))

export async function listStates(db: Database, account: string, { limit, order, after, q, kind, status }: ListRequest): Promise<CharacterPage> {
  const words = searchWords(q ?? '')
  const rows = await listCharacters(db, account, { status: status ?? 'completed', words, order, limit: limit + 1, ...(kind && { kind }), ...(after && { after }) })
  return { states: rows.slice(0, limit).map(stateOf), hasMore: rows.length > limit }
}

export async function readEvidenceOf(db: Database, account: string, ref: string): Promise<Evidence> {
  const { id } = await findVisibleRow(db, account, ref)
  const json = await findEvidence(db, id)
  if (json === null) throw new AppError('character_not_ready')
  return readEvidence(json)
}

export async function findMedia({ db, objects }: { readonly db: Database; readonly objects: ObjectStore }, token: string, name: string): Promise<Media> {
  const row = await findByMediaToken(db, token)
  const file = row && filesOf(row).find((file) => file.name === name)
  if (!file) throw new AppError('not_found', { details: { see: '/docs' } })
  return {
    contentType: contentTypeOf(name), bytes: file.bytes, sha256: file.sha256,
    read: async (range) => {
      try {
        return await objects.get(file.key, range)
      } catch (error) {
        // The row says that it is there, so a caller who believed a 404 would forget a picture that exists.
        if (error instanceof ObjectNotFound) throw new AppError('storage_unavailable', { details: { retryAfterSeconds: 30 }, cause: error })
        throw error
      }
    },
  }
}

