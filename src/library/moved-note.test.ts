import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { movedAway, noteMoved } from './moved-note.ts'

let folder: string
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'dramatis-moved-')) })
afterEach(() => rm(folder, { recursive: true }))

const [at, database, objects] = ['2026-11-23T10:00:00.000Z', 'postgres://db.example/dramatis', 'https://s3.example/bucket']
const allHere = { isDatabaseHere: true, areObjectsHere: true, hasDatabase: true }

test('a folder that nothing was moved from serves whatever it holds', async () => {
  expect(await movedAway(folder, allHere)).toBeNull()
})

test('what was moved is not served from where it was, and it is said where it went and what to set', async () => {
  await noteMoved(folder, { at, database, objects })
  const reason = await movedAway(folder, allHere)
  for (const part of [folder, '2026-11-23', database, objects, 'DATABASE_URL', 'S3_URL']) expect(reason).toContain(part)
  expect(await movedAway(folder, { ...allHere, isDatabaseHere: false })).not.toContain('DATABASE_URL')
  expect(await movedAway(folder, { ...allHere, isDatabaseHere: false, areObjectsHere: false })).toBeNull()
})

test('a part that stayed is served from there, beside the part that went', async () => {
  await noteMoved(folder, { at, database, objects: null })
  expect(await movedAway(folder, { ...allHere, isDatabaseHere: false })).toBeNull()
  expect(await movedAway(folder, { ...allHere, areObjectsHere: false })).toContain(database)
})

test('a database elsewhere does not get the objects of the one in the folder, which it would take for nobody\'s', async () => {
  const elsewhere = { ...allHere, isDatabaseHere: false }
  expect(await movedAway(folder, elsewhere)).toMatch(/dramatis move --to-database/)
  expect(await movedAway(folder, { ...elsewhere, hasDatabase: false })).toBeNull()
  expect(await movedAway(folder, { ...elsewhere, areObjectsHere: false })).toBeNull()
})
