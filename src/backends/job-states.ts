import { AppError } from '../domain/errors.ts'
import { phrase } from '../domain/phrase.ts'
import { wordsIn, type Scrub } from '../net/service-words.ts'

const JOB_STATES = ['queued', 'running', 'done', 'rejected', 'cancelled', 'expired'] as const
type JobState = (typeof JOB_STATES)[number]

/** What services call the states of a job, lower case. */
const WORDS: Readonly<Record<JobState, readonly string[]>> = {
  queued: ['queued', 'pending', 'submitted', 'created', 'starting', 'queueing', 'not_start', 'preparing', 'unknown', 'in_queue', 'throttled'],
  running: ['in_progress', 'processing', 'running', 'generating'],
  done: ['completed', 'complete', 'succeeded', 'success', 'succeed', 'finished', 'ready'],
  rejected: ['failed', 'failure', 'fail', 'error'],
  cancelled: ['cancelled', 'canceled', 'deleted'],
  expired: ['expired'],
}

/** A word nobody has seen yet is no end: the job's deadline is. */
export function readJobState(word: string): JobState {
  return JOB_STATES.find((state) => WORDS[state].includes(word.toLowerCase())) ?? 'running'
}

export const NO_REASON = phrase('it failed, and does not say why', '生成失败，未说明原因')

/** The error of a job that ended without a video. `said` is what the service put into its error field. */
export function jobError(state: 'rejected' | 'cancelled' | 'expired', said: unknown, scrub: Scrub): AppError {
  if (state === 'cancelled') return new AppError('cancelled')
  if (state === 'expired') return new AppError('output_expired')
  const words = wordsIn(said)
  return new AppError('backend_rejected', { details: { said: words === null ? NO_REASON : scrub(words) } })
}
