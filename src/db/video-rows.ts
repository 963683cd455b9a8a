import type { Insertable, Selectable, Updateable } from 'kysely'
import type { VideoId } from '../domain/identifier.ts'
import type { Database } from './database.ts'
import type { VideosTable } from './tables.ts'

export type VideoRow = Selectable<VideosTable>
export type VideoValues = Updateable<VideosTable>

// Each takes the database, or the transaction it is part of.

const UNFINISHED = ['queued', 'in_progress'] as const

export async function insertVideo(db: Database, row: Insertable<VideosTable>): Promise<void> {
  await db.insertInto('videos').values(row).execute()
}

export const findVideo = (db: Database, id: string): Promise<VideoRow | undefined> =>
  db.selectFrom('videos').selectAll().where('id', '=', id).executeTakeFirst()

export const findOwnVideo = (db: Database, account: string, id: string): Promise<VideoRow | undefined> =>
  db.selectFrom('videos').selectAll().where('id', '=', id).where('account', '=', account).executeTakeFirst()

/** The newest of this request that was accepted since then. */
export const findRecentVideo = (db: Database, account: string, { fingerprint, sinceMs }: { readonly fingerprint: string; readonly sinceMs: number }): Promise<VideoRow | undefined> =>
  db.selectFrom('videos').selectAll().where('account', '=', account).where('id', '>=', firstIdOf(sinceMs)).where('fingerprint', '=', fingerprint)
    .orderBy('id', 'desc').executeTakeFirst()

/** Ids begin with the millisecond they were made in, so the index of an account's videos is one of times too. */
const firstIdOf = (ms: number): string => `video_${ms.toString(16).padStart(12, '0')}`

export interface VideoFilter {
  readonly status?: VideosTable['status']
  readonly after?: string
  readonly order: 'asc' | 'desc'
  readonly limit: number
}

export const listVideos = (db: Database, account: string, { status, after, order, limit }: VideoFilter): Promise<VideoRow[]> => {
  let query = db.selectFrom('videos').selectAll().where('account', '=', account)
  if (status !== undefined) query = query.where('status', '=', status)
  if (after !== undefined) query = query.where('id', order === 'asc' ? '>' : '<', after)
  return query.orderBy('id', order).limit(limit).execute()
}

/** What is to be known of an unfinished video to get it into the queue. */
export type UnfinishedVideo = Pick<VideoRow, 'id' | 'account' | 'trace_id' | 'created_at'>

/** Oldest first, those behind `after`. */
export const listUnfinishedVideos = (db: Database, { after, limit }: { readonly after: string; readonly limit: number }): Promise<UnfinishedVideo[]> =>
  db.selectFrom('videos').select(['id', 'account', 'trace_id', 'created_at']).where('status', 'in', UNFINISHED).where('id', '>', after).orderBy('id').limit(limit).execute()

/** Of these, the videos that may have objects, and where they are: all but the failed. A page at a time: each id is a parameter of the query. */
export async function videosAlive(db: Database, ids: readonly string[]): Promise<ReadonlyMap<string, VideosTable['status']>> {
  if (ids.length === 0) return new Map()
  const rows = await db.selectFrom('videos').select(['id', 'status']).where('id', 'in', ids).execute()
  return new Map(rows.flatMap(({ id, status }) => (status === 'failed' ? [] : [[id, status]])))
}

/** A new try, which from here on is the one that may write. The row as it is then; undefined where it is at its end or gone. */
export const startVideoAttempt = (db: Database, id: string): Promise<VideoRow | undefined> =>
  db.updateTable('videos').set((set) => ({ attempts: set('attempts', '+', 1) })).where('id', '=', id).where('status', 'in', UNFINISHED).returningAll().executeTakeFirst()

/** Writes to the row while this try is still the one that holds it; the row as it is then, or undefined when it is not: nothing was written. */
export const updateVideoAttempt = (db: Database, { id, attempt }: { readonly id: VideoId; readonly attempt: number }, values: VideoValues): Promise<VideoRow | undefined> =>
  db.updateTable('videos').set(values).where('id', '=', id).where('status', 'in', UNFINISHED).where('attempts', '=', attempt).returningAll().executeTakeFirst()

export async function setVerification(db: Database, id: VideoId, verification: string): Promise<void> {
  await db.updateTable('videos').set({ verification }).where('id', '=', id).where('status', '=', 'completed').execute()
}

/** The row that went, or undefined where there was none of this account. */
export const deleteVideo = (db: Database, account: string, id: string): Promise<VideoRow | undefined> =>
  db.deleteFrom('videos').where('id', '=', id).where('account', '=', account).returningAll().executeTakeFirst()
