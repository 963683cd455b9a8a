import { AppError } from '../domain/errors.ts'
import type { Video } from '../domain/video.ts'
import { findOwnVideo } from '../db/video-rows.ts'
import type { Database } from '../db/database.ts'
import { videoOf } from '../db/stored-video.ts'
import type { VideoRequest } from './videos.ts'

export interface Source { readonly how: NonNullable<VideoRequest['from']>['how']; readonly video: Video }

/** The finished video that a request is made from. Rejects with `video_not_found` (about the body, unless it is a remix: that is about the address), `video_not_ready`, `video_failed`. */
export async function findSource(db: Database, { account, from }: Pick<VideoRequest, 'account' | 'from'>): Promise<Source | null> {
  if (from === null) return null
  const row = await findOwnVideo(db, account, from.id)
  if (!row) throw new AppError('video_not_found', from.how === 'remix' ? {} : { param: 'video' })
  const video = videoOf(row)
  if (video.state.at === 'failed') throw new AppError('video_failed')
  if (video.state.at !== 'completed') throw new AppError('video_not_ready')
  return { how: from.how, video }
}
