import { join } from 'node:path'
import { openDatabase } from '../../src/db/database.ts'
import type { Place } from '../../src/library/move-library.ts'
import { createDiskObjects } from '../../src/objects/disk-objects.ts'

export type OpenPlace = Place & AsyncDisposable

/** A library on a PostgreSQL server, an S3 server, or in folders, whichever the addresses are of. */
export async function openPlace(database: string, objects = database): Promise<OpenPlace> {
  const db = await openDatabase(database.startsWith('postgres') ? { url: database } : { file: join(database, 'dramatis.sqlite') })
  return { db, objects: createDiskObjects({ folder: join(objects, 'objects') }), [Symbol.asyncDispose]: () => db.destroy() }
}
