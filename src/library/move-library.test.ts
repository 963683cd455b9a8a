import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import { makeTestPlace } from '../../test/support/databases.ts'
import { openPlace } from '../../test/support/library-place.ts'
import { openBucket } from '../../test/support/s3-server.ts'
import { clipAlone, plantCharacter, plantLibrary } from '../../test/support/planted-library.ts'
import { characterOf } from '../db/stored-character.ts'
import { findOwnCharacter } from '../db/character-rows.ts'
import { claimChore } from '../db/chore-rows.ts'
import { objectKey } from '../domain/stored-file.ts'
import { TABLE_NAMES, sumOf } from './library-tables.ts'
import { LibraryUnmovable, moveLibrary, type Place } from './move-library.ts'

const KILLED_MOVE = fileURLToPath(new URL('../../test/fixtures/killed-move.ts', import.meta.url))

let folder: string
let source: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dramatis-move-'))
  source = join(folder, 'source')
  await mkdir(source)
})
afterEach(() => rm(folder, { recursive: true }))

/** The addresses of an empty place. */
interface Target extends AsyncDisposable { readonly database: string; readonly objects: string }

async function inFolder(): Promise<Target> {
  const target = join(folder, 'target')
  await mkdir(target)
  return { database: target, objects: target, [Symbol.asyncDispose]: async () => {} }
}

async function onServers(): Promise<Target> {
  const stack = new AsyncDisposableStack()
  const { place } = stack.use(await makeTestPlace('postgres'))
  const { url } = stack.use(await openBucket(inject('s3Url') ?? ''))
  return { database: 'url' in place ? place.url : '', objects: url, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

const TARGETS = [['a folder', inFolder], ...(inject('postgresUrl') === null || inject('s3Url') === null ? [] : [['PostgreSQL and S3', onServers] as const])] as const

async function expectSame(from: Place, to: Place): Promise<void> {
  for (const table of TABLE_NAMES) expect({ table, ...await sumOf(to.db, table) }).toEqual({ table, ...await sumOf(from.db, table) })
}

const textOf = async ({ objects }: Pick<Place, 'objects'>, key: string): Promise<string> => Buffer.concat(await Array.fromAsync(await objects.get(key))).toString()

/** Moves in a process of its own that is killed when it has written so many objects. */
async function moveUntilKilled(target: Target, objects: number): Promise<unknown> {
  const child = spawn(process.execPath, [KILLED_MOVE, source, String(objects), target.database, target.objects], { stdio: ['ignore', 'ignore', 'inherit'] })
  const [code, signal] = await once(child, 'exit')
  return signal ?? code
}

const key = (id: string) => ({ id, account: 'a', name: 'n', sha256: id, last4: 'last', scopes: '[]', created_at: 0, revoked_at: null })

describe.each(TARGETS)('to %s', (_where, make) => {
  let target: Target
  beforeEach(async () => { target = await make() })
  afterEach(async () => { await target[Symbol.asyncDispose]() })

  test('a library that is killed in the middle of its move is whole after the next one, which writes only what was missing', async () => {
    await using from = await openPlace(source)
    const characters = await plantLibrary(from, 200, clipAlone)
    expect(await moveUntilKilled(target, 150)).toBe('SIGKILL')
    await using to = await openPlace(target.database, target.objects)
    const half = await sumOf(to.db, 'characters')
    expect(half.rows).toBe(100)

    const report = await moveLibrary({ from, to })
    expect(report).toMatchObject({ objects: 200, tables: { characters: { rows: 200 }, usernames: { rows: 400 }, vectors: { rows: 400 }, evidence: { rows: 200 } } })
    await expectSame(from, to)
    for (const { username, id, aliases } of characters) {
      expect(await textOf(to, objectKey(id, 1, 'clip.mp4'))).toBe(`clip of ${username}`)
      const row = await findOwnCharacter(to.db, 'local', { name: aliases[0] })
      expect(row && characterOf(row).username).toBe(username)
    }
    expect(await moveLibrary({ from, to })).toMatchObject({ rowsWritten: 0, objects: 200 })
  }, 120_000) // hundreds of small objects to a server, twice

  test('no row is in the target before its objects are', async () => {
    await using from = await openPlace(source)
    await using to = await openPlace(target.database, target.objects)
    await plantLibrary(from, 3)
    let rowsWhileCopying = 0
    const put: Place['objects']['put'] = async (...args) => {
      rowsWhileCopying += (await sumOf(to.db, 'characters')).rows
      await to.objects.put(...args)
    }
    await moveLibrary({ from, to: { db: to.db, objects: { ...to.objects, put } } })
    expect(rowsWhileCopying).toBe(0)
    expect((await sumOf(to.db, 'characters')).rows).toBe(3)
  })

  test('a service that was started on the target already does not collect what has no row yet', async () => {
    await using from = await openPlace(source)
    await using to = await openPlace(target.database, target.objects)
    await plantLibrary(from, 1)
    const collecting = new Set<boolean>()
    const put: Place['objects']['put'] = async (...args) => {
      for (const chore of ['characters.orphans', 'videos.orphans']) collecting.add(await claimChore(to.db, chore, 3_600_000))
      await to.objects.put(...args)
    }
    await moveLibrary({ from, to: { db: to.db, objects: { ...to.objects, put } } })
    expect([...collecting]).toEqual([false])
  })

  test('what was changed between two moves is as it is now', async () => {
    await using from = await openPlace(source)
    await using to = await openPlace(target.database, target.objects)
    await plantLibrary(from, 2)
    await moveLibrary({ from, to })
    await from.db.updateTable('characters').set({ search: 'otherwise' }).execute()
    expect(await moveLibrary({ from, to })).toMatchObject({ rowsWritten: 2 })
    await expectSame(from, to)
  })

  test('a target with characters of its own is refused, and left as it is', async () => {
    await using from = await openPlace(source)
    await using to = await openPlace(target.database, target.objects)
    await plantLibrary(from, 2)
    const { id } = await plantCharacter(to, 'somebody')
    await expect(moveLibrary({ from, to })).rejects.toThrow(LibraryUnmovable)
    await expect(moveLibrary({ from, to })).rejects.toThrow(id)
    expect(await sumOf(to.db, 'characters')).toMatchObject({ rows: 1 })
  })

  test('keys that were made in the target beforehand stay beside those that come', async () => {
    await using from = await openPlace(source)
    await using to = await openPlace(target.database, target.objects)
    await from.db.insertInto('api_keys').values(key('key_here')).execute()
    await to.db.insertInto('api_keys').values(key('key_there')).execute()
    await moveLibrary({ from, to })
    expect((await to.db.selectFrom('api_keys').select('id').orderBy('id').execute()).map(({ id }) => id)).toEqual(['key_here', 'key_there'])
  })

  test('an object that is missing, or is not what its row says, is named, and its row does not come', async () => {
    await using from = await openPlace(source)
    await using to = await openPlace(target.database, target.objects)
    const whole = await plantCharacter(from, 'misty_otter')
    await from.objects.put(objectKey(whole.id, 1, 'clip.mp4'), new TextEncoder().encode('other bytes'))
    await expect(moveLibrary({ from, to })).rejects.toThrow(`${objectKey(whole.id, 1, 'clip.mp4')} is damaged`)
    await from.objects.deleteFolder(whole.id)
    await expect(moveLibrary({ from, to })).rejects.toThrow('is missing')
    expect(await sumOf(to.db, 'characters')).toMatchObject({ rows: 0 })
  })

  test('what was given for an unfinished character or video comes along', async () => {
    await using from = await openPlace(source)
    await using to = await openPlace(target.database, target.objects)
    const row = { account: 'local', status: 'queued', progress: 0, attempts: 0, fingerprint: 'f', created_at: 0, updated_at: 0, trace_id: null } as const
    await from.db.insertInto('characters').values({ ...row, id: 'char_1', is_forced: 0, request: JSON.stringify({ source: { type: 'upload', key: 'char_1-given/source' } }) }).execute()
    await from.db.insertInto('videos').values({ ...row, id: 'video_1', request: JSON.stringify({ pictures: [{ type: 'kept', name: 'picture-1' }] }), backend: 'b', model: 'm', submissions: 0, facts: '{}' }).execute()
    for (const key of ['char_1-given/source', 'video_1-given/picture-1']) await from.objects.put(key, new TextEncoder().encode(key))
    expect(await moveLibrary({ from, to })).toMatchObject({ objects: 2 })
    for (const key of ['char_1-given/source', 'video_1-given/picture-1']) expect(await textOf(to, key)).toBe(key)
  })

  test.each([['database', 0], ['objects', 3]] as const)('the %s alone can be moved, the rest stays', async (part, objectsCopied) => {
    await using from = await openPlace(source)
    await using other = await openPlace(target.database, target.objects)
    await plantLibrary(from, 1)
    const to = part === 'database' ? { db: other.db, objects: from.objects } : { db: from.db, objects: other.objects }
    await moveLibrary({ from, to })
    const folders = (await Array.fromAsync(other.objects.listFolders())).flat()
    expect(folders).toHaveLength(objectsCopied > 0 ? 1 : 0)
    expect(await sumOf(other.db, 'characters')).toMatchObject({ rows: part === 'database' ? 1 : 0 })
  })
})
