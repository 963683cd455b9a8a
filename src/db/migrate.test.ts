import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { sql } from 'kysely'
import { describe, expect, inject, test } from 'vitest'
import { DATABASES, makeTestPlace, openTestDatabase } from '../../test/support/databases.ts'
import { migrateDatabase, openDatabase, type DatabasePlace } from './database.ts'
import { MIGRATIONS } from './migrations.ts'

const ALL = Object.keys(MIGRATIONS)
const NEWER = '9999_of_tomorrow'

const MIGRATE = `
  const { migrateDatabase } = await import(process.argv[1])
  console.log(JSON.stringify(await migrateDatabase(JSON.parse(process.argv[2]))))
`

/** What a process of its own did. */
async function migrateElsewhere(place: DatabasePlace): Promise<unknown> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', MIGRATE, new URL('database.ts', import.meta.url).href, JSON.stringify(place)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  const said = (await child.stdout.toArray()).join('')
  expect((await exited)[0]).toBe(0)
  return JSON.parse(said)
}

describe.each(DATABASES)('migrations on %s', (kind) => {
  test('an empty database gets all tables, and the next time there is nothing to do', async () => {
    await using made = await makeTestPlace(kind)
    expect(await migrateDatabase(made.place)).toEqual(ALL)
    expect(await migrateDatabase(made.place)).toEqual([])
  })

  test('of processes that start at once one makes the tables, and all go on', async () => {
    await using made = await makeTestPlace(kind)
    const done = await Promise.all(Array.from({ length: 4 }, () => migrateElsewhere(made.place)))
    expect(done.flat()).toEqual(ALL)
  })

  test('one that only checks refuses tables that are not up to date, and takes those that are', async () => {
    await using made = await makeTestPlace(kind)
    await expect(openDatabase(made.place, { migrations: 'check' })).rejects.toThrow(/not those of this version yet; run `dramatis migrate`/)
    await migrateDatabase(made.place)
    await using db = await openDatabase(made.place, { migrations: 'check' })
    expect(await db.selectFrom('chores').selectAll().execute()).toEqual([])
  })

  test.each(['apply', 'check'] as const)('a database of a newer program is refused (%s), and says so', async (migrations) => {
    await using tested = await openTestDatabase(kind)
    await tested.db.withTables<{ kysely_migration: { name: string; timestamp: string } }>().insertInto('kysely_migration').values({ name: NEWER, timestamp: new Date().toISOString() }).execute()
    const opening = openDatabase(tested.place, { migrations })
    await expect(opening).rejects.toThrow(`it was written by a newer dramatis (${NEWER}); upgrade this program`)
    await expect(opening).rejects.toMatchObject({ name: 'DatabaseUnusable' })
  })
})

test.skipIf(inject('postgresUrl') === null)('every text of PostgreSQL sorts by its bytes, whatever the language of the server', async () => {
  await using tested = await openTestDatabase('postgres')
  const { rows } = await sql`select c.relname, a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_collation o on o.oid = a.attcollation
    where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and c.relname not like 'kysely%' and o.collname <> 'C'`.execute(tested.db)
  expect(rows).toEqual([])
})
