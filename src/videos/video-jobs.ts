import { setTimeout as sleep } from 'node:timers/promises'
import type { JsonObject } from '../backends/backend.ts'
import type { Route } from '../backends/backends.ts'
import { failedValues, readFacts, videoOf, writeFacts } from '../db/stored-video.ts'
import { findVideo, updateUnfinishedVideo, type VideoRow } from '../db/video-rows.ts'
import { AppError } from '../domain/errors.ts'
import type { VideoId } from '../domain/identifier.ts'
import type { VideoStep } from '../domain/video.ts'
import type { JobQueue, Place } from '../jobs/place-queue.ts'
import { diskFault } from '../objects/disk-objects.ts'
import type { Log } from '../runtime/log.ts'
import type { StepRecord } from '../runtime/step.ts'
import { askBackend } from './ask-backend.ts'
import { makeVideo, type MakeDeps } from './make-video.ts'
import { runningOf, type Running } from './submit-video.ts'
import { givenFolder } from './video-files.ts'
import { VideoGone, VideoNotes, type NotesDeps } from './video-notes.ts'

/** `kept`: for the next start. `deleted`: while it was made. */
export type VideoOutcome = 'completed' | 'failed' | 'deleted' | 'kept'

export interface VideoJobsDeps extends MakeDeps, NotesDeps {
  readonly queue: JobQueue
  readonly log: Log
  /** For the metrics. */
  readonly onStep: (record: StepRecord<VideoStep>) => void
  readonly onEnd: (outcome: VideoOutcome, ms: number) => void
}

/** A place in the queue. */
export interface ClaimedVideo {
  /** The row is written. */
  start(id: VideoId): void
  /** The request was not accepted after all. */
  withdraw(): void
}

interface Job { readonly stop: AbortController; readonly ended: Promise<void> }

/**
 * How often the process may end within one step of one video. Where the service works on the video itself more would only be more
 * crashes; where it only waits, the video is hardly the reason.
 */
const MOST_DEATHS: Readonly<Record<VideoStep, number>> = { admit: 10, render: 3, submit: 3, follow: 10, fetch: 3, judge: 3, keep: 3 }

const REWRITE_MS = 2000

/** Takes accepted videos to their end, whatever that is. */
export class VideoJobs {
  readonly #deps: VideoJobsDeps
  readonly #jobs = new Map<VideoId, Job>()
  readonly #releases = new Set<Promise<void>>()

  constructor(deps: VideoJobsDeps) { this.#deps = deps }

  /** Takes a place for a video whose row is about to be written. Throws `queue_full` or `shutting_down`. */
  claim(): ClaimedVideo {
    const place = this.#deps.queue.claim()
    return { start: (id) => this.#start(id, place), withdraw: () => place.leave() }
  }

  /** Takes up a row of the last run, unless the process has ended within the same step too often. */
  async resume(row: VideoRow): Promise<void> {
    const id = row.id as VideoId
    const facts = readFacts(row)
    const { step } = facts
    const deaths = step === null ? 0 : (facts.deaths[step] ?? 0) + 1
    if (step !== null && deaths >= MOST_DEATHS[step]) {
      await this.#writeEnd(id, new AppError('internal_error', { details: { reason: 'service_stopped', step } }))
      return
    }
    await updateUnfinishedVideo(this.#deps.db, id, { facts: writeFacts({ ...facts, step: null, deaths: { ...facts.deaths, ...(step !== null && { [step]: deaths }) } }) })
    this.#start(id, this.#deps.queue.reclaim())
  }

  /** Of a video whose row has gone. Resolves when nothing is done for it any more. */
  async stop(id: VideoId): Promise<void> {
    const job = this.#jobs.get(id)
    job?.stop.abort(new VideoGone(id))
    await job?.ended
  }

  /** Lets a backend forget a video: best effort, in the background. */
  release(route: Route, operation: JsonObject): void {
    const { log, limits } = this.#deps
    const release = askBackend((waiting) => route.backend.cancel(operation, waiting), { signal: new AbortController().signal, mostMs: limits.askMs })
      .catch((error) => log.warn('video.not_released', { backend: route.backend.name, error }))
      .finally(() => this.#releases.delete(release))
    this.#releases.add(release)
  }

  /** What a row says is at a backend. */
  releaseOf(row: VideoRow): void {
    const running = this.#runningOf(row)
    if (running) this.release(running.route, running.operation)
  }

  /** The rows of what was stopped are written, and backends told, for so long at most. */
  async settle(mostMs: number): Promise<void> {
    await Promise.all([...this.#jobs.values()].map(({ ended }) => ended))
    await Promise.race([Promise.all(this.#releases), sleep(mostMs, undefined, { ref: false })])
  }

  #start(id: VideoId, place: Place): void {
    const stop = new AbortController()
    const ended = this.#run(id, place, stop.signal).finally(() => this.#jobs.delete(id))
    this.#jobs.set(id, { stop, ended })
  }

  /** When its turn comes. Never rejects. */
  async #run(id: VideoId, place: Place, stopped: AbortSignal): Promise<void> {
    const { onEnd, log } = this.#deps
    const started = performance.now()
    const end = (outcome: VideoOutcome, facts: Readonly<Record<string, string>>): void => {
      const ms = Math.round(performance.now() - started)
      onEnd(outcome, ms)
      log.info(`video.${outcome}`, { id, ms, ...facts })
    }
    try {
      await place.run((signal) => this.#make(id, signal), { signal: stopped })
      await this.#deps.objects.deleteFolder(givenFolder(id)).catch((error) => log.warn('video.pictures_kept', { id, error })) // collected at the next start
      end('completed', {})
    } catch (error) {
      if (error instanceof VideoGone) {
        await this.#free(id).catch((cause) => log.warn('video.objects_kept', { id, error: cause })) // likewise
        return end('deleted', {})
      }
      const shown = error instanceof AppError ? error : diskFault(error) ?? new AppError('internal_error', { cause: error })
      if (shown.code === 'internal_error') log.error('video.bug', { id, error })
      await this.#writeEnd(id, shown)
      end(shown.code === 'shutting_down' ? 'kept' : 'failed', { code: shown.code })
    }
  }

  async #make(id: VideoId, signal: AbortSignal): Promise<void> {
    const { db, log, onStep } = this.#deps
    const row = await findVideo(db, id)
    if (!row) throw new VideoGone(id)
    const notes = new VideoNotes(id, this.#deps)
    const noteStep = (step: VideoStep): void => {
      notes.step(step).catch((error) => { if (!(error instanceof VideoGone)) log.warn('video.step_unwritten', { id, step, error }) })
    }
    const release = (route: Route, operation: JsonObject): void => this.release(route, operation)
    try {
      await makeVideo({ row, id, signal, notes, release, onStep: noteStep, onStepDone: onStep }, this.#deps)
    } catch (error) {
      signal.throwIfAborted() // what fails because the job was stopped fails for the reason it was stopped for
      throw error
    }
  }

  async #writeEnd(id: VideoId, error: AppError): Promise<void> {
    try {
      if (error.code === 'shutting_down') await this.#sayGoodbye(id)
      else {
        const row = await findVideo(this.#deps.db, id) // read behind a completion that is being written
        if (row?.status === 'completed') return
        await this.#free(id)
        await this.#fail(id, error)
      }
    } catch (cause) {
      // A full disk takes no failures either.
      this.#deps.log.error('video.end_unwritten', { id, error: cause })
      setTimeout(() => void this.#writeEnd(id, error), REWRITE_MS).unref()
    }
  }

  /** The row is kept as it is, for the next start: this end is no death. */
  async #sayGoodbye(id: VideoId): Promise<void> {
    const { db } = this.#deps
    await db.transaction().execute(async (trx) => {
      const row = await findVideo(trx, id)
      if (row) await updateUnfinishedVideo(trx, id, { facts: writeFacts({ ...readFacts(row), step: null }) })
    })
  }

  async #fail(id: VideoId, error: AppError): Promise<void> {
    const { db, events, clock } = this.#deps
    const before = await db.transaction().execute(async (trx) => {
      const before = await findVideo(trx, id)
      const row = await updateUnfinishedVideo(trx, id, failedValues(error, clock()))
      if (row) await events.record(trx, { type: 'video.failed', account: row.account, id, video: videoOf(row) })
      return row && before
    })
    if (before) this.releaseOf(before)
  }

  async #free(id: VideoId): Promise<void> {
    const { objects } = this.#deps
    for (const folder of [id, givenFolder(id)]) await objects.deleteFolder(folder)
  }

  #runningOf(row: VideoRow): Running | null {
    try {
      return runningOf(row, this.#deps.backends)
    } catch {
      return null // its backend is not in the settings any more: there is nobody to tell
    }
  }
}
