import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Client, escapeIdentifier } from 'pg'
import { inject } from 'vitest'
import { openDatabase, type Database, type DatabasePlace } from '../../src/db/database.ts'
import { createLocalNotices, openPostgresNotices, type Notices } from '../../src/db/notices.ts'

export type DatabaseKind = 'sqlite' | 'postgres'

/** Those that can be had here: `describe.each(DATABASES)('… on %s', (kind) => …)`. */
export const DATABASES: readonly DatabaseKind[] = inject('postgresUrl') === null ? ['sqlite'] : ['sqlite', 'postgres']

/** A place for a database of one's own, empty, gone afterwards. */
export interface TestPlace extends AsyncDisposable { readonly place: DatabasePlace }

export interface TestDatabase extends TestPlace {
  readonly db: Database
  readonly notices: Notices
  /** The same database and its notices once more, as another process has them; of SQLite, which is for one process, the same ones. Closed with the first. */
  another(): Promise<{ readonly db: Database; readonly notices: Notices }>
}

/** A new database with its tables. */
export async function openTestDatabase(kind: DatabaseKind): Promise<TestDatabase> {
  const stack = new AsyncDisposableStack()
  const { place } = stack.use(await makeTestPlace(kind))
  const open = async () => ({
    db: stack.use(await openDatabase(place)),
    notices: stack.use('url' in place ? await openPostgresNotices(place) : createLocalNotices()),
  })
  const first = await open()
  return { ...first, place, another: 'url' in place ? open : async () => first, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

export const makeTestPlace = (kind: DatabaseKind): Promise<TestPlace> => (kind === 'sqlite' ? makeFile() : makeServerDatabase())

async function makeFile(): Promise<TestPlace> {
  const folder = await mkdtemp(join(tmpdir(), 'dramatis-db-'))
  return { place: { file: join(folder, 'dramatis.sqlite') }, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

async function makeServerDatabase(): Promise<TestPlace> {
  const server = inject('postgresUrl')
  if (server === null) throw new Error('there is no PostgreSQL here: skip the test')
  const name = `dramatis_${crypto.randomUUID().replaceAll('-', '')}`
  const url = new URL(server)
  url.pathname = `/${name}`
  // Its own order of text is not that of bytes: queries have to ask for that.
  await tell(server, `create database ${escapeIdentifier(name)} template template0 strategy wal_log locale_provider icu icu_locale 'en-US'`)
  return { place: { url: url.href }, [Symbol.asyncDispose]: () => tell(server, `drop database ${escapeIdentifier(name)} with (force)`) }
}

async function tell(server: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: server })
  await client.connect()
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
