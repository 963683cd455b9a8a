import { createHash } from 'node:crypto'
import { sql, type QueryResult, type RawBuilder } from 'kysely'
import type { Database } from '../db/database.ts'
import type { Tables } from '../db/tables.ts'
import { withoutNul } from '../db/without-nul.ts'

export type TableName = keyof Tables
/** A row of any table. */
export type Row = Readonly<Record<string, string | number | Uint8Array | null>>

/**
 * What makes a library, in an order in which every row comes behind those it refers to, with the columns of the primary key.
 * Errands, whose answers somebody waits for in a process that is gone, and chores, by the clock of another database, are no part of it.
 */
export const LIBRARY_TABLES = {
  characters: ['id'],
  evidence: ['character_id'],
  usernames: ['skeleton'],
  vectors: ['character_id', 'model', 'of'],
  api_keys: ['id'],
  videos: ['id'],
  events: ['id'],
  webhook_endpoints: ['id'],
  webhook_deliveries: ['id'],
  idempotency_keys: ['account', 'key'],
} as const satisfies Partial<Readonly<Record<TableName, readonly string[]>>>

export type LibraryTable = keyof typeof LIBRARY_TABLES
export const TABLE_NAMES = Object.keys(LIBRARY_TABLES) as readonly LibraryTable[] // the keys of a table

/** Rows that come together: what a move that is cut off has to look at again. */
const BATCH = 100

/** All rows of a table by primary key, a batch at a time. */
export async function* rowsOf(db: Database, table: LibraryTable): AsyncGenerator<readonly Row[], void> {
  const key = keyColumns(table)
  let last: Row | null = null
  for (;;) {
    const isBehind: RawBuilder<unknown> = last === null ? sql`` : sql`where (${key}) > (${sql.join(keyOf(table, last))})`
    const { rows }: QueryResult<Row> = await sql<Row>`select * from ${sql.table(table)} ${isBehind} order by ${key} limit ${sql.lit(BATCH)}`.execute(db)
    if (rows.length > 0) yield rows
    if (rows.length < BATCH) return
    last = rows[rows.length - 1]
  }
}

/** Those rows of the table that are under the same keys as these, by {@link nameOf}. */
export async function counterparts(db: Database, table: LibraryTable, rows: readonly Row[]): Promise<ReadonlyMap<string, Row>> {
  const keys = rows.map((row) => sql`(${sql.join(keyOf(table, row))})`)
  const { rows: found } = await sql<Row>`select * from ${sql.table(table)} where (${keyColumns(table)}) in (values ${sql.join(keys)})`.execute(db)
  return new Map(found.map((row) => [nameOf(table, row), row]))
}

/** Writes the rows, over those that are under the same keys. */
export async function putRows(db: Database, table: LibraryTable, rows: readonly Row[]): Promise<void> {
  const columns = Object.keys(rows[0])
  const values = rows.map((row) => sql`(${sql.join(columns.map((column) => row[column]))})`)
  const names = sql.join(columns.map((column) => sql.ref(column)))
  const changes = sql.join(columns.map((column) => sql`${sql.ref(column)} = ${sql.ref(`excluded.${column}`)}`))
  await sql`insert into ${sql.table(table)} (${names}) values ${sql.join(values)} on conflict (${keyColumns(table)}) do update set ${changes}`.execute(db)
}

/** Deletes what is under the same keys, with all that refers to it. */
export async function dropRows(db: Database, table: LibraryTable, rows: readonly Row[]): Promise<void> {
  const keys = rows.map((row) => sql`(${sql.join(keyOf(table, row))})`)
  await sql`delete from ${sql.table(table)} where (${keyColumns(table)}) in (values ${sql.join(keys)})`.execute(db)
}

const keyColumns = (table: LibraryTable) => sql.join(LIBRARY_TABLES[table].map((column) => sql.ref(column)))
const keyOf = (table: LibraryTable, row: Row) => LIBRARY_TABLES[table].map((column) => row[column])
export const nameOf = (table: LibraryTable, row: Row): string => JSON.stringify(keyOf(table, row))

/** What it holds, in hex: the same on every database. */
export function rowHash(row: Row): string {
  const columns = Object.keys(row).toSorted().map((column) => [column, plain(row[column])])
  return createHash('sha256').update(JSON.stringify(columns)).digest('hex')
}

const plain = (value: Row[string]): unknown => (value instanceof Uint8Array ? Buffer.from(value).toString('base64') : withoutNul(value))

const HASHES = 1n << 256n

/** How many rows a table has and what is in them, whatever their order. */
export interface TableSum { readonly rows: number; readonly sha256: string }

export class RunningSum {
  #rows = 0
  #sum = 0n

  add(row: Row): void {
    this.#rows++
    this.#sum = (this.#sum + BigInt(`0x${rowHash(row)}`)) % HASHES
  }

  get value(): TableSum { return { rows: this.#rows, sha256: this.#sum.toString(16).padStart(64, '0') } }
}

export async function sumOf(db: Database, table: LibraryTable): Promise<TableSum> {
  const sum = new RunningSum()
  for await (const rows of rowsOf(db, table)) for (const row of rows) sum.add(row)
  return sum.value
}
