import type { Database } from '../db/database.ts'
import { videoOf } from '../db/stored-video.ts'
import { findOwnVideo, listVideos } from '../db/video-rows.ts'
import { AppError } from '../domain/errors.ts'
import { contentTypeOf, type StoredFile } from '../domain/stored-file.ts'
import type { Video, VideoState } from '../domain/video.ts'
import { ObjectNotFound, type ObjectStore } from '../objects/object-store.ts'
import type { Variant, VideoContent, VideoListRequest, VideoPage } from './videos.ts'

/** Rejects with `video_not_found`: missing and somebody else's look the same. */
export async function findOne(db: Database, account: string, id: string, param?: string): Promise<Video> {
  const row = await findOwnVideo(db, account, id)
  if (!row) throw new AppError('video_not_found', param === undefined ? {} : { param })
  return videoOf(row)
}

export async function listPage(db: Database, account: string, { limit, ...filter }: VideoListRequest): Promise<VideoPage> {
  const rows = await listVideos(db, account, { ...filter, limit: limit + 1 })
  return { videos: rows.slice(0, limit).map(videoOf), hasMore: rows.length > limit }
}

export type Completed = Extract<VideoState, { at: 'completed' }>

/** Rejects with `video_not_ready`, `video_failed`. */
export function completedOf({ state }: Video, param?: string): Completed {
  if (state.at === 'completed') return state
  throw new AppError(state.at === 'failed' ? 'video_failed' : 'video_not_ready', param === undefined ? {} : { param })
}

export function fileOf({ files }: Completed, variant: Variant): StoredFile {
  const file = files.find(({ name }) => name.startsWith(`${variant}.`))
  if (!file) throw new Error(`a completed video has no ${variant}`)
  return file
}

export async function openContentOf({ db, objects }: { readonly db: Database; readonly objects: ObjectStore }, { account, id, variant }: { readonly account: string; readonly id: string; readonly variant: Variant }): Promise<VideoContent> {
  const video = await findOne(db, account, id)
  const { name, key, bytes, sha256 } = fileOf(completedOf(video), variant)
  return {
    contentType: contentTypeOf(name), bytes, sha256,
    read: async (range) => {
      try {
        return await objects.get(key, range)
      } catch (error) {
        if (!(error instanceof ObjectNotFound)) throw error
        await findOne(db, account, id) // deleted since it was looked up
        // The row says that it is there, so a caller who believed a 404 would forget a video that exists.
        throw new AppError('storage_unavailable', { details: { retryAfterSeconds: 30 }, cause: error })
      }
    },
  }
}

