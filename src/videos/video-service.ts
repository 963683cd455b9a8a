import type { Backends } from '../backends/backends.ts'
import type { Database } from '../db/database.ts'
import type { VideoStep } from '../domain/video.ts'
import type { Events } from '../events/events.ts'
import type { Lenses } from '../jail/lenses.ts'
import type { JobQueue } from '../jobs/job-queue.ts'
import type { DiskObjects } from '../objects/disk-objects.ts'
import type { Prompts } from '../prompts/prompts.ts'
import type { ByteSource } from '../runtime/byte-source.ts'
import type { Log } from '../runtime/log.ts'
import type { StepRecord } from '../runtime/step.ts'
import type { VideoSettings } from './settings.ts'
import type { Videos } from './videos.ts'

/** `kept`: for the next start. `deleted`: while it was made. */
export type VideoOutcome = 'completed' | 'failed' | 'deleted' | 'kept'

/** A file of ours, or what lies at a caller's address behind the guarded fetch. Rejects with `source_*`, `invalid_url`, `url_not_allowed`. */
export type OpenSource = (
  source: { readonly type: 'url'; readonly url: string } | { readonly type: 'upload'; readonly path: string },
  options: { readonly signal: AbortSignal; readonly scratch: string },
) => Promise<ByteSource>

export interface VideosDeps {
  readonly db: Database
  readonly objects: DiskObjects
  /** Its own: `concurrency` is how many videos are followed at once, `deadlineMs` how long one may take; `onDeadline` gives {@link backendTimeout}. */
  readonly queue: JobQueue
  readonly lenses: Pick<Lenses, 'open'>
  readonly backends: Backends
  readonly prompts: Prompts
  readonly events: Pick<Events, 'record'>
  readonly openSource: OpenSource
  readonly clock: () => number
  readonly log: Log
  /** For the metrics. */
  readonly onStep: (record: StepRecord<VideoStep>) => void
  readonly onEnd: (outcome: VideoOutcome, ms: number) => void
  readonly settings: VideoSettings
}

/** The video service over its database, objects, queue, backends and lenses. Call `resume` before the first request, after that of the characters. */
export function createVideos(_deps: VideosDeps): Videos {
  throw new Error('not built')
}
