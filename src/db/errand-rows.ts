import type { Insertable, Selectable } from 'kysely'
import type { Database } from './database.ts'
import type { ErrandsTable } from './tables.ts'

export type ErrandRow = Selectable<ErrandsTable>
type ErrandEnd = { readonly status: 'completed'; readonly answer: string } | { readonly status: 'failed'; readonly error: string }

export async function insertErrand(trx: Database, row: Insertable<ErrandsTable>): Promise<void> {
  await trx.insertInto('errands').values(row).execute()
}

/** Undefined once nobody waits for it. */
export const findErrand = (db: Database, id: string): Promise<ErrandRow | undefined> => db.selectFrom('errands').selectAll().where('id', '=', id).executeTakeFirst()

const queued = (db: Database, id: string) => db.updateTable('errands').where('id', '=', id).where('status', '=', 'queued')

/** False when it is no longer waiting for this try. */
export async function startErrand(db: Database, id: string, attempt: number): Promise<boolean> {
  const { numUpdatedRows } = await queued(db, id).set({ attempts: attempt }).where('attempts', '=', attempt - 1).executeTakeFirst()
  return numUpdatedRows > 0n
}

/** The try does not count. */
export async function handBackErrand(db: Database, id: string, attempt: number): Promise<void> {
  await queued(db, id).set({ attempts: attempt - 1 }).where('attempts', '=', attempt).execute()
}

/** False when another try has it, it has an end, or nobody waits for it. `attempt`: null when it is given up, whatever try it is at. */
export async function endErrand(trx: Database, id: string, attempt: number | null, end: ErrandEnd): Promise<boolean> {
  const { numUpdatedRows } = await queued(trx, id).set(end).$if(attempt !== null, (query) => query.where('attempts', '=', attempt ?? 0)).executeTakeFirst()
  return numUpdatedRows > 0n
}

export async function deleteErrand(db: Database, id: string): Promise<void> {
  await db.deleteFrom('errands').where('id', '=', id).execute()
}

export async function deleteErrandsBefore(db: Database, createdBeforeMs: number): Promise<void> {
  await db.deleteFrom('errands').where('created_at', '<', createdBeforeMs).execute()
}

export async function deleteErrandsBut(db: Database, ids: readonly string[]): Promise<void> {
  await db.deleteFrom('errands').$if(ids.length > 0, (query) => query.where('id', 'not in', ids)).execute()
}
