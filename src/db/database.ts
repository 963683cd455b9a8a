import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { Kysely, SqliteDialect, type SqliteDatabase } from 'kysely'
import { Migrator } from 'kysely/migration'
import type { ErrorCode } from '../domain/error-table.ts'
import { AppError } from '../domain/errors.ts'
import { MIGRATIONS } from './migrations.ts'
import type { Tables } from './tables.ts'

export type Database = Kysely<Tables>

/** The file is there and is no database of ours, is damaged, or cannot be written. */
export class DatabaseUnusable extends Error {
  override readonly name = 'DatabaseUnusable'
}

/** Opens the file, which is made when absent, and brings its tables up to date. Rejects with {@link DatabaseUnusable}. */
export async function openDatabase({ file }: { readonly file: string }): Promise<Database> {
  try {
    const db = new Kysely<Tables>({ dialect: new SqliteDialect({ database: openFile(file) }) })
    await migrate(db)
    return db
  } catch (error) {
    throw new DatabaseUnusable(`The database ${file} cannot be used: ${explain(error)}.`, { cause: error })
  }
}

function openFile(file: string): SqliteDatabase {
  const sqlite = new DatabaseSync(file)
  // An acknowledged row must outlive the power: WAL alone would sync at checkpoints only. And a purged one must leave no bytes.
  sqlite.exec('PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON')
  return {
    close: () => sqlite.close(),
    prepare: (sql) => {
      // A transaction that reads first and then writes must not lose its place to the command line's writes in between.
      const statement = sqlite.prepare(sql === 'begin' ? 'begin immediate' : sql)
      return {
        reader: statement.columns().length > 0,
        all: (parameters) => translated(() => statement.all(...bound(parameters))),
        // A full disk has rolled back by itself; asked again, SQLite would answer with an error that hides the first.
        run: (parameters) => (sql === 'rollback' && !sqlite.isTransaction ? NO_CHANGE : translated(() => statement.run(...bound(parameters)))),
        iterate: (parameters) => statement.iterate(...bound(parameters)),
      }
    },
  }
}

const NO_CHANGE = { changes: 0, lastInsertRowid: 0 }
const bound = (parameters: readonly unknown[]): SQLInputValue[] => parameters as SQLInputValue[] // the tables' types hold nothing else

const FAULTS: Readonly<Record<number, ErrorCode>> = { 10: 'storage_unavailable', 13: 'storage_full' }
const RETRY_AFTER_SECONDS = 30

function translated<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    const code = FAULTS[codeOf(error)]
    throw code ? new AppError(code, { details: { retryAfterSeconds: RETRY_AFTER_SECONDS }, cause: error }) : error
  }
}

/** SQLite's primary result code. */
const codeOf = (error: unknown): number => (error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : 0)

/** Forward only: a database that knows later migrations than this program is refused. */
async function migrate(db: Database): Promise<void> {
  const { error } = await new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } }).migrateToLatest()
  if (error !== undefined) {
    await db.destroy()
    throw error
  }
}

const REASONS: Readonly<Record<number, string>> = {
  8: 'it may not be written; give this user the right, or set DATA_DIR to another folder',
  11: 'it is damaged; restore it from a backup, or move it away to begin anew',
  14: 'it cannot be opened; give this user the right, or set DATA_DIR to another folder',
  26: 'it is not an SQLite database; restore it from a backup, or move it away to begin anew',
}

const explain = (error: unknown): string => REASONS[codeOf(error)] ?? (error instanceof Error ? error.message : String(error))
