import { rm } from 'node:fs/promises'
import { AppError } from '../domain/errors.ts'
import type { Character, Step } from '../domain/character.ts'
import type { CharacterId } from '../domain/identifier.ts'
import { completeAsSame, failCharacter, findCompleted, requeueCharacter, startAttempt, updateAttempt, type CharacterRow } from '../db/character-rows.ts'
import type { JobQueue, Place } from '../jobs/job-queue.ts'
import type { Log } from '../runtime/log.ts'
import type { StepRecord } from '../runtime/step.ts'
import { createCharacter, type PipelineDeps } from './create-character.ts'
import { fingerprintOf } from './fingerprint.ts'
import { isLensDied } from './lens-contract.ts'
import type { CreateRequest, SourceRequest } from './requests.ts'
import { characterOf, requestOf, writeError } from './stored-character.ts'

export type Outcome = 'completed' | 'same' | 'failed' | 'kept'

export interface JobsDeps extends PipelineDeps {
  readonly queue: JobQueue
  readonly log: Log
  /** For the metrics. */
  readonly onStep: (record: StepRecord) => void
  readonly onEnd: (outcome: Outcome, ms: number) => void
}

/** One accepted request, as it is under way in this process. */
interface Job { readonly id: CharacterId; readonly createdAtMs: number; readonly request: CreateRequest; attempts: number }

/** A place in the queue and an announced end. */
export interface ClaimedJob {
  start(request: CreateRequest, createdAtMs: number): Promise<Character>
  /** The request was not accepted after all. */
  withdraw(): void
}

/** Tries of one request, over restarts and lenses that died: more would only be more victims of a poisonous video. */
const MOST_ATTEMPTS = 2

/** How far a character is when a step begins, in percent; from the shares of time that the steps take. */
const PROGRESS: Readonly<Record<Step, number>> = {
  open: 2, window: 8, see: 20, choose: 55, portrait: 57, cutout: 65, references: 72, identity: 82, voice: 90, name: 94, publish: 95, stored: 98, committed: 100,
}

export type CharacterJobs = ReturnType<typeof createCharacterJobs>

/** Takes accepted requests to their end, whatever that is, and tells those who wait. */
export function createCharacterJobs(deps: JobsDeps) {
  const { db, log, clock } = deps
  const running = new Map<CharacterId, Promise<Character>>()

  /** Runs a job when its turn comes, and tells its end to the row and to those who wait. Never rejects. */
  async function run(job: Job, place: Place, done: PromiseWithResolvers<Character>): Promise<void> {
    const started = performance.now()
    const end = (outcome: Outcome): void => deps.onEnd(outcome, Math.round(performance.now() - started))
    try {
      const character = await place.run((signal) => tryTwice(job, signal))
      await endUpload(job.request.source, log)
      end(character.id === job.id ? 'completed' : 'same')
      done.resolve(character)
    } catch (error) {
      const shown = await giveUp(job, error)
      end(shown.code === 'shutting_down' ? 'kept' : 'failed')
      done.reject(shown)
    } finally {
      running.delete(job.id)
    }
  }

  /** From here on others may wait for the character, though its row is not written yet. */
  function announce(id: CharacterId): PromiseWithResolvers<Character> {
    const done = Promise.withResolvers<Character>()
    done.promise.catch(() => {}) // nobody need listen: the row tells as well
    running.set(id, done.promise)
    return done
  }

  async function tryTwice(job: Job, signal: AbortSignal): Promise<Character> {
    for (;;) {
      const attempt = job.attempts + 1
      const isOurs = await startAttempt(db, job.id, attempt, clock())
      if (!isOurs) throw new Error(`${job.id} is not waiting for try ${attempt}`)
      job.attempts = attempt
      if (attempt > 1) await deps.objects.deleteFolder(job.id)
      try {
        return await runOnce(job, signal)
      } catch (error) {
        signal.throwIfAborted() // what fails because the job was stopped fails for the reason it was stopped for
        if (!isLensDied(error)) throw error
        log.warn('lens.died', { id: job.id, attempt, error })
        if (attempt >= MOST_ATTEMPTS) throw new AppError('lens_failed', { details: { reason: 'died' }, cause: error })
      }
    }
  }

  function runOnce(job: Job, signal: AbortSignal): Promise<Character> {
    const { id, attempts } = job
    const fingerprint = fingerprintOf(job.request)
    const onStep = (step: Step): void => {
      updateAttempt(db, id, attempts, { step, progress: PROGRESS[step], updated_at: clock() }).catch((error) => log.warn('character.step_unwritten', { id, step, error }))
    }
    const findSame = async (clipSha256: string): Promise<Character | null> => {
      if (job.request.isForced) return null
      const row = await findCompleted(db, job.request.account, fingerprint, clipSha256)
      if (!row) return null
      await completeAsSame(db, id, attempts, { sameAs: row.id, nowMs: clock() })
      return characterOf(row)
    }
    return createCharacter({ ...job, attempt: attempts, signal }, deps, { onStep, onStepDone: deps.onStep, findSame })
  }

  /** Writes the failure, or keeps the row for the next start when it is the service that ends. */
  async function giveUp(job: Job, error: unknown): Promise<AppError> {
    const shown = error instanceof AppError ? error : new AppError('internal_error', { cause: error })
    const { id, attempts } = job
    try {
      if (shown.code === 'shutting_down') {
        await updateAttempt(db, id, attempts, { status: 'queued', attempts: attempts - 1, step: null, progress: 0 })
        log.info('character.kept', { id })
        return shown
      }
      await failCharacter(db, id, { error: writeError(shown), nowMs: clock() })
      await deps.objects.deleteFolder(id)
      await endUpload(job.request.source, log)
    } catch (cause) {
      log.error('character.failure_unwritten', { id, error: cause })
    }
    const isBug = shown.code === 'internal_error'
    log[isBug ? 'error' : 'info']('character.failed', { id, code: shown.code, attempts, ...(isBug && { error }) })
    return shown
  }

  return {
    /** Takes a place for a request whose row is about to be written. Throws `queue_full` or `shutting_down`. */
    claim: (id: CharacterId): ClaimedJob => {
      const place = deps.queue.claim()
      const done = announce(id)
      return {
        start: (request, createdAtMs) => {
          void run({ id, createdAtMs, request, attempts: 0 }, place, done)
          return done.promise
        },
        withdraw: () => {
          place.leave()
          running.delete(id)
        },
      }
    },
    /** The end of what is under way in this process. */
    waitFor: (id: CharacterId): Promise<Character> | undefined => running.get(id),
    /** Takes up a row of the last run, unless it had its tries. */
    resume: async (row: CharacterRow): Promise<void> => {
      const id = row.id as CharacterId
      const job = { id, createdAtMs: row.created_at, request: requestOf(row), attempts: row.attempts }
      if (row.attempts >= MOST_ATTEMPTS) {
        await giveUp(job, new AppError('lens_failed', { details: { reason: 'service_stopped', ...(row.step !== null && { step: row.step }) } }))
        return
      }
      await requeueCharacter(db, id)
      void run(job, deps.queue.reclaim(), announce(id))
    },
  }
}

/** An upload was handed over with its request and ends with it. */
export async function endUpload(source: SourceRequest, log: Log): Promise<void> {
  if (source.type === 'url') return
  await rm(source.path, { force: true }).catch((error) => log.warn('upload.kept', { error }))
}
