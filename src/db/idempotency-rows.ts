import type { Database } from './database.ts'
import { databaseNowMs, lockFor } from './lock.ts'

/** Whose key, and what for: a hash of the route and the fields. */
export interface KeyRequest { readonly account: string; readonly key: string; readonly fields: string }

/** An answer as it was given, to give it again. */
export interface KeptAnswer { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string }

/** A place in the table that is ours as long as `heldAt` stands there: who takes it over writes another time. */
export interface KeyHold { readonly account: string; readonly key: string; readonly heldAt: number }

export type KeyState =
  | { readonly at: 'ours'; readonly hold: KeyHold }
  | { readonly at: 'held' | 'reused' }
  | { readonly at: 'answered'; readonly answer: KeptAnswer }

const KEPT_MS = 24 * 3_600_000
/** Three refreshes: whoever holds a key says so every five seconds. */
const STALE_MS = 15_000
const FORGET_AT_ONCE = 500
const RELEASED = 0

/** Looks first and writes only where there is something to take: those who wait ask often. */
export async function claimKey(db: Database, request: KeyRequest): Promise<KeyState> {
  const seen = await lookAt(db, request)
  return seen ?? await db.transaction().execute(async (trx) => {
    await lockFor(trx, lockOf(request.account, request.key))
    return await lookAt(trx, request) ?? await take(trx, request)
  })
}

/** Null where the key is free: unknown, forgotten, or left by a process that is gone. */
async function lookAt(db: Database, { account, key, fields }: KeyRequest): Promise<Exclude<KeyState, { at: 'ours' }> | null> {
  const row = await db.selectFrom('idempotency_keys').selectAll().where('account', '=', account).where('key', '=', key).executeTakeFirst()
  if (row === undefined) return null
  const nowMs = await databaseNowMs(db)
  if (row.created_at < nowMs - KEPT_MS) return null
  // Also one from the future is stale: the clock was set back since.
  const isHeld = row.status === null && Math.abs(nowMs - row.held_at) < STALE_MS
  const isUsed = isHeld || row.status !== null || row.object_id !== null
  if (row.fields !== fields) return isUsed ? { at: 'reused' } : null
  if (row.status !== null) return { at: 'answered', answer: { status: row.status, headers: JSON.parse(row.headers ?? '{}') as KeptAnswer['headers'], body: row.body ?? '' } } // written by keepAnswer
  return isHeld ? { at: 'held' } : null
}

/** What the request made in a process that is gone stays bound to it. */
async function take(trx: Database, { account, key, fields }: KeyRequest): Promise<KeyState> {
  const nowMs = await databaseNowMs(trx)
  await trx.deleteFrom('idempotency_keys').where('account', '=', account).where('key', '=', key)
    .where((where) => where.or([where('created_at', '<', nowMs - KEPT_MS), where('fields', '!=', fields)])).execute()
  await trx.insertInto('idempotency_keys').values({ account, key, fields, object_id: null, status: null, headers: null, body: null, held_at: nowMs, created_at: nowMs })
    .onConflict((conflict) => conflict.columns(['account', 'key']).doUpdateSet({ held_at: nowMs })).execute()
  return { at: 'ours', hold: { account, key, heldAt: nowMs } }
}

const held = ({ account, key, heldAt }: KeyHold) => ({ account, key, held_at: heldAt })

/** Says that these are still worked on. Gives back the holds as they are now; who is not among them has lost the key. */
export const refreshKeys = (db: Database, holds: readonly KeyHold[]): Promise<readonly KeyHold[]> => db.transaction().execute(async (trx) => {
  const nowMs = await databaseNowMs(trx)
  const kept: KeyHold[] = []
  for (const hold of holds) {
    const { numUpdatedRows } = await trx.updateTable('idempotency_keys').set({ held_at: nowMs }).where((where) => where.and(held(hold))).where('status', 'is', null).executeTakeFirst()
    if (numUpdatedRows > 0n) kept.push({ ...hold, heldAt: nowMs })
  }
  return kept
})

/** The answer, and what object it tells of. Nothing happens where the key was lost. */
export async function keepAnswer(trx: Database, hold: KeyHold, { answer: { status, headers, body }, objectId }: { readonly answer: KeptAnswer; readonly objectId: string | null }): Promise<void> {
  await trx.updateTable('idempotency_keys')
    .set({ status, headers: JSON.stringify(headers), body, ...(objectId !== null && { object_id: objectId }) })
    .where((where) => where.and(held(hold))).where('status', 'is', null).execute()
}

/** Free for the next request. What was made is still bound where it may come to its end: `isRefused` says that it will not. */
export async function releaseKey(trx: Database, hold: KeyHold, { isRefused }: { readonly isRefused: boolean }): Promise<void> {
  const mine = trx.deleteFrom('idempotency_keys').where((where) => where.and(held(hold)))
  await (isRefused ? mine : mine.where('object_id', 'is', null)).execute()
  await trx.updateTable('idempotency_keys').set({ held_at: RELEASED }).where((where) => where.and(held(hold))).execute()
}

/** For a database of one process, before its first request: whoever held a key is gone. */
export async function releaseAllKeys(db: Database): Promise<void> {
  await db.updateTable('idempotency_keys').set({ held_at: RELEASED }).where('status', 'is', null).execute()
}

/** Says what a request made, in the transaction that makes it: asked again, it finds this instead of making another. */
export async function bindIdempotencyKey(trx: Database, account: string, key: string, objectId: string): Promise<void> {
  await trx.updateTable('idempotency_keys').set({ object_id: objectId }).where('account', '=', account).where('key', '=', key).execute()
}

/**
 * What a request with this key made before, in a process that ended before it had answered; null where nothing was made. For the transaction
 * that binds: until its end nobody else looks, so that one who lost the key without knowing makes nothing beside the other.
 */
export async function findBoundObject(trx: Database, account: string, key: string): Promise<string | null> {
  await lockFor(trx, lockOf(account, key))
  const row = await trx.selectFrom('idempotency_keys').select('object_id').where('account', '=', account).where('key', '=', key).executeTakeFirst()
  return row?.object_id ?? null
}

/** Of objects that are gone for good: the answers that tell of them. For the transaction that removes them, before their rows go. */
export async function forgetIdempotency(trx: Database, objectIds: readonly string[]): Promise<void> {
  await trx.deleteFrom('idempotency_keys').where('object_id', 'in', objectIds).execute()
  // A character is also told of among others: in prompts that were resolved, in the cast of videos.
  const characters = await trx.selectFrom('characters').select(['id', 'account']).where('id', 'in', objectIds).execute()
  for (const { id, account } of characters) await trx.deleteFrom('idempotency_keys').where('account', '=', account).where('body', 'like', `%${id}%`).execute()
}

/** Those of more than a day ago, a few at a time. */
export async function forgetOldKeys(db: Database): Promise<void> {
  const beforeMs = await databaseNowMs(db) - KEPT_MS
  for (;;) {
    const { numDeletedRows } = await db.deleteFrom('idempotency_keys').where(({ eb, refTuple, selectFrom }) =>
      eb(refTuple('account', 'key'), 'in', selectFrom('idempotency_keys').select(['account', 'key']).where('created_at', '<', beforeMs).limit(FORGET_AT_ONCE).$asTuple('account', 'key'))).executeTakeFirst()
    if (numDeletedRows < BigInt(FORGET_AT_ONCE)) return
  }
}

const lockOf = (account: string, key: string): string => `idempotency:${account}:${key}`
