import { AppError } from '../domain/errors.ts'
import type { CharacterId } from '../domain/identifier.ts'
import { emptyLog, findCharacter, listExpired, purgeCharacter, setDeleted, type CharacterRow } from '../db/character-rows.ts'
import type { Database } from '../db/database.ts'
import { lockFor } from '../db/lock.ts'
import type { Events } from '../events/events.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import type { Removal } from './characters.ts'
import { lockRow, lockVisibleRow } from './read-characters.ts'
import type { CharacterState } from './requests.ts'
import { sha256 } from '../runtime/sha256.ts'
import { stateOf } from './stored-character.ts'

const TOMBSTONE_MS = 30 * 24 * 3_600_000
/** Between two of them others get at the database. */
const AT_ONCE = 100

interface Stores { readonly db: Database; readonly objects: ObjectStore }
type Telling = { readonly db: Database; readonly events: Pick<Events, 'record'> }
interface RemoveRequest { readonly account: string; readonly ref: string; readonly isPurge: boolean; readonly nowMs: number }

export const removeCharacter = (stores: Stores & Telling, request: RemoveRequest): Promise<Removal> => (request.isPurge ? purgeNow(stores, request) : bury(stores, request))

async function bury({ db, events }: Telling, { account, ref, nowMs }: RemoveRequest): Promise<Removal> {
  return db.transaction().execute(async (trx) => {
    const id = idOfEnded(await lockVisibleRow(trx, account, ref))
    await setDeleted(trx, id, nowMs)
    await events.record(trx, { type: 'character.deleted', account, id })
    return { id, at: 'deleted', purgeAtMs: nowMs + TOMBSTONE_MS }
  })
}

async function purgeNow({ db, objects, events }: Stores & Telling, { account, ref }: RemoveRequest): Promise<Removal> {
  const { id, ...gone } = await db.transaction().execute(async (trx) => {
    const row = await lockRow(trx, account, ref)
    const id = idOfEnded(row)
    await events.record(trx, { type: 'character.deleted', account, id }) // before what was told is forgotten: ids of events grow from the last that is kept
    const gone = await purgeCharacter(trx, id)
    return { id, ...gone, manifestSha256: sha256(row.media ?? '[]') }
  })
  await emptyLog(db)
  return { id, at: 'purged', ...gone, objects: await objects.deleteFolder(id) } // behind the row: a row without its objects would be a broken promise
}

function idOfEnded({ id, status }: CharacterRow): CharacterId {
  if (status === 'queued' || status === 'in_progress') throw new AppError('character_not_ready')
  return id as CharacterId
}

export async function restoreCharacter({ db, events }: Telling, account: string, ref: string): Promise<CharacterState> {
  return db.transaction().execute(async (trx) => {
    const row = await lockRow(trx, account, ref)
    const state = stateOf({ ...row, deleted_at: null })
    if (row.deleted_at === null || state.at !== 'completed') return state
    await setDeleted(trx, row.id, null)
    await events.record(trx, { type: 'character.restored', account, id: state.id, character: state.character })
    return state
  })
}

/** Tombstones and failures that are past their time. What the store does not delete now is found as an orphan. */
export async function purgeExpired({ db, objects }: Stores, { nowMs, signal }: { readonly nowMs: number; readonly signal: AbortSignal }): Promise<void> {
  const beforeMs = nowMs - TOMBSTONE_MS
  for (;;) {
    const ids = await listExpired(db, beforeMs, AT_ONCE)
    for (const id of ids) {
      signal.throwIfAborted()
      const isPurged = await db.transaction().execute((trx) => purgeIfExpired(trx, id, beforeMs))
      if (isPurged) await objects.deleteFolder(id)
    }
    if (ids.length > 0) await emptyLog(db)
    if (ids.length < AT_ONCE) return
  }
}

/** It may have been restored since it was listed. */
async function purgeIfExpired(trx: Database, id: string, beforeMs: number): Promise<boolean> {
  await lockFor(trx, id)
  const row = await findCharacter(trx, id)
  const isExpired = row !== undefined && ((row.deleted_at !== null && row.deleted_at < beforeMs) || (row.status === 'failed' && (row.completed_at ?? 0) < beforeMs))
  if (isExpired) await purgeCharacter(trx, id)
  return isExpired
}
