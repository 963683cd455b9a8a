import { sql, type Insertable, type Selectable, type Updateable } from 'kysely'
import type { Database } from './database.ts'
import type { WebhookDeliveriesTable, WebhookEndpointsTable } from './tables.ts'

export type EndpointRow = Selectable<WebhookEndpointsTable>
export type DeliveryRow = Selectable<WebhookDeliveriesTable>

// Each takes the database, or the transaction it is part of.

interface Paging { readonly limit: number; readonly order: 'asc' | 'desc'; readonly after?: string }

export async function insertEndpoint(db: Database, row: Insertable<WebhookEndpointsTable>): Promise<void> {
  await db.insertInto('webhook_endpoints').values(row).execute()
}

export const findEndpoint = (db: Database, id: string): Promise<EndpointRow | undefined> => db.selectFrom('webhook_endpoints').selectAll().where('id', '=', id).executeTakeFirst()

export const listEndpoints = (db: Database, account: string, { limit, order, after }: Paging): Promise<EndpointRow[]> =>
  db.selectFrom('webhook_endpoints').selectAll().where('account', '=', account)
    .$if(after !== undefined, (query) => query.where('id', order === 'asc' ? '>' : '<', after ?? ''))
    .orderBy('id', order).limit(limit).execute()

export async function countEndpoints(db: Database, account: string): Promise<number> {
  const { count } = await db.selectFrom('webhook_endpoints').select(({ fn }) => fn.countAll<number | string>().as('count')).where('account', '=', account).executeTakeFirstOrThrow()
  return Number(count)
}

/** Those of an account that want this type now. */
export async function listeningEndpoints(db: Database, account: string, type: string): Promise<readonly string[]> {
  const rows = await db.selectFrom('webhook_endpoints').select(['id', 'event_types']).where('account', '=', account).where('disabled_at', 'is', null).orderBy('id').execute()
  return rows.filter((row) => eventTypesOf<string>(row).includes(type)).map(({ id }) => id)
}

/** What is read here was written by us. */
export const eventTypesOf = <Type extends string>({ event_types }: Pick<EndpointRow, 'event_types'>): readonly Type[] => JSON.parse(event_types) as readonly Type[]

/** The newest of an account; null where it has none. */
export async function latestEndpointId(db: Database, account: string): Promise<string | null> {
  const row = await db.selectFrom('webhook_endpoints').select('id').where('account', '=', account).orderBy('id', 'desc').limit(1).executeTakeFirst()
  return row?.id ?? null
}

export async function updateEndpoint(db: Database, id: string, values: Updateable<WebhookEndpointsTable>): Promise<void> {
  await db.updateTable('webhook_endpoints').set(values).where('id', '=', id).execute()
}

/** With its deliveries. */
export async function deleteEndpoint(db: Database, id: string): Promise<void> {
  await db.deleteFrom('webhook_endpoints').where('id', '=', id).execute()
}

export async function insertDeliveries(db: Database, rows: readonly Insertable<WebhookDeliveriesTable>[]): Promise<void> {
  if (rows.length > 0) await db.insertInto('webhook_deliveries').values([...rows]).execute()
}

export const findDelivery = (db: Database, id: string): Promise<DeliveryRow | undefined> => db.selectFrom('webhook_deliveries').selectAll().where('id', '=', id).executeTakeFirst()

/** The newest of an account; null where it has none. */
export async function latestDeliveryId(db: Database, account: string): Promise<string | null> {
  const row = await db.selectFrom('webhook_deliveries').select('id').where('account', '=', account).orderBy('id', 'desc').limit(1).executeTakeFirst()
  return row?.id ?? null
}

export interface DeliveryFilter extends Paging { readonly endpointId?: string; readonly status?: DeliveryRow['status'] }

export const listDeliveries = (db: Database, account: string, { limit, order, after, endpointId, status }: DeliveryFilter): Promise<DeliveryRow[]> => {
  let query = db.selectFrom('webhook_deliveries').selectAll().where('account', '=', account)
  if (endpointId !== undefined) query = query.where('endpoint_id', '=', endpointId)
  if (status !== undefined) query = query.where('status', '=', status)
  if (after !== undefined) query = query.where('id', order === 'asc' ? '>' : '<', after)
  return query.orderBy('id', order).limit(limit).execute()
}

/** Pending ones that no earlier one of the same object and endpoint holds back. */
const nextInLine = (db: Database) => db.selectFrom('webhook_deliveries as delivery').where('status', '=', 'pending')
  .where(({ not, exists, selectFrom }) => not(exists(selectFrom('webhook_deliveries as earlier').select('earlier.id')
    .whereRef('earlier.endpoint_id', '=', 'delivery.endpoint_id').whereRef('earlier.object_id', '=', 'delivery.object_id')
    .where('earlier.status', '=', 'pending').whereRef('earlier.id', '<', 'delivery.id'))))

interface Due { readonly nowMs: number; readonly limit: number; /** Under way. */ readonly except: readonly string[]; /** That take no more for now. */ readonly exceptEndpoints: readonly string[] }

/** Longest due first, without those that a process holds. */
export const dueDeliveries = (db: Database, { nowMs, limit, except, exceptEndpoints }: Due): Promise<DeliveryRow[]> =>
  nextInLine(db).selectAll().where('next_at', '<=', nowMs).where(isFree(nowMs))
    .$if(except.length > 0, (query) => query.where('id', 'not in', except))
    .$if(exceptEndpoints.length > 0, (query) => query.where('endpoint_id', 'not in', exceptEndpoints))
    .orderBy('next_at').orderBy('id').limit(limit).execute()

const isFree = (nowMs: number) => sql<boolean>`(held_until is null or held_until <= ${nowMs})`

/** When the next one that is not due yet will be. */
export async function nextDueAt(db: Database, nowMs: number): Promise<number | null> {
  const row = await nextInLine(db).select('next_at').where('next_at', '>', nowMs).orderBy('next_at').limit(1).executeTakeFirst()
  return row?.next_at ?? null
}

/** For this process, until then. False where another one has it, or it has ended. */
export async function holdDelivery(db: Database, id: string, { nowMs, untilMs }: { readonly nowMs: number; readonly untilMs: number }): Promise<boolean> {
  const { numUpdatedRows } = await db.updateTable('webhook_deliveries').set({ held_until: untilMs }).where('id', '=', id).where('status', '=', 'pending').where(isFree(nowMs)).executeTakeFirst()
  return numUpdatedRows > 0n
}

/** Writes what came of it, and lets go of it. False where it is not held with this end any more: then nothing was written. */
export async function updateHeld(db: Database, { id, heldUntilMs }: { readonly id: string; readonly heldUntilMs: number }, values: Updateable<WebhookDeliveriesTable>): Promise<boolean> {
  const { numUpdatedRows } = await db.updateTable('webhook_deliveries').set({ ...values, held_until: null }).where('id', '=', id).where('status', '=', 'pending').where('held_until', '=', heldUntilMs).executeTakeFirst()
  return numUpdatedRows > 0n
}

export async function countPendingDeliveries(db: Database): Promise<number> {
  const { count } = await db.selectFrom('webhook_deliveries').select(({ fn }) => fn.countAll<number | string>().as('count')).where('status', '=', 'pending').executeTakeFirstOrThrow()
  return Number(count)
}

/** One that ended meanwhile, with its endpoint, stays as it is. */
export async function updatePending(db: Database, id: string, values: Updateable<WebhookDeliveriesTable>): Promise<void> {
  await db.updateTable('webhook_deliveries').set(values).where('id', '=', id).where('status', '=', 'pending').execute()
}

/** Gives up what waits for an endpoint. */
export async function failPending(db: Database, endpointId: string, values: Pick<DeliveryRow, 'last_error' | 'updated_at'>): Promise<void> {
  await db.updateTable('webhook_deliveries').set({ status: 'failed', next_at: null, ...values }).where('endpoint_id', '=', endpointId).where('status', '=', 'pending').execute()
}

/** The ended ones from before this time. */
export async function deleteEndedDeliveries(db: Database, beforeMs: number): Promise<void> {
  await db.deleteFrom('webhook_deliveries').where('status', 'in', ['delivered', 'failed']).where('updated_at', '<', beforeMs).execute()
}

/** The newest `most` of an account stay, whatever their status. */
export async function boundDeliveries(db: Database, account: string, most: number): Promise<void> {
  const border = await db.selectFrom('webhook_deliveries').select('id').where('account', '=', account).orderBy('id', 'desc').offset(most).limit(1).executeTakeFirst()
  if (border) await db.deleteFrom('webhook_deliveries').where('account', '=', account).where('id', '<=', border.id).execute()
}
