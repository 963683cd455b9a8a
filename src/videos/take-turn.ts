import type { Database } from '../db/database.ts'
import { readFacts, writeFacts } from '../db/stored-video.ts'
import { startVideoAttempt, updateVideoAttempt, type VideoRow } from '../db/video-rows.ts'
import type { VideoId } from '../domain/identifier.ts'
import type { VideoStep } from '../domain/video.ts'

/**
 * How often a try may be cut off within one step of one video. Where the service works on the video itself more would only be more
 * crashes; where it only waits, the video is hardly the reason.
 */
const MOST_DEATHS: Readonly<Record<VideoStep, number>> = { admit: 10, render: 3, submit: 3, follow: 10, fetch: 3, judge: 3, keep: 3 }

export interface TakenVideo {
  /** `attempts` is the try that holds it now. */
  readonly row: VideoRow
  /** The step that tries were cut off in too often. */
  readonly poisonedBy: VideoStep | null
}

/** A new try of a video: what earlier ones write from here on is refused. A step that the last one did not say goodbye from is where it was cut off. Null where there is nothing to do. */
export const takeTurn = (db: Database, id: VideoId): Promise<TakenVideo | null> => db.transaction().execute(async (trx) => {
  const row = await startVideoAttempt(trx, id)
  if (!row) return null
  const facts = readFacts(row)
  const { step } = facts
  if (step === null) return { row, poisonedBy: null }
  const deaths = (facts.deaths[step] ?? 0) + 1
  const counted = await updateVideoAttempt(trx, { id, attempt: row.attempts }, { facts: writeFacts({ ...facts, step: null, deaths: { ...facts.deaths, [step]: deaths } }) })
  return counted ? { row: counted, poisonedBy: deaths >= MOST_DEATHS[step] ? step : null } : null
})
