import { join } from 'node:path'
import { openDatabase } from '../../src/db/database.ts'
import type { Place } from '../../src/library/move-library.ts'
import { createDiskObjects } from '../../src/objects/disk-objects.ts'
import { openS3Objects, parseS3Url } from '../../src/objects/s3-objects.ts'
import { createLog } from '../../src/runtime/log.ts'

export type OpenPlace = Place & AsyncDisposable

/** A library on a PostgreSQL server, in a bucket, or in folders, whichever the addresses are of. */
export async function openPlace(database: string, objects = database): Promise<OpenPlace> {
  const db = await openDatabase(database.startsWith('postgres') ? { url: database } : { file: join(database, 'dramatis.sqlite') })
  const store = objects.startsWith('http') ? openS3Objects(parseS3Url(objects), { log: createLog({ level: 'silent' }) }) : createDiskObjects({ folder: join(objects, 'objects') })
  return { db, objects: store, [Symbol.asyncDispose]: () => db.destroy() }
}
