import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../db/database.ts'
import { failedValues, readFacts, videoOf, writeFacts } from '../db/stored-video.ts'
import { findVideo, updateVideoAttempt, type VideoRow } from '../db/video-rows.ts'
import { AppError } from '../domain/errors.ts'
import type { Events } from '../events/events.ts'
import { LeaseLost } from '../jobs/job-queue.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import type { Log } from '../runtime/log.ts'
import type { BackendReleases } from './backend-releases.ts'
import { givenFolder, tryFolder } from './video-files.ts'
import type { VideoTry } from './video-notes.ts'

interface EndDeps {
  readonly db: Database
  readonly objects: Pick<ObjectStore, 'deleteFolder'>
  readonly events: Pick<Events, 'record'>
  readonly releases: BackendReleases
  readonly log: Log
  readonly clock: () => number
}

export interface HeldVideo extends VideoTry { readonly traceId: string | null; readonly signal: AbortSignal }

/** Where the row is behind a try. `completed`: also where the commit that seemed to fail had gone through. */
export type VideoEnd = 'completed' | 'failed' | 'deleted' | 'kept' | 'lost'

const REWRITE_MS = 1000
/** The queue gives the job to somebody else then. */
const MOST_WRITES = 20

/** Ends the video with this error, unless another try has it; its backend is told. */
export async function failVideo(held: HeldVideo, error: AppError, deps: EndDeps): Promise<VideoEnd> {
  const { db, events, clock, releases } = deps
  const before = await untilTaken(held, deps.log, () => db.transaction().execute(async (trx) => {
    const before = await findVideo(trx, held.id)
    const row = await updateVideoAttempt(trx, held, failedValues(error, clock()))
    if (row) await events.record(trx, { type: 'video.failed', account: row.account, id: held.id, video: videoOf(row) })
    return row && before
  }))
  if (!before) return leaveVideo(held, deps)
  releases.releaseOf(before)
  // Behind the row: only now no completion that was given up on can follow.
  await clearGone(held, { given: true, made: 'all' }, deps)
  return 'failed'
}

/** The row is kept as it is: this end is no death. */
export async function sayGoodbye(held: HeldVideo, deps: EndDeps): Promise<VideoEnd> {
  const { db, log } = deps
  try {
    return await db.transaction().execute(async (trx) => {
      const row = await findVideo(trx, held.id)
      const kept = row && await updateVideoAttempt(trx, held, { facts: writeFacts({ ...readFacts(row), step: null }) })
      return kept ? 'kept' : endOf(held, row)
    })
  } catch (error) {
    log.warn('video.goodbye_unwritten', { id: held.id, traceId: held.traceId, error })
    return 'kept'
  }
}

/** Nothing is written of a video that is gone, or that another try has: what is cleared away is nobody's. */
export async function leaveVideo(held: HeldVideo, deps: EndDeps): Promise<VideoEnd> {
  const row = await untilTaken(held, deps.log, () => findVideo(deps.db, held.id))
  const end = endOf(held, row)
  if (end === 'deleted') await clearGone(held, { given: true, made: 'all' }, deps)
  // As long as no other try has begun, a completion on its way could still be taken.
  else if (end === 'lost' && row?.attempts !== held.attempt) await clearGone(held, { given: false, made: 'own' }, deps)
  else if (end === 'completed') await clearGone(held, { given: true }, deps)
  return end
}

function endOf({ attempt }: HeldVideo, row: VideoRow | undefined): VideoEnd {
  if (!row) return 'deleted'
  return row.attempts === attempt && (row.status === 'completed' || row.status === 'failed') ? row.status : 'lost'
}

/** What cannot be deleted now is found when orphans are collected. */
export async function clearGone(held: HeldVideo, { given, made }: { readonly given: boolean; readonly made?: 'own' | 'all' }, { objects, log }: Pick<EndDeps, 'objects' | 'log'>): Promise<void> {
  const folders = [...(given ? [givenFolder(held.id)] : []), ...(made === 'all' ? [held.id] : made === 'own' ? [tryFolder(held)] : [])]
  for (const folder of folders) await objects.deleteFolder(folder).catch((error) => log.warn('video.objects_kept', { id: held.id, traceId: held.traceId, folder, error }))
}

/** A full disk takes no ends either, and a database that is away nothing at all. */
async function untilTaken<T>({ id, traceId, signal }: HeldVideo, log: Log, write: () => Promise<T>): Promise<T> {
  for (let writes = 1; ; writes++) {
    try {
      return await write()
    } catch (error) {
      log.error('video.end_unwritten', { id, traceId, error })
      if (writes === MOST_WRITES || !isPassing(error) || isProcessOver(signal)) throw error
      await sleep(REWRITE_MS)
    }
  }
}

const PASSING: ReadonlySet<string> = new Set(['storage_full', 'storage_unavailable', 'database_unavailable'])
const isPassing = (error: unknown): boolean => error instanceof AppError && PASSING.has(error.code)

const isProcessOver = ({ aborted, reason }: AbortSignal): boolean =>
  aborted && (reason instanceof LeaseLost || (reason instanceof AppError && reason.code === 'shutting_down'))
