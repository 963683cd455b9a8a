import { Kysely } from 'kysely'
import { applyMigrations, checkMigrations, WrongVersion } from './migrate.ts'
import { explainPostgres, placeOfUrl, postgresDialect } from './postgres.ts'
import { explainSqlite, sqliteDialect } from './sqlite.ts'
import type { Tables } from './tables.ts'

export type Database = Kysely<Tables>

/** A file of SQLite, or a database of a PostgreSQL server. */
export type DatabasePlace = { readonly file: string } | { readonly url: string; /** How many connections at most. */ readonly poolSize?: number }

/** It cannot be reached, is no database of ours, is damaged, may not be written, or is of another version. The message is one sentence with the mend in it, and without a password. */
export class DatabaseUnusable extends Error {
  override readonly name = 'DatabaseUnusable'
  /** The sentence from behind where the database is. */
  readonly reason: string

  constructor(what: string, reason: string, options?: ErrorOptions) {
    super(`The database ${what} cannot be used: ${reason}.`, options)
    this.reason = reason
  }
}

/** Where it is, for people: without user and password. */
export const nameOfPlace = (place: DatabasePlace): string => ('file' in place ? place.file : placeOfUrl(place.url))

export interface OpenOptions {
  /** `apply` brings the tables up to date, and makes a file or tables that are absent; `check` refuses tables that are not. */
  readonly migrations?: 'apply' | 'check'
}

/** Opens the database, with its tables up to date. Rejects with {@link DatabaseUnusable}. */
export async function openDatabase(place: DatabasePlace, { migrations = 'apply' }: OpenOptions = {}): Promise<Database> {
  const { db } = await open(place, migrations)
  return db
}

/** Brings the tables up to date and says what it did. Rejects with {@link DatabaseUnusable}. */
export async function migrateDatabase(place: DatabasePlace): Promise<readonly string[]> {
  const { db, done } = await open(place, 'apply')
  await db.destroy()
  return done
}

interface Opened { readonly db: Database; /** The migrations that were applied. */ readonly done: readonly string[] }

const BRING_UP_TO_DATE = { apply: applyMigrations, check: async (db: Database) => { await checkMigrations(db); return [] } } as const

async function open(place: DatabasePlace, migrations: NonNullable<OpenOptions['migrations']>): Promise<Opened> {
  const bringUpToDate = BRING_UP_TO_DATE[migrations]
  try {
    return await ('file' in place ? openFile(place.file, bringUpToDate) : openServer(place, bringUpToDate))
  } catch (error) {
    const reason = error instanceof WrongVersion ? error.message : explainSqlite(error) ?? explainPostgres(error)
    throw new DatabaseUnusable(nameOfPlace(place), reason ?? (error instanceof Error ? error.message : String(error)), { cause: error })
  }
}

type BringUpToDate = (db: Database) => Promise<readonly string[]>

async function openFile(file: string, bringUpToDate: BringUpToDate): Promise<Opened> {
  await using stack = new AsyncDisposableStack()
  const db = stack.use(new Kysely<Tables>({ dialect: sqliteDialect(file) }))
  const done = await bringUpToDate(db)
  stack.move()
  return { db, done }
}

async function openServer({ url, poolSize }: Extract<DatabasePlace, { url: string }>, bringUpToDate: BringUpToDate): Promise<Opened> {
  await using patient = new Kysely<Tables>({ dialect: postgresDialect(url, { patience: 'much', poolSize: 1 }) })
  const done = await bringUpToDate(patient)
  return { db: new Kysely<Tables>({ dialect: postgresDialect(url, { poolSize }) }), done }
}
