import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openPlace, type OpenPlace } from '../../test/support/library-place.ts'
import { plantCharacter } from '../../test/support/planted-library.ts'
import type { Character } from '../domain/character.ts'
import { newCharacterId, newVideoId } from '../domain/identifier.ts'
import { objectKey } from '../domain/stored-file.ts'
import { repairLibrary, type RepairOptions } from './repair-library.ts'

const NOW_MS = Date.now() + 1000 * 3_600_000
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

let folder: string
let place: OpenPlace
let misty: Character
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dramatis-repair-'))
  place = await openPlace(folder)
  misty = await plantCharacter(place, 'misty_otter')
})
afterEach(async () => {
  await place[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

/** What is wrong, by what it is about. */
async function wrong(options: Partial<RepairOptions> = {}): Promise<Readonly<Record<string, string>>> {
  const findings = await Array.fromAsync(repairLibrary({ ...place, workFolders: [join(folder, 'scratch')], isMending: false, isDeep: false, from: null, nowMs: NOW_MS, ...options }))
  expect(findings.map(({ what }) => what)).toEqual(['database', 'unfinished', 'names', 'stray objects', 'objects', 'work folders'])
  return Object.fromEntries(findings.filter(({ is }) => is === 'broken').map(({ what, says }) => [what, says]))
}

const unfinishedRow = (createdAtMs: number) => ({ account: 'local', status: 'in_progress', progress: 0, attempts: 1, fingerprint: 'f', created_at: createdAtMs, updated_at: createdAtMs } as const)

test('nothing is wrong with a library that is well, also on a closer look', async () => {
  expect(await wrong({ isDeep: true })).toEqual({})
})

test('what is stuck for a day is ended, and its name is free; what is younger goes on', async () => {
  const [stuck, young, video] = [newCharacterId(), newCharacterId(), newVideoId()]
  await place.db.insertInto('characters').values([{ ...unfinishedRow(NOW_MS - 25 * 3_600_000), id: stuck, is_forced: 0 }, { ...unfinishedRow(NOW_MS - 3_600_000), id: young, is_forced: 0 }]).execute()
  await place.db.insertInto('videos').values({ ...unfinishedRow(NOW_MS - 9 * 24 * 3_600_000), id: video, request: '{}', backend: 'b', model: 'm', submissions: 0, facts: '{}' }).execute()
  await place.db.insertInto('usernames').values({ skeleton: 'held', name: 'held', character_id: stuck, is_alias: 0 }).execute()
  expect(await wrong()).toEqual({ unfinished: `under way for too long: ${stuck}, ${video}` })
  expect(await wrong({ isMending: true })).toEqual({})
  const rows = await place.db.selectFrom('characters').select(['id', 'status']).where('id', 'in', [stuck, young]).orderBy('created_at').execute()
  expect(rows.map(({ status }) => status)).toEqual(['failed', 'in_progress'])
  expect(await place.db.selectFrom('usernames').select('name').execute()).toEqual([{ name: 'misty_otter' }])
})

test('a name of one that failed is freed', async () => {
  const id = newCharacterId()
  await place.db.insertInto('characters').values({ ...unfinishedRow(NOW_MS), status: 'failed', id, is_forced: 0 }).execute()
  await place.db.insertInto('usernames').values({ skeleton: 'held', name: 'held', character_id: id, is_alias: 0 }).execute()
  expect(await wrong()).toEqual({ names: 'call nobody: held' })
  await wrong({ isMending: true })
  expect(await place.db.selectFrom('usernames').select('name').execute()).toEqual([{ name: 'misty_otter' }])
})

test('folders of objects without a row are collected, except those that have just begun', async () => {
  const [stray, fresh] = [newCharacterId(), newCharacterId(NOW_MS)]
  for (const id of [stray, `${stray}-given`, fresh]) await place.objects.put(`${id}/1/a`, bytes('a'))
  expect((await wrong())['stray objects']).toContain(stray)
  expect((await Array.fromAsync(place.objects.listFolders())).flat()).toHaveLength(4)
  await wrong({ isMending: true })
  expect((await Array.fromAsync(place.objects.listFolders())).flat().toSorted()).toEqual([misty.id, fresh].toSorted())
})

test('a missing object is found at once, an altered one on a closer look; both come back from a backup that has them', async () => {
  const [clip, portrait] = ['clip.mp4', 'portrait.webp'].map((name) => objectKey(misty.id, 1, name))
  await rm(join(folder, 'objects', clip))
  await place.objects.put(portrait, bytes('portrait of misty_otteR'))
  expect(await wrong()).toEqual({ objects: `of 3, 1 are not what their rows say: ${clip} (missing)` })
  expect(await wrong({ isDeep: true, isMending: true })).toEqual({ objects: `of 3, 2 are not what their rows say: ${portrait} (damaged), ${clip} (missing)` })
  await using backup = await openPlace(await mkdtemp(join(folder, 'backup-')))
  await backup.objects.put(clip, bytes('clip of misty_otter'))
  expect(await wrong({ isDeep: true, isMending: true, from: backup.objects })).toEqual({ objects: `of 3, 1 are not what their rows say: ${portrait} (damaged), 1 of them came back from the backup` })
  await backup.objects.put(portrait, bytes('portrait of misty_otter'))
  expect(await wrong({ isDeep: true, isMending: true, from: backup.objects })).toEqual({})
})

test('what a dead process worked on is removed, what is young is left', async () => {
  const scratch = join(folder, 'scratch')
  await mkdir(join(scratch, 'job-1'), { recursive: true })
  await mkdir(join(scratch, 'job-2'))
  await writeFile(join(scratch, 'job-1', 'a'), 'a')
  await utimes(join(scratch, 'job-2'), NOW_MS / 1000, NOW_MS / 1000)
  expect(await wrong()).toEqual({ 'work folders': `left lying: ${join(scratch, 'job-1')}` })
  await wrong({ isMending: true })
  expect(await readdir(scratch)).toEqual(['job-2'])
})

test('a row that refers to nothing is reported, and cannot be mended here', async () => {
  const id = newCharacterId()
  const { db } = place
  await db.destroy()
  const { DatabaseSync } = await import('node:sqlite')
  const sqlite = new DatabaseSync(join(folder, 'dramatis.sqlite'))
  sqlite.exec(`PRAGMA foreign_keys=OFF; insert into evidence values ('${id}', '{}')`)
  sqlite.close()
  place = await openPlace(folder)
  expect(await wrong({ isMending: true })).toEqual({ database: 'a row of evidence refers to none of characters' })
})
