import type { Database } from '../db/database.ts'
import { forgetObjects } from '../db/event-rows.ts'
import { deleteVideo } from '../db/video-rows.ts'
import { AppError } from '../domain/errors.ts'
import type { VideoId } from '../domain/identifier.ts'
import type { Events } from '../events/events.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import type { Log } from '../runtime/log.ts'
import type { BackendReleases } from './backend-releases.ts'
import { givenFolder } from './video-files.ts'

interface RemoveDeps {
  readonly db: Database
  readonly objects: ObjectStore
  readonly events: Pick<Events, 'record'>
  readonly releases: BackendReleases
  readonly log: Log
  /** Where it is made in this process. */
  readonly stop: (id: VideoId) => Promise<void>
}

/** The row first: from then on whatever is still made of it, in any process, is nobody's, and goes. */
export async function removeVideo(account: string, ref: string, { db, objects, events, releases, log, stop }: RemoveDeps): Promise<VideoId> {
  const row = await db.transaction().execute(async (trx) => {
    const gone = await deleteVideo(trx, account, ref)
    if (!gone) throw new AppError('video_not_found')
    await events.record(trx, { type: 'video.deleted', account, id: gone.id as VideoId })
    await forgetObjects(trx, [gone.id])
    return gone
  })
  const id = row.id as VideoId
  await stop(id)
  releases.releaseOf(row)
  for (const folder of [id, givenFolder(id)]) await objects.deleteFolder(folder).catch((error) => log.warn('video.objects_kept', { id, folder, error })) // found when orphans are collected
  return id
}
