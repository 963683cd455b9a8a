import { DatabaseSync } from 'node:sqlite'
import { sql } from 'kysely'
import type { Database } from './database.ts'
import { isPostgres } from './dialect.ts'

/** Writes the database as it is now, whole, to a new file, also while others write to it: they do not wait for it, and it sees nothing of what they do meanwhile. */
export function copySqlite(from: string, to: string): void {
  const db = new DatabaseSync(from, { readOnly: true })
  try {
    db.exec('PRAGMA busy_timeout=5000')
    db.prepare('VACUUM INTO ?').run(to)
  } finally {
    db.close()
  }
}

const MOST_FAULTS = 20

/** What a database of SQLite finds wrong with itself, in its own words; PostgreSQL keeps what this looks for by itself. */
export async function findDatabaseFaults(db: Database): Promise<readonly string[]> {
  if (isPostgres(db)) return []
  const { rows } = await sql<{ integrity_check: string }>`select * from pragma_integrity_check limit ${sql.lit(MOST_FAULTS)}`.execute(db)
  const said = rows.map(({ integrity_check }) => integrity_check).filter((text) => text !== 'ok')
  const { rows: strays } = await sql<{ table: string; parent: string }>`select "table", parent from pragma_foreign_key_check limit ${sql.lit(MOST_FAULTS)}`.execute(db)
  return [...said, ...strays.map(({ table, parent }) => `a row of ${table} refers to none of ${parent}`)]
}
