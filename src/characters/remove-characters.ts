import { AppError } from '../domain/errors.ts'
import type { CharacterId } from '../domain/identifier.ts'
import { listExpired, purgeCharacter, setDeleted } from '../db/character-rows.ts'
import type { Database } from '../db/database.ts'
import type { Events } from '../events/events.ts'
import type { DiskObjects } from '../objects/disk-objects.ts'
import type { Removal } from './characters.ts'
import { findRow, findVisibleRow } from './read-characters.ts'
import type { CharacterState } from './requests.ts'
import { sha256 } from '../runtime/sha256.ts'
import { stateOf } from './stored-character.ts'

const TOMBSTONE_MS = 30 * 24 * 3_600_000

interface Stores { readonly db: Database; readonly objects: DiskObjects }
type Telling = { readonly db: Database; readonly events: Pick<Events, 'record'> }
interface RemoveRequest { readonly account: string; readonly ref: string; readonly isPurge: boolean; readonly nowMs: number }

export async function removeCharacter(stores: Stores & Telling, { account, ref, isPurge, nowMs }: RemoveRequest): Promise<Removal> {
  const row = isPurge ? await findRow(stores.db, account, ref) : await findVisibleRow(stores.db, account, ref)
  if (row.status === 'queued' || row.status === 'in_progress') throw new AppError('character_not_ready')
  const id = row.id as CharacterId
  const happening = { type: 'character.deleted', account, id } as const
  if (isPurge) {
    const gone = await purge(stores, id)
    await stores.events.record(stores.db, happening)
    return { id, at: 'purged', ...gone, manifestSha256: sha256(row.media ?? '[]') }
  }
  await stores.db.transaction().execute(async (trx) => {
    await setDeleted(trx, id, nowMs)
    await stores.events.record(trx, happening)
  })
  return { id, at: 'deleted', purgeAtMs: nowMs + TOMBSTONE_MS }
}

export async function restoreCharacter({ db, events }: Telling, account: string, ref: string): Promise<CharacterState> {
  const row = await findRow(db, account, ref)
  const state = stateOf({ ...row, deleted_at: null })
  if (row.deleted_at === null || state.at !== 'completed') return state
  await db.transaction().execute(async (trx) => {
    await setDeleted(trx, row.id, null)
    await events.record(trx, { type: 'character.restored', account, id: state.id, character: state.character })
  })
  return state
}

/** Tombstones and failures that are past their time. */
export async function purgeExpired(stores: Stores, nowMs: number): Promise<void> {
  for (const id of await listExpired(stores.db, nowMs - TOMBSTONE_MS)) await purge(stores, id)
}

/** The row first: objects without one are collected, a row without its objects would be a broken promise. */
async function purge({ db, objects }: Stores, id: string) {
  const gone = await purgeCharacter(db, id)
  return { ...gone, objects: await objects.deleteFolder(id) }
}
