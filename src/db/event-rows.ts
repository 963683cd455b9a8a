import type { Insertable, Selectable } from 'kysely'
import type { Database } from './database.ts'
import { forgetIdempotency } from './idempotency-rows.ts'
import type { EventsTable } from './tables.ts'

export type EventRow = Selectable<EventsTable>

// Each takes the database, or the transaction it is part of. Ids sort by the order in which events happened.

/** Which events: all of an account, or those of one of its objects. */
export interface EventsOf { readonly account: string; readonly objectId: string | null }

const eventsOf = (db: Database, { account, objectId }: EventsOf) => db.selectFrom('events').where('account', '=', account)
  .$if(objectId !== null, (query) => query.where('object_id', '=', objectId ?? ''))

export async function insertEvent(db: Database, row: Insertable<EventsTable>): Promise<void> {
  await db.insertInto('events').values(row).execute()
}

/** Oldest first, those behind `after`. */
export const listEvents = (db: Database, of: EventsOf, { after, limit }: { readonly after: string; readonly limit: number }): Promise<EventRow[]> =>
  eventsOf(db, of).selectAll().where('id', '>', after).orderBy('id').limit(limit).execute()

/** The types of the events up to this one, which must be among them; null where it is not kept. */
export async function typesUpTo(db: Database, of: EventsOf, id: string): Promise<readonly string[] | null> {
  const own = await eventsOf(db, of).select('id').where('id', '=', id).executeTakeFirst()
  if (own === undefined) return null
  if (of.objectId === null) return []
  const rows = await eventsOf(db, of).select('type').distinct().where('id', '<=', id).execute()
  return rows.map(({ type }) => type)
}

export async function latestEventId(db: Database, account: string): Promise<string | null> {
  const row = await eventsOf(db, { account, objectId: null }).select('id').orderBy('id', 'desc').limit(1).executeTakeFirst()
  return row?.id ?? null
}

/**
 * What was told of objects that are gone for good, webhooks that wait among it; that they were deleted stays. To be recorded before this:
 * the ids of an account's events grow from the newest that is kept.
 */
export async function forgetObjects(db: Database, ids: readonly string[]): Promise<void> {
  await db.deleteFrom('events').where('object_id', 'in', ids).where('type', 'not like', DELETED).execute()
  await db.deleteFrom('webhook_deliveries').where('object_id', 'in', ids).where('event_type', 'not like', DELETED).execute()
  await forgetIdempotency(db, ids)
}

const DELETED = '%.deleted'

export async function deleteEventsBefore(db: Database, id: string): Promise<void> {
  await db.deleteFrom('events').where('id', '<', id).execute()
}

/** The newest `most` stay. */
export async function boundEvents(db: Database, account: string, most: number): Promise<void> {
  const border = await eventsOf(db, { account, objectId: null }).select('id').orderBy('id', 'desc').offset(most).limit(1).executeTakeFirst()
  if (border) await db.deleteFrom('events').where('account', '=', account).where('id', '<=', border.id).execute()
}

export const accountsWithEvents = async (db: Database): Promise<readonly string[]> => {
  const rows = await db.selectFrom('events').select('account').distinct().execute()
  return rows.map(({ account }) => account)
}
