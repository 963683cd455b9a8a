import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DatabaseUnusable, openDatabase } from './database.ts'
import { createKeys } from './key-rows.ts'

let folder: string
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'dramatis-db-')) })
afterEach(() => rm(folder, { recursive: true }))

test('what was written is there after the next open', async () => {
  const file = join(folder, 'dramatis.db')
  const first = await openDatabase({ file })
  const { key } = await createKeys(first).add({ account: 'studio', name: 'laptop', scopes: [] })
  await first.destroy()
  await using again = await openDatabase({ file })
  expect(await createKeys(again).find(key)).not.toBeNull()
})

const WRITER = `
  const { DatabaseSync } = await import('node:sqlite')
  const db = new DatabaseSync(process.argv[1])
  db.exec('PRAGMA busy_timeout=5000')
  for (let n = 0; n < 100; n++) db.exec("insert into api_keys values ('key_" + n + "', 'a', 'n', '" + n + "', 'last', '[]', 0, null)")
`

test('transactions that read first and then write never collide with the writes of another process', async () => {
  const file = join(folder, 'dramatis.db')
  await using db = await openDatabase({ file })
  const writer = spawn(process.execPath, ['--input-type=module', '-e', WRITER, file], { stdio: ['ignore', 'ignore', 'inherit'] })
  const ended = once(writer, 'exit')
  const keys = createKeys(db)
  let transactions = 0
  while (writer.exitCode === null) {
    await db.transaction().execute(async (trx) => {
      await trx.selectFrom('api_keys').select('id').limit(1).execute()
      await sleep(1)
      await createKeys(trx).add({ account: 'a', name: 'a', scopes: [] })
    })
    transactions++
    await sleep(1)
  }
  expect((await ended)[0]).toBe(0)
  expect(await keys.list()).toHaveLength(100 + transactions)
})

test('a file that is no database is refused in one line that says how to mend it', async () => {
  const file = join(folder, 'dramatis.db')
  await writeFile(file, 'x'.repeat(10_000))
  await expect(openDatabase({ file })).rejects.toThrow(DatabaseUnusable)
  await expect(openDatabase({ file })).rejects.toThrow(/not an SQLite database; restore it from a backup/)
  await expect(openDatabase({ file: join(folder, 'none', 'dramatis.db') })).rejects.toThrow(/cannot be opened/)
})

test('a database of a later version is refused', async () => {
  const file = join(folder, 'dramatis.db')
  const first = await openDatabase({ file })
  await first.insertInto('kysely_migration' as never).values({ name: '9999_later', timestamp: '2099' } as never).execute()
  await first.destroy()
  await expect(openDatabase({ file })).rejects.toThrow(DatabaseUnusable)
})
