import { DatabaseSync, type SQLInputValue } from 'node:sqlite'
import { SqliteAdapter, SqliteDialect, type Dialect, type SqliteDatabase, type SqliteStatement } from 'kysely'
import type { ErrorCode } from '../domain/error-table.ts'
import { AppError } from '../domain/errors.ts'
import { withoutNul } from './without-nul.ts'

/** Opens the file, which is made when absent. Throws SQLite's own errors: {@link explainSqlite}. */
export function sqliteDialect(file: string): Dialect {
  const database = openFile(file)
  return new OneWriterDialect({ database })
}

/** SQLite changes tables inside transactions, and with `begin immediate` one process at a time does. */
class OneWriterDialect extends SqliteDialect {
  override createAdapter(): SqliteAdapter { return new TransactionalAdapter() }
}
class TransactionalAdapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean { return true }
}

function openFile(file: string): SqliteDatabase {
  const sqlite = new DatabaseSync(file)
  // An acknowledged row must outlive the power: WAL alone would sync at checkpoints only. And a purged one must leave no bytes.
  sqlite.exec('PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON')
  // Reading a statement is a tenth of what a read costs.
  const prepared = new Map<string, SqliteStatement>()
  return {
    close: () => sqlite.close(),
    prepare: (sql) => {
      const known = prepared.get(sql)
      if (known) return known
      // A transaction that reads first and then writes must not lose its place to the command line's writes in between.
      const statement = sqlite.prepare(sql === 'begin' ? 'begin immediate' : sql)
      const made: SqliteStatement = {
        reader: statement.columns().length > 0,
        all: (parameters) => translated(() => statement.all(...bound(parameters))),
        // A full disk has rolled back by itself; asked again, SQLite would answer with an error that hides the first.
        run: (parameters) => (sql === 'rollback' && !sqlite.isTransaction ? NO_CHANGE : translated(() => statement.run(...bound(parameters)))),
        iterate: (parameters) => statement.iterate(...bound(parameters)),
      }
      const [oldest] = prepared.keys()
      if (prepared.size >= MOST_PREPARED && oldest !== undefined) prepared.delete(oldest)
      prepared.set(sql, made)
      return made
    },
  }
}

const MOST_PREPARED = 500
const NO_CHANGE = { changes: 0, lastInsertRowid: 0 }
const bound = (parameters: readonly unknown[]): SQLInputValue[] => parameters.map(withoutNul) as SQLInputValue[] // the tables' types hold nothing else

const FAULTS: Readonly<Record<number, readonly [code: ErrorCode, retryAfterSeconds: number]>> = {
  5: ['database_unavailable', 1], 10: ['storage_unavailable', 30], 13: ['storage_full', 30],
}

function translated<T>(work: () => T): T {
  try {
    return work()
  } catch (error) {
    const fault = FAULTS[codeOf(error)]
    throw fault ? new AppError(fault[0], { details: { retryAfterSeconds: fault[1] }, cause: error }) : error
  }
}

/** SQLite's primary result code. */
const codeOf = (error: unknown): number => (error instanceof Error && 'errcode' in error && typeof error.errcode === 'number' ? error.errcode & 0xff : 0)

const REASONS: Readonly<Record<number, string>> = {
  8: 'it may not be written; give this user the right, or set DATA_DIR to another folder',
  11: 'it is damaged; restore it from a backup, or move it away to begin anew',
  14: 'it cannot be opened; give this user the right, or set DATA_DIR to another folder',
  26: 'it is not an SQLite database; restore it from a backup, or move it away to begin anew',
}

/** What is wrong and how to mend it, where that is known. */
export const explainSqlite = (error: unknown): string | undefined => REASONS[codeOf(error)]
