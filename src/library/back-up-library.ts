import { copyFile, link, mkdir, open, readdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { purgeCharacter } from '../db/character-rows.ts'
import { openDatabase, type Database } from '../db/database.ts'
import { copySqlite } from '../db/sqlite-copy.ts'
import { checkKey } from '../objects/object-key.ts'
import { BACKUP_DATABASE, BACKUP_OBJECTS, BackupUnusable, writeBackupNote, type BackupNote } from './backup-note.ts'
import { hashFile } from './hash-file.ts'
import { counterparts, dropRows, rowsOf, sumOf, TABLE_NAMES, type LibraryTable, type Row, type TableSum } from './library-tables.ts'
import { objectsOf } from './named-objects.ts'

export interface BackupOptions {
  readonly databaseFile: string
  readonly objectsFolder: string
  /** A new or empty folder. */
  readonly into: string
  readonly nowMs: number
  readonly onProgress?: (objects: number) => void
}

export interface BackupReport extends BackupNote {
  /** Objects that the service's own rows speak of and that are not there: nothing that a backup could mend. */
  readonly missing: readonly string[]
}

/**
 * The library as it was at one moment, beside a service that goes on: first the rows, then the objects that they name, which are never written twice.
 * What is purged meanwhile is purged from the backup as well. Rejects with {@link BackupUnusable} where the folder is not empty.
 */
export async function backUpLibrary({ databaseFile, objectsFolder, into, nowMs, onProgress = () => {} }: BackupOptions): Promise<BackupReport> {
  await mkdir(into, { recursive: true, mode: 0o700 })
  if ((await readdir(into)).length > 0) throw new BackupUnusable(`${into} is not empty: a backup wants a folder of its own.`)
  const file = join(into, BACKUP_DATABASE)
  copySqlite(databaseFile, file)
  const { tables, ...copied } = await completeCopy(file, { databaseFile, objectsFolder, into, onProgress })
  const database = await hashFile(file)
  await sync(file)
  const note = { format: 'dramatis-backup', version: 1, at: new Date(nowMs).toISOString(), database, tables, objects: copied.objects } as const
  await writeBackupNote(into, note)
  await sync(into)
  return { ...note, missing: copied.missing }
}

type Copying = Required<Pick<BackupOptions, 'databaseFile' | 'objectsFolder' | 'into' | 'onProgress'>>

async function completeCopy(file: string, options: Copying): Promise<{ readonly tables: BackupNote['tables']; readonly objects: number; readonly missing: readonly string[] }> {
  const copy = await openDatabase({ file })
  const live = await openDatabase({ file: options.databaseFile }, { migrations: 'check' })
  try {
    const missing: string[] = []
    let objects = 0
    for (const table of ['characters', 'videos'] as const) {
      for await (const rows of rowsOf(copy, table)) {
        const gone = await copyObjects(table, rows, options)
        objects += rows.flatMap((row) => objectsOf(table, row)).length - gone.flatMap(({ keys }) => keys).length
        missing.push(...await dropPurged(table, gone, { copy, live }))
        options.onProgress(objects)
      }
    }
    const tables = new Map<LibraryTable, TableSum>()
    for (const table of TABLE_NAMES) tables.set(table, await sumOf(copy, table))
    return { tables: Object.fromEntries(tables) as BackupNote['tables'], objects, missing } // one for each name
  } finally {
    await copy.destroy()
    await live.destroy()
  }
}

interface Gone { readonly row: Row; readonly keys: readonly string[] }

/** Those of the rows that lack objects. */
async function copyObjects(table: LibraryTable, rows: readonly Row[], { objectsFolder, into }: Copying): Promise<readonly Gone[]> {
  const gone: Gone[] = []
  for (const row of rows) {
    const keys: string[] = []
    for (const { key } of objectsOf(table, row)) if (!await keepFile(join(objectsFolder, checkKey(key)), join(into, BACKUP_OBJECTS, key))) keys.push(key)
    if (keys.length > 0) gone.push({ row, keys })
  }
  return gone
}

/** The same file under a second name where both lie on one disk, or a copy. False when there is none. */
async function keepFile(from: string, to: string): Promise<boolean> {
  await mkdir(dirname(to), { recursive: true, mode: 0o700 })
  try {
    await link(from, to).catch(async (error: unknown) => {
      if (!NO_LINKS.has(codeOf(error))) throw error
      await copyFile(from, to)
      await sync(to)
    })
    await sync(dirname(to))
    return true
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false
    throw error
  }
}

/** Another disk, or one that has no second names. */
const NO_LINKS: ReadonlySet<unknown> = new Set(['EXDEV', 'EPERM', 'EMLINK', 'ENOTSUP', 'ENOSYS', 'EOPNOTSUPP'])
const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)

async function sync(path: string): Promise<void> {
  await using file = await open(path)
  await file.sync()
}

/** What is not there any more as it was: its rows go from the copy too, so that no row is without its objects. Gives back the keys that should have been there. */
async function dropPurged(table: LibraryTable, gone: readonly Gone[], { copy, live }: { readonly copy: Database; readonly live: Database }): Promise<readonly string[]> {
  if (gone.length === 0) return []
  const now = await counterparts(live, table, gone.map(({ row }) => row))
  const namedNow = new Set([...now.values()].flatMap((row) => objectsOf(table, row).map(({ key }) => key)))
  if (table === 'characters') for (const { row } of gone) await copy.transaction().execute((trx) => purgeCharacter(trx, String(row.id)))
  else await dropRows(copy, table, gone.map(({ row }) => row))
  return gone.flatMap(({ keys }) => keys).filter((key) => namedNow.has(key))
}
