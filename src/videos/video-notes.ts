import type { Database } from '../db/database.ts'
import { completedValues, readFacts, videoOf, writeFacts, type VideoFacts } from '../db/stored-video.ts'
import type { VideosTable } from '../db/tables.ts'
import { findVideo, updateVideoAttempt, type VideoRow, type VideoValues } from '../db/video-rows.ts'
import type { VideoId } from '../domain/identifier.ts'
import type { StoredFile } from '../domain/stored-file.ts'
import type { VideoStep } from '../domain/video.ts'
import type { Events } from '../events/events.ts'
import { LeaseLost } from '../jobs/job-queue.ts'
import { whileAway } from './ask-backend.ts'
import type { VideoLimits } from './settings.ts'

/** The row is not there any more: nothing that is made of it is wanted. */
export class VideoGone extends Error {
  override readonly name = 'VideoGone'
}

/** One try of one video. */
export interface VideoTry { readonly id: VideoId; readonly attempt: number }

type ChangeFacts = (facts: VideoFacts) => Partial<VideoFacts>

export interface NotesDeps { readonly db: Database; readonly events: Pick<Events, 'record'>; readonly clock: () => number; readonly limits: Pick<VideoLimits, 'awayTries' | 'retryMs'> }

/** How far a video is when a step begins, in percent; what the backend tells lies between `follow` and `fetch`. */
const PROGRESS: Readonly<Record<VideoStep, number>> = { admit: 0, render: 1, submit: 2, follow: 4, fetch: 94, judge: 97, keep: 99 }

/** What of a backend's own percent is ours. */
const followed = (percent: number): number => PROGRESS.follow + Math.floor((PROGRESS.fetch - PROGRESS.follow) * Math.min(Math.max(percent, 0), 100) / 100)

/**
 * What a try notes in the row of its video, one behind the other, each with its event in one transaction; while the database is away it waits a while. All reject with {@link VideoGone},
 * or with {@link LeaseLost} where another try has the row.
 */
export class VideoNotes {
  readonly #of: VideoTry
  readonly #signal: AbortSignal
  readonly #deps: NotesDeps
  #last: Promise<unknown> = Promise.resolve()

  constructor(of: VideoTry, signal: AbortSignal, deps: NotesDeps) {
    this.#of = of
    this.#signal = signal
    this.#deps = deps
  }

  /** Until its characters are there a video is queued. */
  step(step: VideoStep): Promise<void> {
    return this.#advance(PROGRESS[step], (row) => ({ ...(step !== 'admit' && { status: 'in_progress' }), facts: writeFacts({ ...readFacts(row), step }) }))
  }

  progress(percent: number): Promise<void> { return this.#advance(followed(percent), () => ({})) }

  async facts(change: ChangeFacts): Promise<void> {
    await this.#write((trx) => this.#change(trx, (row) => ({ facts: writeFacts(changed(row, change)) })))
  }

  /** The row as it is then, with one submission more. */
  submitted(values: Pick<VideosTable, 'backend' | 'model' | 'operation'>, change: ChangeFacts): Promise<VideoRow> {
    return this.#write((trx) => this.#change(trx, (row) => ({ ...values, submissions: row.submissions + 1, facts: writeFacts(changed(row, change)) })))
  }

  async completed(files: readonly StoredFile[], change: ChangeFacts): Promise<void> {
    const { events, clock } = this.#deps
    const { id, attempt } = this.#of
    await this.#write(async (trx) => {
      const before = await findVideo(trx, id)
      if (before?.status === 'completed' && before.attempts === attempt) return // an answer that was lost, of a commit that was not
      const row = await this.#change(trx, (row) => completedValues(files, { ...changed(row, change), step: null }, clock()))
      await events.record(trx, { type: 'video.completed', account: row.account, id, video: videoOf(row) })
    })
  }

  /** Progress never falls, whatever the backend says or a second submission begins with. */
  async #advance(progress: number, valuesOf: (row: VideoRow) => VideoValues): Promise<void> {
    const { events, clock } = this.#deps
    await this.#write(async (trx) => {
      const before = await this.#find(trx)
      const values = valuesOf(before)
      const hasGrown = progress > before.progress
      if (!hasGrown && Object.keys(values).length === 0) return
      const row = await this.#change(trx, () => ({ ...values, ...(hasGrown && { progress }) }))
      if (hasGrown) await events.record(trx, { type: 'video.progress', account: row.account, id: this.#of.id, progress, elapsedMs: clock() - row.created_at })
    })
  }

  #write<T>(work: (trx: Database) => Promise<T>): Promise<T> {
    const { db, limits } = this.#deps
    const write = (): Promise<T> => whileAway(() => db.transaction().execute(work), { tries: limits.awayTries, waitMs: limits.retryMs, signal: this.#signal })
    const written = this.#last.then(write, write) // what became of the one before was told to who asked for it
    this.#last = written
    return written
  }

  async #find(trx: Database): Promise<VideoRow> {
    const { id, attempt } = this.#of
    const row = await findVideo(trx, id)
    if (!row) throw new VideoGone(id)
    if (row.attempts !== attempt) throw new LeaseLost(`try ${row.attempts} has ${id}, not ${attempt}`)
    return row
  }

  async #change(trx: Database, valuesOf: (row: VideoRow) => VideoValues): Promise<VideoRow> {
    const values = valuesOf(await this.#find(trx))
    const row = await updateVideoAttempt(trx, this.#of, { updated_at: this.#deps.clock(), ...values })
    if (!row) throw new LeaseLost(`${this.#of.id} was taken over, deleted or ended meanwhile`)
    return row
  }
}

function changed(row: VideoRow, change: ChangeFacts): VideoFacts {
  const facts = readFacts(row)
  return { ...facts, ...change(facts) }
}
