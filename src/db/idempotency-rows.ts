import type { Database } from './database.ts'

/** Says what a request made, in the transaction that makes it: asked again, it finds this instead of making another. */
export async function bindIdempotencyKey(trx: Database, account: string, key: string, objectId: string): Promise<void> {
  await trx.updateTable('idempotency_keys').set({ object_id: objectId }).where('account', '=', account).where('key', '=', key).execute()
}

/** What a request with this key made before, in a process that ended before it had answered; null where nothing was made. */
export async function findBoundObject(trx: Database, account: string, key: string): Promise<string | null> {
  const row = await trx.selectFrom('idempotency_keys').select('object_id').where('account', '=', account).where('key', '=', key).executeTakeFirst()
  return row?.object_id ?? null
}
