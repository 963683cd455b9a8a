import type { Database } from '../db/database.ts'
import { forgetObjects } from '../db/event-rows.ts'
import { deleteVideo } from '../db/video-rows.ts'
import { AppError } from '../domain/errors.ts'
import type { VideoId } from '../domain/identifier.ts'
import type { Events } from '../events/events.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { givenFolder } from './video-files.ts'
import type { VideoJobs } from './video-jobs.ts'

interface RemoveDeps { readonly db: Database; readonly objects: ObjectStore; readonly events: Pick<Events, 'record'>; readonly jobs: VideoJobs }

/** The row first: from then on whatever is still made of it is nobody's, and goes. */
export async function removeVideo(account: string, ref: string, { db, objects, events, jobs }: RemoveDeps): Promise<VideoId> {
  const row = await db.transaction().execute(async (trx) => {
    const gone = await deleteVideo(trx, account, ref)
    if (!gone) throw new AppError('video_not_found')
    await forgetObjects(trx, [gone.id])
    await events.record(trx, { type: 'video.deleted', account, id: gone.id as VideoId })
    return gone
  })
  const id = row.id as VideoId
  await jobs.stop(id)
  jobs.releaseOf(row)
  for (const folder of [id, givenFolder(id)]) await objects.deleteFolder(folder)
  return id
}
