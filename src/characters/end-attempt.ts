import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../domain/errors.ts'
import { failAttempt, findCharacter, updateAttempt } from '../db/character-rows.ts'
import type { Database } from '../db/database.ts'
import { writeError } from '../db/stored-error.ts'
import type { Events } from '../events/events.ts'
import { LeaseLost } from '../jobs/job-queue.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import type { Log } from '../runtime/log.ts'
import { dropGiven } from './given-source.ts'
import type { Attempt } from './requests.ts'

interface EndDeps {
  readonly db: Database
  readonly objects: ObjectStore
  readonly events: Pick<Events, 'record'>
  readonly log: Log
  readonly clock: () => number
}

/** A try that its row knows of. */
export type HeldAttempt = Attempt & { readonly onUnwritten: () => void }

/** Where the row is behind it. `completed`: the commit that seemed to fail had gone through. `lost`: another try has it. */
export type AttemptEnd = 'completed' | 'failed' | 'kept' | 'lost'

const REWRITE_MS = 1000
/** The queue gives the job to somebody else then. */
const MOST_WRITES = 20

/** Ends the character with this error, unless another try has it. */
export async function failHeld(job: HeldAttempt, error: AppError, deps: EndDeps): Promise<AttemptEnd> {
  const { db, objects, events, log, clock } = deps
  const { id, attempt, request: { account, source, traceId } } = job
  const isFailed = await untilTaken(job, log, () => db.transaction().execute(async (trx) => {
    const isOurs = await failAttempt(trx, id, attempt, { error: writeError(error), nowMs: clock() })
    if (isOurs) await events.record(trx, { type: 'character.failed', account, id, error })
    return isOurs
  }))
  const end = isFailed ? 'failed' : await untilTaken(job, log, () => whereItIs(job, deps))
  if (end !== 'failed') return end
  // Behind the row: only now no commit that was given up on can follow. What is left is found when orphans are collected.
  await objects.deleteFolder(id).catch((cause) => log.warn('character.objects_kept', { id, traceId, error: cause }))
  await dropGiven(objects, id, source, log)
  return 'failed'
}

/** Back to waiting; the try counts only where something of it may still be going on. The next one clears away what this one stored. */
export async function handBack(job: HeldAttempt, { isOver }: { readonly isOver: boolean }, deps: EndDeps): Promise<AttemptEnd> {
  const { db, log } = deps
  const { id, attempt } = job
  return untilTaken(job, log, async () => {
    const isBack = await updateAttempt(db, id, attempt, { status: 'queued', step: null, ...(isOver && { attempts: attempt - 1 }) })
    return isBack ? 'kept' : await whereItIs(job, deps)
  })
}

/** Another process may have the character: nothing but what this try stored is touched. */
export async function leave(job: HeldAttempt, deps: EndDeps): Promise<AttemptEnd> {
  const { objects, log } = deps
  const { id, attempt, request: { traceId } } = job
  const end = await whereItIs(job, deps)
  if (end === 'lost') await objects.deleteFolder(`${id}/${attempt}`).catch((error) => log.warn('character.objects_kept', { id, traceId, error }))
  return end
}

async function whereItIs({ id, attempt }: HeldAttempt, { db }: EndDeps): Promise<AttemptEnd> {
  const row = await findCharacter(db, id)
  const isEndOurs = row?.attempts === attempt && (row.status === 'completed' || row.status === 'failed')
  return isEndOurs && (row.status === 'completed' || row.status === 'failed') ? row.status : 'lost'
}

/** A full disk takes no failures either, and a database that is away nothing at all. */
async function untilTaken<T>(job: HeldAttempt, log: Log, write: () => Promise<T>): Promise<T> {
  for (let writes = 1; ; writes++) {
    try {
      return await write()
    } catch (error) {
      log.error('character.end_unwritten', { id: job.id, traceId: job.request.traceId, error })
      job.onUnwritten()
      if (writes === MOST_WRITES || !isWorthAnother(error) || isProcessOver(job.signal)) throw error
      await sleep(REWRITE_MS)
    }
  }
}

const PASSING: ReadonlySet<string> = new Set(['storage_full', 'storage_unavailable', 'database_unavailable'])
const isWorthAnother = (error: unknown): boolean => error instanceof AppError && PASSING.has(error.code)

const isProcessOver = ({ aborted, reason }: AbortSignal): boolean =>
  aborted && (reason instanceof LeaseLost || (reason instanceof AppError && reason.code === 'shutting_down'))
