import { AppError } from '../domain/errors.ts'
import { acceptVideo, tryPlan } from './accept-video.ts'
import { completedOf, fileOf, findOne, listPage, openContentOf } from './read-videos.ts'
import { removeVideo } from './remove-video.ts'
import { resumeVideos } from './resume-videos.ts'
import { VIDEO_LIMITS, type VideoLimits, type VideoSettings } from './settings.ts'
import { SharedLooks } from './shared-looks.ts'
import { VideoJobs, type VideoJobsDeps } from './video-jobs.ts'
import type { Videos } from './videos.ts'
import { verifyVideo } from './verify-video.ts'

export type { VideoOutcome } from './video-jobs.ts'

/** The queue is one of its own: `concurrency` is how many videos are followed at once, `deadlineMs` how long one may take, `onDeadline` is {@link backendTimeout}. */
export type VideosDeps = Omit<VideoJobsDeps, 'limits' | 'settings'> & { readonly settings: VideoSettings }

export const backendTimeout = (seconds: number): AppError => new AppError('backend_timeout', { details: { seconds } })

/** The video service over its database, objects, queue, backends and lenses. Call `resume` before the first request, after that of the characters. */
export function createVideos(given: VideosDeps): Videos {
  const { db, objects, queue, settings } = given
  const limits: VideoLimits = { ...VIDEO_LIMITS, ...settings.limits }
  const deps = { ...given, limits, pictureBytes: limits.pictureBytes }
  const jobs = new VideoJobs(deps)
  const looks = new SharedLooks()
  return {
    plan: (request) => tryPlan(request, deps),
    submit: (request) => acceptVideo(request, { ...deps, claim: () => jobs.claim() }),
    find: (account, id) => findOne(db, account, id),
    list: (account, request) => listPage(db, account, request),
    remove: (account, id) => removeVideo(account, id, { ...deps, jobs }),
    openContent: (account, id, variant) => openContentOf({ db, objects }, { account, id, variant }),
    fileOf: async (account, id, param) => {
      const video = await findOne(db, account, id, param)
      return { id: video.id, file: fileOf(completedOf(video, param), 'video') }
    },
    verify: async (account, id, { signal }) => {
      const video = await findOne(db, account, id)
      return looks.join(video.id, { look: (looking) => verifyVideo(video, { ...deps, signal: looking, deadlineMs: limits.lensMs }), signal })
    },
    resume: () => resumeVideos(jobs, deps),
    drain: async () => {
      await queue.drain({ graceMs: settings.drainMs })
      await jobs.settle(settings.drainMs)
    },
  }
}
