import { existsSync } from 'node:fs'
import { copyFile, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { openDatabase } from '../db/database.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { createDiskObjects } from '../objects/disk-objects.ts'
import { BACKUP_DATABASE, BACKUP_OBJECTS, BackupUnusable, readBackupNote, type BackupNote } from './backup-note.ts'
import { copyObject } from './copy-object.ts'
import { hashFile } from './hash-file.ts'
import { rowsOf } from './library-tables.ts'
import { objectsOf } from './named-objects.ts'

export interface RestoreOptions {
  readonly backup: string
  readonly databaseFile: string
  readonly objects: Pick<ObjectStore, 'get' | 'put'>
  readonly onProgress?: (objects: number) => void
}

/**
 * Puts a backup where no library is yet: the objects first, each compared with what its row says, then the database under its name.
 * Cut off anywhere it is begun again. Rejects with {@link BackupUnusable}, then nothing can be served from there.
 */
export async function restoreLibrary({ backup, databaseFile, objects, onProgress = () => {} }: RestoreOptions): Promise<BackupNote> {
  if (existsSync(databaseFile)) throw new BackupUnusable(`There is a database in ${databaseFile} already: restore into an empty DATA_DIR.`)
  const note = await readBackupNote(backup)
  const part = `${databaseFile}.part`
  await rm(part, { force: true })
  await copyFile(join(backup, BACKUP_DATABASE), part)
  const { sha256 } = await hashFile(part)
  if (sha256 !== note.database.sha256) throw new BackupUnusable(`The database of the backup in ${backup} is not what it was when it was made.`)
  await restoreObjects(part, { backup, objects, onProgress })
  await using file = await open(part)
  await file.sync()
  await rename(part, databaseFile)
  return note
}

async function restoreObjects(file: string, { backup, objects, onProgress }: Required<Pick<RestoreOptions, 'backup' | 'objects' | 'onProgress'>>): Promise<void> {
  const from = createDiskObjects({ folder: join(backup, BACKUP_OBJECTS) })
  const db = await openDatabase({ file })
  try {
    let restored = 0
    for (const table of ['characters', 'videos'] as const) {
      for await (const rows of rowsOf(db, table)) {
        for (const named of rows.flatMap((row) => objectsOf(table, row))) {
          const fault = await copyObject(named, { from, to: objects })
          if (fault !== null) throw new BackupUnusable(`${named.key} is ${fault} in the backup in ${backup}.`)
          onProgress(++restored)
        }
      }
    }
  } finally {
    await db.destroy()
  }
}

