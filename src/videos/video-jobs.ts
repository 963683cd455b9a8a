import type { JsonObject } from '../backends/backend.ts'
import type { Route } from '../backends/backends.ts'
import { hearOf } from '../db/hear-of.ts'
import type { Notices } from '../db/notices.ts'
import { findVideo, type VideoRow } from '../db/video-rows.ts'
import { AppError } from '../domain/errors.ts'
import type { VideoId } from '../domain/identifier.ts'
import type { VideoStep } from '../domain/video.ts'
import { lensesFor } from '../jail/lenses.ts'
import { LeaseLost, type Handler, type Turn } from '../jobs/job-queue.ts'
import { diskFault } from '../objects/disk-objects.ts'
import type { Log } from '../runtime/log.ts'
import type { StepRecord } from '../runtime/step.ts'
import { unlessAborted } from '../runtime/unless-aborted.ts'
import type { BackendReleases } from './backend-releases.ts'
import { clearGone, failVideo, leaveVideo, sayGoodbye, type VideoEnd } from './end-video.ts'
import { makeVideo, type MakeDeps } from './make-video.ts'
import { takeTurn, type TakenVideo } from './take-turn.ts'
import { VideoGone, VideoNotes, type NotesDeps, type VideoTry } from './video-notes.ts'

/** `kept`: for whoever takes it up next. `lost`: another process has taken it up. `deleted`: while it was made. */
export type VideoOutcome = VideoEnd

export interface VideoJobsDeps extends Omit<MakeDeps, 'notices'>, NotesDeps {
  readonly notices: Pick<Notices, 'hear'>
  readonly limits: MakeDeps['limits']
  readonly releases: BackendReleases
  readonly log: Log
  /** For the metrics. */
  readonly onStep: (record: StepRecord<VideoStep>) => void
  readonly onEnd: (outcome: VideoOutcome, ms: number) => void
}

interface Job { readonly stop: AbortController; readonly ended: Promise<void> }

/** What is stopped may clean up for so long. The queue waits a little longer before it takes the job away. */
const CLEAN_UP_MS = 1000
/** Whether the row is still there and ours is told by notices; this is for the one that was lost. */
const LOOK_MS = 10_000

/** Takes accepted videos to their end, whatever that is. */
export class VideoJobs implements Handler {
  readonly #deps: VideoJobsDeps
  readonly #jobs = new Map<string, Job>()

  constructor(deps: VideoJobsDeps) { this.#deps = deps }

  async run({ id, signal }: Turn): Promise<void> {
    signal.throwIfAborted()
    const taken = await takeTurn(this.#deps.db, id as VideoId) // the queue was given it by who wrote the row
    if (taken === null) return
    const stop = new AbortController()
    const ended = this.#bringToEnd(taken, AbortSignal.any([signal, stop.signal]), stop)
    this.#jobs.set(id, { stop, ended: ended.catch(() => {}) }) // told to the queue
    try {
      await ended
    } finally {
      this.#jobs.delete(id)
    }
  }

  /** Handed back is what was cut off, or met a database that was away: what may still be tried is found in its row by the upkeep, and put into the queue again. */
  async giveUp(id: string): Promise<void> {
    const taken = await takeTurn(this.#deps.db, id as VideoId)
    if (taken?.poisonedBy) await failVideo(tryOf(taken.row, new AbortController().signal), poisoned(taken.poisonedBy), this.#deps)
  }

  /** Of a video whose row has gone. Resolves when nothing is done for it here any more. */
  async stop(id: VideoId): Promise<void> {
    const job = this.#jobs.get(id)
    job?.stop.abort(new VideoGone(id))
    await job?.ended
  }

  async settle(): Promise<void> { await Promise.all([...this.#jobs.values()].map(({ ended }) => ended)) }

  /** Rejects when the job is to be handed back. */
  async #bringToEnd(taken: TakenVideo, signal: AbortSignal, stop: AbortController): Promise<void> {
    const { row } = taken
    const { onEnd, log } = this.#deps
    const started = performance.now()
    const tell = (outcome: VideoOutcome, facts: Readonly<Record<string, string>>): void => {
      const ms = Math.round(performance.now() - started)
      onEnd(outcome, ms)
      log.info(`video.${outcome}`, { id: row.id, traceId: row.trace_id, attempt: row.attempts, ms, ...facts })
    }
    try {
      if (taken.poisonedBy) throw poisoned(taken.poisonedBy)
      await this.#make(row, signal, stop)
      await clearGone(tryOf(row, signal), { given: true }, this.#deps)
      tell('completed', {})
    } catch (error) {
      const { end, code } = await this.#endOtherwise(row, signal, error)
      tell(end, end === 'failed' || end === 'kept' ? { code } : {})
      if (end === 'kept') throw error
    }
  }

  async #make(row: VideoRow, signal: AbortSignal, stop: AbortController): Promise<void> {
    const { log, onStep, releases } = this.#deps
    const { id, attempt } = tryOf(row, signal)
    const notes = new VideoNotes({ id, attempt }, signal, this.#deps)
    const noteStep = (step: VideoStep): void => {
      notes.step(step).catch((error) => {
        if (error instanceof VideoGone || error instanceof LeaseLost) stop.abort(error)
        else if (!signal.aborted) log.warn('video.step_unwritten', { id, traceId: row.trace_id, step, error })
      })
    }
    const done = new AbortController()
    const watching = this.#abortWhenGone({ id, attempt }, stop, AbortSignal.any([signal, done.signal]))
    const release = (route: Route, operation: JsonObject): void => releases.release(route, operation)
    try {
      await unlessAborted(makeVideo({ row, id, attempt, signal, notes, release, onStep: noteStep, onStepDone: onStep }, { ...this.#deps, lenses: lensesFor(this.#deps.lenses, row.trace_id) }), signal, { graceMs: CLEAN_UP_MS })
    } catch (error) {
      signal.throwIfAborted() // what fails because the job was stopped fails for the reason it was stopped for
      throw error
    } finally {
      done.abort()
      await watching
    }
  }

  /** It may be deleted, or taken over, in any process. */
  async #abortWhenGone({ id, attempt }: VideoTry, stop: AbortController, until: AbortSignal): Promise<void> {
    using changes = hearOf(this.#deps.notices, id)
    for (;;) {
      await changes.next({ mostMs: LOOK_MS, signal: until }).catch(() => {}) // done
      if (until.aborted) return
      const row = await findVideo(this.#deps.db, id).catch(() => null) // the work itself will meet what is wrong
      if (row === undefined) stop.abort(new VideoGone(id))
      else if (row !== null && row.attempts !== attempt) stop.abort(new LeaseLost(`try ${row.attempts} has ${id}`))
    }
  }

  async #endOtherwise(row: VideoRow, signal: AbortSignal, error: unknown): Promise<{ readonly end: VideoOutcome; readonly code: string }> {
    const held = tryOf(row, signal)
    if (error instanceof VideoGone || error instanceof LeaseLost) return { end: await leaveVideo(held, this.#deps), code: '' }
    const shown = error instanceof AppError ? error : diskFault(error) ?? new AppError('internal_error', { cause: error })
    const { code } = shown
    if (code === 'internal_error') this.#deps.log.error('video.bug', { id: row.id, traceId: row.trace_id, error })
    if (code === 'shutting_down') return { end: await sayGoodbye(held, this.#deps), code }
    if (code === 'database_unavailable') return { end: 'kept', code } // nothing can be written of it, and it may be paid for
    return { end: await failVideo(held, shown, this.#deps), code }
  }
}

const tryOf = (row: VideoRow, signal: AbortSignal) => ({ id: row.id as VideoId, attempt: row.attempts, traceId: row.trace_id, signal })

const poisoned = (step: VideoStep): AppError => new AppError('internal_error', { details: { reason: 'service_stopped', step } })
