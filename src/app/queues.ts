import { lensTimeout } from '../characters/character-service.ts'
import type { Database } from '../db/database.ts'
import { createEmbeddedQueue } from '../jobs/embedded-queue.ts'
import type { JobQueue } from '../jobs/job-queue.ts'
import { openPgBoss } from '../jobs/pgboss-queue.ts'
import type { Log } from '../runtime/log.ts'
import { backendTimeout } from '../videos/video-service.ts'
import type { Config } from './config.ts'

/** From a job's turn to its end, whatever the source and the lens do: their own deadlines are shorter. */
const JOB_DEADLINE_MS = 90_000

/** What waits for a lens, and what mostly waits for a backend. */
export interface Queues extends AsyncDisposable { readonly lenses: JobQueue; readonly videos: JobQueue }

/** In memory where this process is alone, else in the database that it shares. */
export async function openQueues(config: Config, { db, log }: { readonly db: Database; readonly log: Log }): Promise<Queues> {
  const lenses = { concurrency: config.LENS_PROCESSES, mostWaiting: config.QUEUE_MAX, deadlineMs: JOB_DEADLINE_MS, onDeadline: lensTimeout }
  const videos = { concurrency: config.VIDEOS_AT_ONCE, mostWaiting: config.QUEUE_MAX, deadlineMs: config.VIDEO_DEADLINE_MS, onDeadline: backendTimeout }
  if (config.DATABASE_URL === undefined) {
    return { lenses: createEmbeddedQueue({ ...lenses, log }), videos: createEmbeddedQueue({ ...videos, log }), [Symbol.asyncDispose]: async () => {} }
  }
  const shared = await openPgBoss({ url: config.DATABASE_URL, db, log })
  return { lenses: await shared.queue('lenses', lenses), videos: await shared.queue('videos', videos), [Symbol.asyncDispose]: () => shared[Symbol.asyncDispose]() }
}
