import type { Database } from '../db/database.ts'
import { completedValues, readFacts, videoOf, writeFacts, type VideoFacts } from '../db/stored-video.ts'
import type { VideosTable } from '../db/tables.ts'
import { findVideo, updateUnfinishedVideo, type VideoRow, type VideoValues } from '../db/video-rows.ts'
import type { VideoId } from '../domain/identifier.ts'
import type { StoredFile } from '../domain/stored-file.ts'
import type { VideoStep } from '../domain/video.ts'
import type { Events } from '../events/events.ts'

/** The row is not there any more, or has come to its end already: nothing that is made of it is wanted. */
export class VideoGone extends Error {
  override readonly name = 'VideoGone'
}

type ChangeFacts = (facts: VideoFacts) => Partial<VideoFacts>

export interface NotesDeps { readonly db: Database; readonly events: Pick<Events, 'record'>; readonly clock: () => number }

/** How far a video is when a step begins, in percent; what the backend tells lies between `follow` and `fetch`. */
const PROGRESS: Readonly<Record<VideoStep, number>> = { admit: 0, render: 1, submit: 2, follow: 4, fetch: 94, judge: 97, keep: 99 }

/** What of a backend's own percent is ours. */
const followed = (percent: number): number => PROGRESS.follow + Math.floor((PROGRESS.fetch - PROGRESS.follow) * Math.min(Math.max(percent, 0), 100) / 100)

/** What is noted of one video in its row while it is made, each with its event in one transaction. All reject with {@link VideoGone}. */
export class VideoNotes {
  readonly #id: VideoId
  readonly #deps: NotesDeps

  constructor(id: VideoId, deps: NotesDeps) {
    this.#id = id
    this.#deps = deps
  }

  /** Until its characters are there a video is queued. */
  step(step: VideoStep): Promise<void> {
    return this.#advance(PROGRESS[step], (row) => ({ ...(step !== 'admit' && { status: 'in_progress' }), facts: writeFacts({ ...readFacts(row), step }) }))
  }

  progress(percent: number): Promise<void> { return this.#advance(followed(percent), () => ({})) }

  async facts(change: ChangeFacts): Promise<void> {
    await this.#deps.db.transaction().execute((trx) => this.#change(trx, (row) => ({ facts: writeFacts(changed(row, change)) })))
  }

  /** The row as it is then, with one submission more. */
  submitted(values: Pick<VideosTable, 'backend' | 'model' | 'operation'>, change: ChangeFacts): Promise<VideoRow> {
    return this.#deps.db.transaction().execute((trx) => this.#change(trx, (row) => ({ ...values, submissions: row.submissions + 1, facts: writeFacts(changed(row, change)) })))
  }

  async completed(files: readonly StoredFile[], change: ChangeFacts): Promise<void> {
    const { db, events, clock } = this.#deps
    await db.transaction().execute(async (trx) => {
      const row = await this.#change(trx, (row) => completedValues(files, { ...changed(row, change), step: null }, clock()))
      await events.record(trx, { type: 'video.completed', account: row.account, id: this.#id, video: videoOf(row) })
    })
  }

  /** Progress never falls, whatever the backend says or a second submission begins with. */
  async #advance(progress: number, valuesOf: (row: VideoRow) => VideoValues): Promise<void> {
    const { db, events, clock } = this.#deps
    await db.transaction().execute(async (trx) => {
      const before = await this.#find(trx)
      const values = valuesOf(before)
      const hasGrown = progress > before.progress
      if (!hasGrown && Object.keys(values).length === 0) return
      const row = await this.#change(trx, () => ({ ...values, ...(hasGrown && { progress }) }))
      if (hasGrown) await events.record(trx, { type: 'video.progress', account: row.account, id: this.#id, progress, elapsedMs: clock() - row.created_at })
    })
  }

  async #find(trx: Database): Promise<VideoRow> {
    const row = await findVideo(trx, this.#id)
    if (!row) throw new VideoGone(this.#id)
    return row
  }

  async #change(trx: Database, valuesOf: (row: VideoRow) => VideoValues): Promise<VideoRow> {
    const values = valuesOf(await this.#find(trx))
    const row = await updateUnfinishedVideo(trx, this.#id, { updated_at: this.#deps.clock(), ...values })
    if (!row) throw new VideoGone(this.#id)
    return row
  }
}

function changed(row: VideoRow, change: ChangeFacts): VideoFacts {
  const facts = readFacts(row)
  return { ...facts, ...change(facts) }
}
