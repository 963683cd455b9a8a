import { AppError } from '../domain/errors.ts'
import type { CharacterId } from '../domain/identifier.ts'
import { emptyLog, listExpired, purgeCharacter, setDeleted, type CharacterRow } from '../db/character-rows.ts'
import type { Database } from '../db/database.ts'
import type { Events } from '../events/events.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import type { Removal } from './characters.ts'
import { findRow, findVisibleRow } from './read-characters.ts'
import type { CharacterState } from './requests.ts'
import { sha256 } from '../runtime/sha256.ts'
import { stateOf } from './stored-character.ts'

const TOMBSTONE_MS = 30 * 24 * 3_600_000

interface Stores { readonly db: Database; readonly objects: ObjectStore }
type Telling = { readonly db: Database; readonly events: Pick<Events, 'record'> }
interface RemoveRequest { readonly account: string; readonly ref: string; readonly isPurge: boolean; readonly nowMs: number }

export const removeCharacter = (stores: Stores & Telling, request: RemoveRequest): Promise<Removal> => (request.isPurge ? purgeNow(stores, request) : bury(stores, request))

async function bury({ db, events }: Telling, { account, ref, nowMs }: RemoveRequest): Promise<Removal> {
  return db.transaction().execute(async (trx) => {
    const id = idOfEnded(await findVisibleRow(trx, account, ref))
    await setDeleted(trx, id, nowMs)
    await events.record(trx, { type: 'character.deleted', account, id })
    return { id, at: 'deleted', purgeAtMs: nowMs + TOMBSTONE_MS }
  })
}

async function purgeNow({ db, objects, events }: Stores & Telling, { account, ref }: RemoveRequest): Promise<Removal> {
  const { id, ...gone } = await db.transaction().execute(async (trx) => {
    const row = await findRow(trx, account, ref)
    const id = idOfEnded(row)
    const gone = await purgeCharacter(trx, id)
    await events.record(trx, { type: 'character.deleted', account, id })
    return { id, ...gone, manifestSha256: sha256(row.media ?? '[]') }
  })
  return { id, at: 'purged', ...gone, objects: await endPurge({ db, objects }, id) }
}

function idOfEnded({ id, status }: CharacterRow): CharacterId {
  if (status === 'queued' || status === 'in_progress') throw new AppError('character_not_ready')
  return id as CharacterId
}

export async function restoreCharacter({ db, events }: Telling, account: string, ref: string): Promise<CharacterState> {
  return db.transaction().execute(async (trx) => {
    const row = await findRow(trx, account, ref)
    const state = stateOf({ ...row, deleted_at: null })
    if (row.deleted_at === null || state.at !== 'completed') return state
    await setDeleted(trx, row.id, null)
    await events.record(trx, { type: 'character.restored', account, id: state.id, character: state.character })
    return state
  })
}

/** Tombstones and failures that are past their time. */
export async function purgeExpired({ db, objects }: Stores, nowMs: number): Promise<void> {
  for (const id of await listExpired(db, nowMs - TOMBSTONE_MS)) {
    await db.transaction().execute((trx) => purgeCharacter(trx, id))
    await endPurge({ db, objects }, id)
  }
}

/** Behind the row: objects without one are collected, a row without its objects would be a broken promise. Says how many objects went. */
async function endPurge({ db, objects }: Stores, id: string): Promise<number> {
  await emptyLog(db)
  return objects.deleteFolder(id)
}
