import { setImmediate } from 'node:timers/promises'
import { sql, type Insertable, type Selectable, type Updateable } from 'kysely'
import type { Database } from './database.ts'
import { forgetObjects } from './event-rows.ts'
import { isPostgres } from './dialect.ts'
import type { CharactersTable } from './tables.ts'

/** `aliases`: separated by spaces, which no alias holds. */
export type CharacterRow = Selectable<CharactersTable> & { readonly username: string | null; readonly aliases: string | null }
export type CharacterValues = Updateable<CharactersTable>

// Each takes the database, or the transaction it is part of.

const selectCharacters = (db: Database) => db.selectFrom('characters')
  .leftJoin('usernames', (join) => join.onRef('usernames.character_id', '=', 'characters.id').on('usernames.is_alias', '=', 0))
  .selectAll('characters').select('usernames.name as username')
  .select((select) => select.selectFrom('usernames as handles').whereRef('handles.character_id', '=', 'characters.id').where('handles.is_alias', '=', 1)
    .select(({ fn }) => fn.agg<string | null>('string_agg', ['handles.name', sql.lit(' ')]).as('names')).as('aliases'))

export const UNFINISHED = ['queued', 'in_progress'] as const

export async function insertCharacter(db: Database, row: Insertable<CharactersTable>): Promise<void> {
  await db.insertInto('characters').values(row).execute()
}

export const findCharacter = (db: Database, id: string): Promise<CharacterRow | undefined> =>
  selectCharacters(db).where('characters.id', '=', id).executeTakeFirst()

const characterNamed = (db: Database, name: string) => db.selectFrom('usernames as named').select('named.character_id').where('named.name', '=', name)

// `=` and not `in`, which SQLite would look up by going through the whole account.
/** By id or by name, of this account; tombstones too. */
export const findOwnCharacter = (db: Database, account: string, ref: { readonly id: string } | { readonly name: string }): Promise<CharacterRow | undefined> =>
  selectCharacters(db).where('account', '=', account)
    .where((where) => ('id' in ref ? where('characters.id', '=', ref.id) : where('characters.id', '=', characterNamed(db, ref.name))))
    .executeTakeFirst()

// What is said of a list of ids beyond them is looked at here: SQLite would rather use an index of that, and go through the whole account.

/** Those of the ids that are of this account and were not deleted, in no order. */
export async function listOwnCharacters(db: Database, account: string, ids: readonly string[]): Promise<CharacterRow[]> {
  const rows = await selectCharacters(db).where('characters.id', 'in', ids).execute()
  return rows.filter((row) => row.account === account && row.deleted_at === null)
}

/** The same, each with the id of the character that stands for it, which is most often its own. */
export async function standInsOf(db: Database, account: string, ids: readonly string[]): Promise<readonly (readonly [id: string, standIn: string])[]> {
  const rows = await db.selectFrom('characters').leftJoin('characters as same', 'same.id', 'characters.same_as')
    .select(['characters.id', 'characters.account', 'characters.deleted_at', 'same.id as same_id', 'same.deleted_at as same_deleted_at'])
    .where('characters.id', 'in', ids).execute()
  const own = rows.filter((row) => row.account === account && row.deleted_at === null && row.same_deleted_at === null)
  return own.map(({ id, same_id }) => [id, same_id ?? id])
}

export const findByMediaToken = (db: Database, token: string): Promise<CharacterRow | undefined> =>
  selectCharacters(db).where('media_token', '=', token).where('deleted_at', 'is', null).executeTakeFirst()

/** What is under way for this request. */
export const findRunning = (db: Database, account: string, fingerprint: string): Promise<CharacterRow | undefined> =>
  selectCharacters(db).where('account', '=', account).where('fingerprint', '=', fingerprint).where('status', 'in', UNFINISHED)
    .orderBy('characters.id', 'desc').executeTakeFirst()

/** The newest that came of this request and is still there; with these bytes, if they are given. */
export const findCompleted = (db: Database, account: string, fingerprint: string, clipSha256?: string): Promise<CharacterRow | undefined> =>
  selectCharacters(db).where('account', '=', account).where('fingerprint', '=', fingerprint)
    .where('status', '=', 'completed').where('same_as', 'is', null).where('deleted_at', 'is', null)
    .$if(clipSha256 !== undefined, (query) => query.where('clip_sha256', '=', clipSha256 ?? null))
    .orderBy('completed_at', 'desc').executeTakeFirst()

/** What is to be known of an unfinished character to get it into the queue. */
export interface UnfinishedRow { readonly id: string; readonly account: string; readonly trace_id: string | null; readonly created_at: number }

/** A page of those under way in this status, by id: along an index, however many are completed. */
export const listUnfinished = (db: Database, status: typeof UNFINISHED[number], { after, limit }: { readonly after: string; readonly limit: number }): Promise<UnfinishedRow[]> =>
  db.selectFrom('characters').select(['id', 'account', 'trace_id', 'created_at']).where('status', '=', status).where('same_as', 'is', null).where('id', '>', after).orderBy('id').limit(limit).execute()

/** Those of the ids that are still under way. A few hundred at once. */
export async function listUnfinishedOf(db: Database, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await db.selectFrom('characters').select('id').where('id', 'in', ids).where('status', 'in', UNFINISHED).execute()
  return new Set(rows.map(({ id }) => id))
}

export interface CharacterFilter {
  readonly status: CharactersTable['status']
  readonly kind?: string
  /** Folded; each must occur. */
  readonly words: readonly string[]
  readonly after?: string
  readonly order: 'asc' | 'desc'
  readonly limit: number
  /** How many are looked through for words in one statement. */
  readonly lookedThroughAtOnce?: number
}

/** Of them SQLite looks through in some 10 ms, in this very process, which has others to serve before it goes on. */
const LOOKED_THROUGH_AT_ONCE = 20_000

export async function listCharacters(db: Database, account: string, filter: CharacterFilter): Promise<CharacterRow[]> {
  const found: CharacterRow[] = []
  for (let { after } = filter; ;) {
    const border = filter.words.length === 0 ? undefined : await idBehind(db, account, { ...filter, after }, filter.lookedThroughAtOnce ?? LOOKED_THROUGH_AT_ONCE)
    found.push(...await listUntil(db, account, { ...filter, after, limit: filter.limit - found.length }, border))
    if (border === undefined || found.length === filter.limit) return found
    after = border
    await setImmediate()
  }
}

type Page = Pick<CharacterFilter, 'status' | 'kind' | 'after' | 'order'>

const idBehind = async (db: Database, account: string, { status, kind, after, order }: Page, rows: number): Promise<string | undefined> => {
  const row = await db.selectFrom('characters').select('id').where('account', '=', account).where('status', '=', status)
    .$if(kind !== undefined, (query) => query.where('kind', '=', kind ?? ''))
    .$if(after !== undefined, (query) => query.where('id', order === 'asc' ? '>' : '<', after ?? ''))
    .orderBy('id', order).offset(rows - 1).limit(1).executeTakeFirst()
  return row?.id
}

/** Those behind `after` up to `last`. */
const listUntil = (db: Database, account: string, { status, kind, words, after, order, limit }: CharacterFilter, last: string | undefined): Promise<CharacterRow[]> => {
  let query = selectCharacters(db).where('account', '=', account).where('status', '=', status).where('same_as', 'is', null).where('deleted_at', 'is', null)
  if (kind !== undefined) query = query.where('kind', '=', kind)
  if (after !== undefined) query = query.where('characters.id', order === 'asc' ? '>' : '<', after)
  if (last !== undefined) query = query.where('characters.id', order === 'asc' ? '<=' : '>=', last)
  for (const word of words) query = query.where(sql<boolean>`search like ${`%${word.replace(/[\\%_]/g, '\\$&')}%`} escape '\\'`)
  return query.orderBy('characters.id', order).limit(limit).execute()
}

/** A new try. False when the row is no longer waiting for one. */
export const startAttempt = (db: Database, id: string, attempt: number, nowMs: number): Promise<boolean> =>
  changed(db.updateTable('characters').set({ status: 'in_progress', attempts: attempt, updated_at: nowMs })
    .where('id', '=', id).where('status', 'in', UNFINISHED).where('attempts', '=', attempt - 1))

/** Notes how far a try has come; the progress of an earlier try is not taken back. The row's progress then, or null when this try does not hold the row any more: then nothing was written. */
export async function noteStep(db: Database, id: string, attempt: number, { step, progress, nowMs }: { readonly step: string; readonly progress: number; readonly nowMs: number }): Promise<number | null> {
  const row = await db.updateTable('characters')
    .set((set) => ({ step, updated_at: nowMs, progress: set.case().when('progress', '<', progress).then(progress).else(set.ref('progress')).end() }))
    .where('id', '=', id).where('status', '=', 'in_progress').where('attempts', '=', attempt).returning('progress').executeTakeFirst()
  return row?.progress ?? null
}

/** Writes to the row while this try is still the one that holds it. False when it is not: then nothing was written. */
export const updateAttempt = (db: Database, id: string, attempt: number, values: CharacterValues): Promise<boolean> =>
  changed(db.updateTable('characters').set(values).where('id', '=', id).where('status', '=', 'in_progress').where('attempts', '=', attempt))

/** Ends a try with an earlier character as its answer; names that were held for it are free again. False when the try is no longer the one. For a transaction. */
export async function completeAsSame(trx: Database, id: string, attempt: number, { sameAs, nowMs }: { readonly sameAs: string; readonly nowMs: number }): Promise<boolean> {
  const values = { status: 'completed', progress: 100, request: null, same_as: sameAs, updated_at: nowMs, completed_at: nowMs } as const
  const isOurs = await updateAttempt(trx, id, attempt, values)
  if (isOurs) await trx.deleteFrom('usernames').where('character_id', '=', id).execute()
  return isOurs
}

/** Ends a character that this try holds without a result, and frees its names. False when another try holds it, had it and handed it back, or ended it. For a transaction. */
export async function failAttempt(trx: Database, id: string, attempt: number, { error, nowMs }: { readonly error: string; readonly nowMs: number }): Promise<boolean> {
  const values = { status: 'failed', error, request: null, updated_at: nowMs, completed_at: nowMs } as const
  const isFailed = await updateAttempt(trx, id, attempt, values)
  if (isFailed) await trx.deleteFrom('usernames').where('character_id', '=', id).execute()
  return isFailed
}

/** Writes what was edited. */
export async function updateCharacter(db: Database, id: string, values: CharacterValues): Promise<void> {
  await db.updateTable('characters').set(values).where('id', '=', id).execute()
}

/** Null takes the tombstone away. */
export async function setDeleted(db: Database, id: string, deletedAtMs: number | null): Promise<void> {
  await db.updateTable('characters').set({ deleted_at: deletedAtMs }).where('id', '=', id).execute()
}

/** Removes the row, the rows that it stands for, its evidence, names and vectors, and what was told of it. Says how many rows and vectors went. For a transaction; {@link emptyLog} comes after it. */
export async function purgeCharacter(trx: Database, id: string): Promise<{ readonly rows: number; readonly vectors: number }> {
  const vectors = await trx.deleteFrom('vectors').where('character_id', '=', id).executeTakeFirst()
  const names = await trx.deleteFrom('usernames').where('character_id', '=', id).executeTakeFirst()
  const twins = await trx.selectFrom('characters').select('id').where('same_as', '=', id).execute()
  await forgetObjects(trx, [id, ...twins.map((twin) => twin.id)])
  const evidence = await trx.deleteFrom('evidence').where('character_id', '=', id).executeTakeFirst()
  const rows = await trx.deleteFrom('characters').where((where) => where.or([where('id', '=', id), where('same_as', '=', id)])).executeTakeFirst()
  return { rows: Number(rows.numDeletedRows + names.numDeletedRows + evidence.numDeletedRows), vectors: Number(vectors.numDeletedRows) }
}

/** SQLite's log of changes still holds what was purged; PostgreSQL's is the operator's, for backups. */
export async function emptyLog(db: Database): Promise<void> {
  if (!isPostgres(db)) await sql`PRAGMA wal_checkpoint(TRUNCATE)`.execute(db)
}

/** Tombstones from before this time, and failures, at most `limit`: ask again when these are purged. */
export const listExpired = async (db: Database, beforeMs: number, limit = 500): Promise<readonly string[]> => {
  const buried = await db.selectFrom('characters').select('id').where('deleted_at', '<', beforeMs).orderBy('deleted_at').limit(limit).execute()
  const failed = await db.selectFrom('characters').select('id').where('status', '=', 'failed').where('completed_at', '<', beforeMs).where('deleted_at', 'is', null)
    .orderBy('completed_at').limit(limit - buried.length).execute()
  return [...buried, ...failed].map(({ id }) => id)
}

/** Of these, the characters that may have objects, and where they are: all but the failed, and those that another one stands for. A page at a time: each id is a parameter of the query. */
export async function charactersAlive(db: Database, ids: readonly string[]): Promise<ReadonlyMap<string, CharactersTable['status']>> {
  if (ids.length === 0) return new Map()
  const rows = await db.selectFrom('characters').select(['id', 'status', 'same_as']).where('id', 'in', ids).execute()
  return new Map(rows.flatMap(({ id, status, same_as }) => (status === 'failed' || same_as !== null ? [] : [[id, status]])))
}

async function changed(query: { executeTakeFirst(): Promise<{ readonly numUpdatedRows: bigint }> }): Promise<boolean> {
  const { numUpdatedRows } = await query.executeTakeFirst()
  return numUpdatedRows > 0n
}
