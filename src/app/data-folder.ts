import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** Another process serves from this folder, or it cannot be written. */
export class DataFolderUnusable extends Error {
  override readonly name = 'DataFolderUnusable'
}

/**
 * Makes the folder and holds it for this process: two services on one folder would take up each other's jobs.
 * The hold is the operating system's lock on an SQLite file, so it ends with the process however that ends.
 */
export function holdDataFolder(folder: string): Disposable {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
    const lock = new DatabaseSync(join(folder, 'service.lock'))
    lock.exec('PRAGMA journal_mode=DELETE; BEGIN EXCLUSIVE')
    return { [Symbol.dispose]: () => lock.close() }
  } catch (error) {
    throw new DataFolderUnusable(explain(error, folder), { cause: error })
  }
}

const SQLITE_BUSY = 5

function explain(error: unknown, folder: string): string {
  const isBusy = error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY
  if (isBusy) return `Another dramatis is serving from ${folder}. Stop it, or set DATA_DIR to another folder.`
  return `The data folder ${folder} cannot be written: ${error instanceof Error ? error.message : String(error)}. Set DATA_DIR to a folder this user may write.`
}
