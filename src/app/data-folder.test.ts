import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { DataFolderUnusable, holdDataFolder } from './data-folder.ts'

let folder: string
beforeEach(async () => { folder = await mkdtemp(join(tmpdir(), 'dramatis-data-')) })
afterEach(() => rm(folder, { recursive: true }))

test('a folder is held by one service at a time and free again afterwards', () => {
  const first = holdDataFolder(join(folder, 'data'))
  expect(() => holdDataFolder(join(folder, 'data'))).toThrow(/Another dramatis is serving/)
  first[Symbol.dispose]()
  holdDataFolder(join(folder, 'data'))[Symbol.dispose]()
})

test('a folder that cannot be made is said by name', () => {
  writeFileSync(join(folder, 'a file'), '')
  expect(() => holdDataFolder(join(folder, 'a file', 'data'))).toThrow(DataFolderUnusable)
})
