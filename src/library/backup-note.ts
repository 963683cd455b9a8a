import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { LIBRARY_TABLES, type LibraryTable } from './library-tables.ts'

export const BACKUP_DATABASE = 'dramatis.sqlite'
export const BACKUP_OBJECTS = 'objects'
const NOTE = 'backup.json'

const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const sum = z.strictObject({ rows: z.int().min(0), sha256 })

const note = z.strictObject({
  format: z.literal('dramatis-backup'),
  version: z.literal(1),
  at: z.iso.datetime(),
  database: z.strictObject({ bytes: z.int(), sha256 }),
  tables: z.strictObject(Object.fromEntries(Object.keys(LIBRARY_TABLES).map((table) => [table, sum])) as Record<LibraryTable, typeof sum>), // one for each name
  objects: z.int().min(0),
})

/** What a finished backup says of itself; without it a backup was cut off. */
export type BackupNote = z.infer<typeof note>

/** It is none, was cut off, or is not what it was when it was made. */
export class BackupUnusable extends Error {
  override readonly name = 'BackupUnusable'
}

/** The last thing of a backup; on disk when this resolves. */
export async function writeBackupNote(folder: string, said: BackupNote): Promise<void> {
  await using file = await open(join(folder, NOTE), 'wx', 0o600)
  await file.writeFile(`${JSON.stringify(said, null, 2)}\n`)
  await file.sync()
}

/** Rejects with {@link BackupUnusable}. */
export async function readBackupNote(folder: string): Promise<BackupNote> {
  try {
    return note.parse(JSON.parse(await readFile(join(folder, NOTE), 'utf8')))
  } catch (error) {
    throw new BackupUnusable(`There is no finished backup in ${folder}.`, { cause: error })
  }
}
