import { join } from 'node:path'
import { DatabaseUnusable, openDatabase, type Database, type DatabasePlace } from '../db/database.ts'
import { createLocalNotices, openPostgresNotices, type Notices } from '../db/notices.ts'
import { createDiskObjects } from '../objects/disk-objects.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { openS3Objects } from '../objects/s3-objects.ts'
import type { Log } from '../runtime/log.ts'
import { databaseFile, SettingsError, type Config } from './config.ts'

type Places = Pick<Config, 'DATABASE_URL' | 'DATABASE_POOL' | 'S3_URL' | 'DATA_DIR'>

/** Where what is kept is kept. */
export interface Stores extends AsyncDisposable {
  readonly db: Database
  readonly notices: Notices
  readonly objects: ObjectStore
}

export const databasePlace = ({ DATABASE_URL, DATABASE_POOL, ...config }: Places): DatabasePlace =>
  (DATABASE_URL === undefined ? { file: databaseFile(config) } : { url: DATABASE_URL, poolSize: DATABASE_POOL })

export const objectStoreOf = ({ S3_URL, DATA_DIR }: Places, log: Log): ObjectStore =>
  (S3_URL === undefined ? createDiskObjects({ folder: join(DATA_DIR, 'objects') }) : openS3Objects(S3_URL, { log }))

/** Opens them and tries each. Rejects with {@link SettingsError} that lists everything that cannot be used, or with `DatabaseUnusable` of the file in DATA_DIR. */
export async function openStores(config: Places, { log }: { readonly log: Log }): Promise<Stores> {
  await using stack = new AsyncDisposableStack()
  const objects = objectStoreOf(config, log)
  const [opening, checking] = await Promise.allSettled([openDatabase(databasePlace(config)), objects.check()])
  if (opening.status === 'fulfilled') stack.defer(() => opening.value.destroy())
  const problems = [
    ...(opening.status === 'rejected' ? [`DATABASE_URL: ${sayDatabase(opening.reason, config)}`] : []),
    ...(checking.status === 'rejected' ? [`${config.S3_URL === undefined ? 'DATA_DIR' : 'S3_URL'}: ${says(checking.reason)}`] : []),
  ]
  if (opening.status === 'rejected' || problems.length > 0) throw new SettingsError(problems)
  const notices = stack.use(config.DATABASE_URL === undefined ? createLocalNotices() : await openPostgresNotices({ url: config.DATABASE_URL, log }))
  const opened = stack.move()
  return { db: opening.value, notices, objects, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

export const says = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** A file that cannot be used is no fault of a setting. */
function sayDatabase(error: unknown, { DATABASE_URL }: Places): string {
  if (DATABASE_URL === undefined || !(error instanceof DatabaseUnusable)) throw error
  return error.message
}
