import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** Another process serves from this folder, or it cannot be written. */
export class DataFolderUnusable extends Error {
  override readonly name = 'DataFolderUnusable'
}

const LOCK_FILE = 'service.lock'
const SQLITE_BUSY = 5

/** Makes the folder and holds it for this process: two services with a database of their own in one folder would take up each other's jobs. */
export function holdDataFolder(folder: string): Disposable {
  try {
    const hold = tryToHold(folder)
    if (hold) return hold
  } catch (error) {
    throw new DataFolderUnusable(`The data folder ${folder} cannot be written: ${error instanceof Error ? error.message : String(error)}. Set DATA_DIR to a folder this user may write.`, { cause: error })
  }
  throw new DataFolderUnusable(`Another dramatis is serving from ${folder}. Stop it, or set DATA_DIR to another folder.`)
}

/**
 * Makes a folder and holds it, or null where another process does. The hold is the operating system's lock on an SQLite file, so it ends with
 * the process however that ends.
 */
export function tryToHold(folder: string): Disposable | null {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const lock = new DatabaseSync(join(folder, LOCK_FILE))
  try {
    lock.exec('PRAGMA journal_mode=DELETE; BEGIN EXCLUSIVE')
    return { [Symbol.dispose]: () => lock.close() }
  } catch (error) {
    lock.close()
    if (error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY) return null
    throw error
  }
}
