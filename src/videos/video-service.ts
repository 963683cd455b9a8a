import type { Backends } from '../backends/backends.ts'
import type { Database } from '../db/database.ts'
import type { Notices } from '../db/notices.ts'
import { AppError } from '../domain/errors.ts'
import type { Events } from '../events/events.ts'
import type { DoErrand, Errands } from '../jobs/errands.ts'
import type { Handler, JobQueue } from '../jobs/job-queue.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import type { Prompts } from '../prompts/prompts.ts'
import type { Log } from '../runtime/log.ts'
import { acceptVideo, tryPlan } from './accept-video.ts'
import { BackendReleases } from './backend-releases.ts'
import { completedOf, fileOf, findOne, listPage, openContentOf } from './read-videos.ts'
import { removeVideo } from './remove-video.ts'
import { VIDEO_LIMITS, type VideoLimits, type VideoSettings } from './settings.ts'
import { SharedLooks } from './shared-looks.ts'
import { askToVerify, VERIFY, verifyErrand } from './verify-errand.ts'
import { VideoJobs, type VideoJobsDeps } from './video-jobs.ts'
import { VideoUpkeep } from './video-upkeep.ts'
import type { Videos } from './videos.ts'

export type { VideoOutcome } from './video-jobs.ts'

export interface VideosDeps {
  readonly db: Database
  readonly objects: ObjectStore
  /** One of the videos' own: its `concurrency` is how many a process follows at once, `deadlineMs` how long one may take, `onDeadline` is {@link backendTimeout}. */
  readonly queue: JobQueue
  readonly errands: Pick<Errands, 'ask'>
  readonly notices: Pick<Notices, 'hear'>
  readonly events: Pick<Events, 'record'>
  readonly backends: Backends
  readonly prompts: Prompts
  readonly log: Log
  readonly clock: () => number
  readonly settings: VideoSettings
}

/** What a process with lenses has besides. */
export type VideoWorkDeps = Pick<VideoJobsDeps, 'lenses' | 'openSource' | 'onStep' | 'onEnd' | 'settings'>

/** What a process with lenses does for videos. */
export interface VideoWork {
  /** For the ids of videos. */
  readonly handler: Handler
  /** Errands by kind. */
  readonly errands: Readonly<Record<string, DoErrand>>
}

export interface VideoService extends Videos {
  /** Once. */
  work(deps: VideoWorkDeps): VideoWork
}

export const backendTimeout = (seconds: number): AppError => new AppError('backend_timeout', { details: { seconds } })

/** The video service over its database, objects, queue and backends. Call `resume` before the first request, and behind `queue.work` where this process has lenses. */
export function createVideos(given: VideosDeps): VideoService {
  const { db, objects, queue, settings } = given
  const limits: VideoLimits = { ...VIDEO_LIMITS, ...settings.limits }
  const releases = new BackendReleases({ ...given, limits })
  const deps = { ...given, limits, releases, pictureBytes: limits.pictureBytes }
  const looks = new SharedLooks()
  const upkeep = new VideoUpkeep(given)
  let jobs: VideoJobs | null = null
  return {
    plan: (request) => tryPlan(request, deps),
    submit: (request) => acceptVideo(request, deps),
    find: (account, id) => findOne(db, account, id),
    list: (account, request) => listPage(db, account, request),
    remove: (account, id) => removeVideo(account, id, { ...deps, stop: async (gone) => { await jobs?.stop(gone) } }),
    openContent: (account, id, variant) => openContentOf({ db, objects }, { account, id, variant }),
    fileOf: async (account, id, param) => {
      const video = await findOne(db, account, id, param)
      return { id: video.id, file: fileOf(completedOf(video, param), 'video') }
    },
    verify: (account, id, { signal, traceId }) => askToVerify(account, id, { ...deps, looks, signal, traceId }),
    work: (workDeps) => {
      jobs = new VideoJobs({ ...deps, ...workDeps })
      return { handler: jobs, errands: { [VERIFY]: verifyErrand({ ...deps, lenses: workDeps.lenses, deadlineMs: limits.lensMs }) } }
    },
    resume: () => upkeep.start(),
    drain: async () => {
      await Promise.all([upkeep.stop(), queue.drain({ graceMs: settings.drainMs })])
      await jobs?.settle()
      await releases.settle(settings.drainMs)
    },
  }
}
