import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openPlace, type OpenPlace } from '../../test/support/library-place.ts'
import { plantCharacter, plantLibrary } from '../../test/support/planted-library.ts'
import { purgeCharacter } from '../db/character-rows.ts'
import { objectKey } from '../domain/stored-file.ts'
import { createDiskObjects } from '../objects/disk-objects.ts'
import { backUpLibrary, type BackupOptions } from './back-up-library.ts'
import { BackupUnusable } from './backup-note.ts'
import { readObject } from './copy-object.ts'
import { rowsOf, sumOf, TABLE_NAMES } from './library-tables.ts'
import { objectsOf } from './named-objects.ts'
import { restoreLibrary } from './restore-library.ts'

let folder: string
let live: string
let backup: string
let restored: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dramatis-backup-'))
  ;[live, backup, restored] = ['live', 'backup', 'restored'].map((name) => join(folder, name))
  for (const place of [live, restored]) await mkdir(place)
})
afterEach(() => rm(folder, { recursive: true }))

const backUp = (options: Partial<BackupOptions> = {}) => backUpLibrary({ databaseFile: join(live, 'dramatis.sqlite'), objectsFolder: join(live, 'objects'), into: backup, nowMs: 1_795_392_000_000, ...options })
const restore = () => restoreLibrary({ backup, databaseFile: join(restored, 'dramatis.sqlite'), objects: createDiskObjects({ folder: join(restored, 'objects') }) })

/** Every row's objects are there and are what it says. Gives back how many characters that were. */
async function expectWhole({ db, objects }: OpenPlace): Promise<number> {
  let characters = 0
  for await (const rows of rowsOf(db, 'characters')) {
    characters += rows.length
    for (const { key, bytes, sha256 } of rows.flatMap((row) => objectsOf('characters', row))) expect(await readObject(objects, key)).toEqual({ bytes, sha256 })
  }
  return characters
}

test('what is restored is the library as it was', async () => {
  await using before = await openPlace(live)
  await plantLibrary(before, 5)
  const report = await backUp()
  expect(report).toMatchObject({ objects: 15, missing: [], tables: { characters: { rows: 5 }, usernames: { rows: 10 } } })
  await plantCharacter(before, 'came_later')
  await restore()
  await using after = await openPlace(restored)
  expect(await expectWhole(after)).toBe(5)
  for (const table of TABLE_NAMES) expect(await sumOf(after.db, table)).toEqual(report.tables[table])
})

test('a backup takes no second room for objects on the same disk, and outlives the library', async () => {
  await using before = await openPlace(live)
  const { id } = await plantCharacter(before, 'misty_otter')
  await backUp()
  const key = objectKey(id, 1, 'clip.mp4')
  expect((await stat(join(backup, 'objects', key))).ino).toBe((await stat(join(live, 'objects', key))).ino)
  await before.objects.deleteFolder(id)
  await restore()
  await using after = await openPlace(restored)
  expect(await expectWhole(after)).toBe(1)
})

test('made while characters come and are purged, no row is without its objects, and nothing of the purged is kept', async () => {
  await using before = await openPlace(live)
  const planted = [...await plantLibrary(before, 40)]
  const over = new AbortController()
  let count = 0
  const load = (async () => {
    while (!over.signal.aborted) {
      planted.push(await plantCharacter(before, `under_load_${count++}`))
      const gone = planted.shift()
      if (gone === undefined) continue
      await before.db.transaction().execute((trx) => purgeCharacter(trx, gone.id))
      await before.objects.deleteFolder(gone.id)
    }
  })()
  const { tables: { characters }, missing } = await backUp().finally(() => { over.abort() })
  await load
  expect(count).toBeGreaterThan(0)
  expect(missing).toEqual([])
  await restore()
  await using after = await openPlace(restored)
  expect(await expectWhole(after)).toBe(characters.rows)
  const kept = await after.db.selectFrom('usernames').innerJoin('characters', 'characters.id', 'usernames.character_id').select('character_id').execute()
  expect(new Set(kept.map((row) => row.character_id)).size).toBe(characters.rows)
})

test('an object that the service lacks itself is reported, and nothing of what it belongs to is in the backup', async () => {
  await using before = await openPlace(live)
  const { id } = await plantCharacter(before, 'misty_otter')
  await plantCharacter(before, 'brave_lynx')
  await before.db.insertInto('events').values({ id: 'evt_1', account: 'local', object_id: id, type: 'character.completed', data: '{}', created_at: 0 }).execute()
  await rm(join(live, 'objects', objectKey(id, 1, 'clip.mp4')))
  const report = await backUp()
  expect(report.missing).toEqual([objectKey(id, 1, 'clip.mp4')])
  expect(report.tables).toMatchObject({ characters: { rows: 1 }, usernames: { rows: 1 }, events: { rows: 0 } })
})

test('a folder with something in it is not written to, and a library is not restored over another', async () => {
  await using before = await openPlace(live)
  await plantCharacter(before, 'misty_otter')
  await mkdir(backup)
  await writeFile(join(backup, 'letter.txt'), 'Dear')
  await expect(backUp()).rejects.toThrow(BackupUnusable)
  expect(await readdir(backup)).toEqual(['letter.txt'])
  await rm(backup, { recursive: true })
  await backUp()
  await writeFile(join(restored, 'dramatis.sqlite'), 'mine')
  await expect(restore()).rejects.toThrow('already')
  expect(await readFile(join(restored, 'dramatis.sqlite'), 'utf8')).toBe('mine')
})

test.each([
  ['cut off', async () => rm(join(backup, 'backup.json'))],
  ['without a database', async () => writeFile(join(backup, 'dramatis.sqlite'), 'x')],
  ['without an object', async (key: string) => rm(join(backup, 'objects', key))],
  ['with another object', async (key: string) => { await rm(join(backup, 'objects', key)); await copyFile(join(backup, 'backup.json'), join(backup, 'objects', key)) }],
] as const)('a backup that is %s is refused, and nothing can be served from what came of it; mended it is restored', async (_what, damage) => {
  await using before = await openPlace(live)
  const { id } = await plantCharacter(before, 'misty_otter')
  await backUp()
  const key = objectKey(id, 1, 'clip.mp4')
  const whole = await Promise.all(['backup.json', 'dramatis.sqlite', `objects/${key}`].map(async (name) => [join(backup, name), await readFile(join(backup, name))] as const))
  await damage(key)
  await expect(restore()).rejects.toThrow(BackupUnusable)
  expect(await readdir(restored)).not.toContain('dramatis.sqlite')
  for (const [path, data] of whole) {
    await rm(path, { force: true })
    await writeFile(path, data)
  }
  await restore()
  await using after = await openPlace(restored)
  expect(await expectWhole(after)).toBe(1)
})
