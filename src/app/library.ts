import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseUnusable, nameOfPlace, openDatabase } from '../db/database.ts'
import { backUpLibrary, type BackupReport } from '../library/back-up-library.ts'
import { BACKUP_OBJECTS, BackupUnusable, readBackupNote, type BackupNote } from '../library/backup-note.ts'
import { LibraryUnmovable, moveLibrary, type MoveProgress, type MoveReport } from '../library/move-library.ts'
import { noteMoved } from '../library/moved-note.ts'
import { repairLibrary, type LibraryFinding } from '../library/repair-library.ts'
import { restoreLibrary } from '../library/restore-library.ts'
import { createDiskObjects } from '../objects/disk-objects.ts'
import { createLog } from '../runtime/log.ts'
import { databaseFile, readConfig, SettingsError, type Config } from './config.ts'
import { holdDataFolder, tryToHold } from './data-folder.ts'
import { databasePlace, objectStoreOf, openStores, says, type Stores } from './stores.ts'

const log = createLog({ level: 'error' })

export interface MoveTarget { readonly database: string | null; readonly objects: string | null }

/**
 * Moves the library of DATA_DIR while nobody serves from it, and leaves word there. Rejects with `SettingsError`, `DataFolderUnusable`,
 * `DatabaseUnusable`, {@link LibraryUnmovable}.
 */
export async function moveConfigured(target: MoveTarget, { isSourceKept, onProgress }: { readonly isSourceKept: boolean; readonly onProgress: (progress: MoveProgress) => void }): Promise<MoveReport> {
  const here = readConfig()
  if (here.DATABASE_URL !== undefined) throw new SettingsError(['DATABASE_URL: a move starts from the library in DATA_DIR, so leave this out, and name the target with --to-database'])
  if (!existsSync(databaseFile(here))) throw new LibraryUnmovable(`There is no library in ${here.DATA_DIR}.`)
  const there = readConfig(process.env, { ...(target.database !== null && { DATABASE_URL: target.database }), ...(target.objects !== null && { S3_URL: target.objects }) })
  await using stack = new AsyncDisposableStack()
  stack.use(holdDataFolder(here.DATA_DIR))
  const from = stack.use(await openStores(here, { log }))
  const { db, objects } = await openTarget(target, { there, from, stack })
  const report = await moveLibrary({ from, to: { db, objects }, onProgress })
  if (!isSourceKept) await noteMoved(here.DATA_DIR, { at: new Date().toISOString(), database: target.database === null ? null : nameOfPlace(databasePlace(there)), objects: target.objects === null ? null : there.S3_URL?.endpoint ?? null })
  return report
}

/** Tries both and lists what cannot be used of either, as a start does. Rejects with `SettingsError`. */
async function openTarget(target: MoveTarget, { there, from, stack }: { readonly there: Config; readonly from: Stores; readonly stack: AsyncDisposableStack }): Promise<Pick<Stores, 'db' | 'objects'>> {
  const objects = target.objects === null ? from.objects : objectStoreOf(there, log)
  const [opening, checking] = await Promise.allSettled([target.database === null ? from.db : openDatabase(databasePlace(there)), objects.check()])
  if (opening.status === 'fulfilled' && target.database !== null) stack.adopt(opening.value, (opened) => opened.destroy())
  if (opening.status === 'rejected' && !(opening.reason instanceof DatabaseUnusable)) throw opening.reason
  const problems = [
    ...(opening.status === 'rejected' ? [`--to-database: ${says(opening.reason)}`] : []),
    ...(checking.status === 'rejected' ? [`--to-objects: ${says(checking.reason)}`] : []),
  ]
  if (opening.status === 'rejected' || problems.length > 0) throw new SettingsError(problems)
  return { db: opening.value, objects }
}

/** Rejects with {@link BackupUnusable}, `DatabaseUnusable`. */
export async function backUpConfigured(into: string, { onProgress }: { readonly onProgress: (objects: number) => void }): Promise<BackupReport> {
  const config = embedded('back up')
  if (!existsSync(databaseFile(config))) throw new BackupUnusable(`There is no library in ${config.DATA_DIR}.`)
  return await backUpLibrary({ databaseFile: databaseFile(config), objectsFolder: objectsFolder(config), into, nowMs: Date.now(), onProgress })
}

/** Into DATA_DIR. Rejects with {@link BackupUnusable}, `DataFolderUnusable`. */
export async function restoreConfigured(backup: string, { onProgress }: { readonly onProgress: (objects: number) => void }): Promise<BackupNote> {
  const config = embedded('restore')
  using stack = new DisposableStack()
  stack.use(holdDataFolder(config.DATA_DIR))
  return await restoreLibrary({ backup, databaseFile: databaseFile(config), objects: createDiskObjects({ folder: objectsFolder(config) }), onProgress })
}

const objectsFolder = ({ DATA_DIR }: Pick<Config, 'DATA_DIR'>): string => join(DATA_DIR, 'objects')

function embedded(what: string): Config {
  const config = readConfig()
  if (config.DATABASE_URL !== undefined || config.S3_URL !== undefined) throw new BackupUnusable(`To ${what} a library on PostgreSQL or S3 is the work of their own tools, in an order that docs/backup.md gives.`)
  return config
}

export interface RepairWishes { readonly isMending: boolean; readonly isDeep: boolean; /** A backup's folder. */ readonly from: string | null }

/** Looks through the configured library. To mend it the data folder must be free, or with a database of its own, the operator must have stopped every process. */
export async function* repairConfigured({ isMending, isDeep, from }: RepairWishes): AsyncGenerator<LibraryFinding, void> {
  const config = readConfig()
  const isEmbedded = config.DATABASE_URL === undefined
  if (isEmbedded && !existsSync(databaseFile(config))) {
    yield { what: 'library', is: 'well', says: `none in ${config.DATA_DIR} yet` }
    return
  }
  if (from !== null) await readBackupNote(from)
  using hold = isMending && isEmbedded ? holdDataFolder(config.DATA_DIR) : tryToHold(config.DATA_DIR)
  await using stores = await openStores(config, { log })
  // What lies in the folders of a service that runs is not dead.
  const workFolders = isEmbedded && hold !== null ? ['scratch', 'uploads'].map((name) => join(config.DATA_DIR, name)) : []
  yield* repairLibrary({ ...stores, workFolders, isMending, isDeep, from: from === null ? null : createDiskObjects({ folder: join(from, BACKUP_OBJECTS) }), nowMs: Date.now() })
}

