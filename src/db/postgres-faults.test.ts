import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { hasPostgres, startOwnPostgres, type OwnPostgres } from '../../test/support/postgres-server.ts'
import { openDatabase, type Database } from './database.ts'
import { createKeys } from './key-rows.ts'
import { openPostgresNotices, type Notice } from './notices.ts'

const UNAVAILABLE = { name: 'AppError', code: 'database_unavailable', details: { retryAfterSeconds: 1 } }
const read = (db: Database) => db.selectFrom('api_keys').select('id').execute()

/** Rejects with what a query while the server is gone rejects with, which takes no longer than a second or so. */
async function refusal(query: () => Promise<unknown>): Promise<unknown> {
  const started = performance.now()
  const error: unknown = await query().then(() => null, (error: unknown) => error)
  expect(performance.now() - started).toBeLessThan(1500)
  return error
}

describe.skipIf(!hasPostgres())('a server that goes', () => {
  let server: OwnPostgres
  beforeAll(async () => { server = await startOwnPostgres() })
  afterAll(() => server[Symbol.asyncDispose]())

  test('every query is refused at once while it is gone, and answered soon after it is back', async () => {
    await using db = await openDatabase(server)
    await Promise.all(Array.from({ length: 5 }, () => read(db))) // idle connections, which die
    await server.stop()
    expect(await Promise.all(Array.from({ length: 20 }, () => refusal(() => read(db))))).toEqual(Array(20).fill(expect.objectContaining(UNAVAILABLE)))
    expect(await refusal(() => db.transaction().execute((trx) => read(trx)))).toMatchObject(UNAVAILABLE)
    await server.start()
    await expect.poll(() => read(db).then(() => 'answered', () => 'refused'), { timeout: 5000 }).toBe('answered')
  })

  test('what is under way in a transaction when it crashes is refused and not there afterwards', async () => {
    await using db = await openDatabase(server)
    const writing = db.transaction().execute(async (trx) => {
      await createKeys(trx).add({ account: 'lost', name: 'a', scopes: [] })
      await server.crash()
      await read(trx)
    })
    await expect(writing).rejects.toMatchObject(UNAVAILABLE)
    await server.start()
    expect((await createKeys(db).list()).filter(({ account }) => account === 'lost')).toEqual([])
  })

  test('a commit that gets no answer is refused', async () => {
    await using db = await openDatabase(server)
    const writing = db.transaction().execute(async (trx) => {
      await createKeys(trx).add({ account: 'unknown', name: 'a', scopes: [] })
      await server.crash()
    })
    await expect(writing).rejects.toMatchObject(UNAVAILABLE)
    await server.start()
  })

  test('a connection that an administrator ends is replaced', async () => {
    await using db = await openDatabase(server)
    await using other = await openDatabase(server)
    const waiting = refusal(() => sql`select pg_sleep(5)`.execute(db))
    await sleep(100)
    await sql`select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(5)%' and pid <> pg_backend_pid()`.execute(other)
    expect(await waiting).toMatchObject(UNAVAILABLE)
    expect(await read(db)).toEqual(expect.any(Array))
  })

  test('one that takes connections and answers none is not waited for', async () => {
    await using db = await openDatabase(server)
    await server.pause()
    const refused = await refusal(() => read(db))
    await server.resume()
    expect(refused).toMatchObject(UNAVAILABLE)
    await expect.poll(() => read(db).then(() => 'answered', () => 'refused'), { timeout: 5000 }).toBe('answered')
  })

  test('notices are heard again, and what was missed meanwhile is looked for', async () => {
    await using db = await openDatabase(server)
    await using notices = await openPostgresNotices(server)
    const heard: (Notice | 'all')[] = []
    notices.hear((notice) => heard.push(notice))
    await server.stop()
    await sleep(200)
    await server.start()
    await expect.poll(() => heard, { timeout: 5000 }).toEqual(['all'])
    await notices.tell(db, { account: 'studio', objectId: 'char_1' })
    await expect.poll(() => heard.slice(1)).toEqual([{ account: 'studio', objectId: 'char_1' }])
  })
})

describe.skipIf(!hasPostgres())('settings of a server that cannot be used', () => {
  let server: OwnPostgres
  beforeAll(async () => { server = await startOwnPostgres() })
  afterAll(() => server[Symbol.asyncDispose]())

  const PASSWORD = 'pa55w0rd'
  const CASES: readonly (readonly [what: string, change: (url: URL) => string, says: RegExp])[] = [
    ['not a URL', () => `nonsense ${PASSWORD}`, /not the address of a PostgreSQL database; write postgres:\/\//],
    ['another kind of database', () => `mysql://a:${PASSWORD}@localhost/b`, /not the address of a PostgreSQL database/],
    ['a password that is not percent-encoded', (url) => url.href.replace('tests@', `tests:${PASSWORD}%@`), /percent-encoded/],
    ['an unknown host', (url) => url.href.replace('127.0.0.1', 'nowhere.invalid'), /host (?:is not known|cannot be looked up); correct it in DATABASE_URL/],
    ['a port nobody listens on', (url) => url.href.replace(/:\d+\//, ':1/'), /127\.0\.0\.1:1\/postgres cannot be used: nothing listens there; start PostgreSQL/],
    ['a missing database', (url) => url.href.replace('/postgres', '/missing'), /no database of this name; make it with createdb/],
    ['an unknown user', (url) => url.href.replace('tests@', `nobody:${PASSWORD}@`), /let this user in|refuses the user or the password/],
  ]
  test.each(CASES)('%s is one sentence with the mend and without the password', async (_what, change, says) => {
    const error: unknown = await openDatabase({ url: change(new URL(server.url)) }).then(() => null, (error: unknown) => error)
    expect(error).toMatchObject({ name: 'DatabaseUnusable', message: expect.stringMatching(says) })
    expect(String(error)).toMatch(/^DatabaseUnusable: The database [^\n]+\.$/)
    expect(String(error)).not.toContain(PASSWORD)
  })

  test('a user without rights is told which to ask for', async () => {
    const url = server.url.replace('tests@', 'guest@')
    await using db = await openDatabase(server)
    await sql`create role guest login`.execute(db)
    await expect(openDatabase({ url })).rejects.toThrow(/no right to the tables, or to make them and the schema of the queue; make it the owner/)
  })
})
