import { sql } from 'kysely'
import type { Database } from './database.ts'
import { isPostgres } from './dialect.ts'

/**
 * From here to the end of the transaction nobody else is between this and the end of theirs, with the same key: for what is read first and
 * then written. SQLite has one writer at a time, whatever it writes.
 */
export async function lockFor(trx: Database, key: string): Promise<void> {
  if (isPostgres(trx)) await sql`select pg_advisory_xact_lock(hashtextextended(${key}, 0))`.execute(trx)
}

/** The clock that all processes share: for leases. */
export async function databaseNowMs(db: Database): Promise<number> {
  if (!isPostgres(db)) return Date.now()
  const { rows } = await sql<{ ms: number }>`select floor(extract(epoch from clock_timestamp()) * 1000)::bigint as ms`.execute(db)
  return Number(rows[0].ms)
}
