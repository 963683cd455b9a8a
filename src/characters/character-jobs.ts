import { rm } from 'node:fs/promises'
import { AppError } from '../domain/errors.ts'
import type { Character, Step } from '../domain/character.ts'
import type { CharacterId } from '../domain/identifier.ts'
import { completeAsSame, failCharacter, findCharacter, findCompleted, noteStep, requeueCharacter, startAttempt, updateAttempt, type CharacterRow } from '../db/character-rows.ts'
import { characterOf } from '../db/stored-character.ts'
import { writeError } from '../db/stored-error.ts'
import { LensDied } from '../jail/lens-died.ts'
import type { JobQueue, Place } from '../jobs/place-queue.ts'
import { diskFault } from '../objects/disk-objects.ts'
import type { Log } from '../runtime/log.ts'
import type { StepRecord } from '../runtime/step.ts'
import { createCharacter, type PipelineDeps } from './create-character.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { CreateRequest, SourceRequest } from './requests.ts'
import { requestOf } from './stored-character.ts'

/** `same`: an earlier character is the answer. `kept`: for the next start. */
export type Outcome = 'completed' | 'same' | 'failed' | 'kept'

export interface JobsDeps extends PipelineDeps {
  readonly queue: JobQueue
  readonly log: Log
  /** For the metrics. */
  readonly onStep: (record: StepRecord) => void
  readonly onEnd: (outcome: Outcome, ms: number) => void
}

/** A place in the queue and an announced end. */
export interface ClaimedJob {
  start(request: CreateRequest, createdAtMs: number): Promise<Character>
  /** The request was not accepted after all. */
  withdraw(): void
}

/** One accepted request under way in this process. */
interface Job { readonly id: CharacterId; readonly createdAtMs: number; readonly request: CreateRequest; attempts: number }

/** Tries of one request, over restarts and lenses that died: more would only be more victims of a poisonous video. */
const MOST_ATTEMPTS = 2

const REWRITE_MS = 2000

/** How far a character is when a step begins, in percent; from the shares of time that the steps take. */
const PROGRESS: Readonly<Record<Step, number>> = {
  open: 2, window: 8, see: 20, choose: 55, portrait: 57, cutout: 65, references: 72, identity: 82, voice: 90, name: 94, publish: 95, stored: 98, committed: 100,
}

/** Takes accepted requests to their end, whatever that is, and tells those who wait. */
export class CharacterJobs {
  readonly #deps: JobsDeps
  readonly #ends = new Map<CharacterId, Promise<Character>>()

  constructor(deps: JobsDeps) { this.#deps = deps }

  /** Takes a place for a request whose row is about to be written. Throws `queue_full` or `shutting_down`. */
  claim(id: CharacterId): ClaimedJob {
    const place = this.#deps.queue.claim()
    const done = this.#announce(id)
    return {
      start: (request, createdAtMs) => {
        void this.#run({ id, createdAtMs, request, attempts: 0 }, place, done)
        return done.promise
      },
      withdraw: () => {
        place.leave()
        this.#ends.delete(id)
      },
    }
  }

  /** The end of what is under way in this process. */
  endOf(id: CharacterId): Promise<Character> | undefined { return this.#ends.get(id) }

  /** Takes up a row of the last run, unless it had its tries. */
  async resume(row: CharacterRow): Promise<void> {
    const id = row.id as CharacterId
    const job = { id, createdAtMs: row.created_at, request: requestOf(row), attempts: row.attempts }
    if (row.attempts >= MOST_ATTEMPTS) {
      await this.#giveUp(job, new AppError('lens_failed', { details: { reason: 'service_stopped', ...(row.step !== null && { step: row.step }) } }))
      return
    }
    await requeueCharacter(this.#deps.db, id)
    void this.#run(job, this.#deps.queue.reclaim(), this.#announce(id))
  }

  /** From here on others may wait for the character, though its row is not written yet. */
  #announce(id: CharacterId): PromiseWithResolvers<Character> {
    const done = Promise.withResolvers<Character>()
    done.promise.catch(() => {}) // nobody need listen: the row tells as well
    this.#ends.set(id, done.promise)
    return done
  }

  /** When its turn comes. Never rejects. */
  async #run(job: Job, place: Place, done: PromiseWithResolvers<Character>): Promise<void> {
    const { onEnd, log } = this.#deps
    const started = performance.now()
    const end = (outcome: Outcome, facts: Readonly<Record<string, string>>): void => {
      const ms = Math.round(performance.now() - started)
      onEnd(outcome, ms)
      log.info(`character.${outcome}`, { id: job.id, ms, attempts: job.attempts, ...facts })
    }
    try {
      const character = await place.run((signal) => this.#tryTwice(job, signal))
      await endUpload(job.request.source, log)
      end(character.id === job.id ? 'completed' : 'same', { kind: character.kind })
      this.#ends.delete(job.id)
      done.resolve(character)
    } catch (error) {
      const shown = await this.#giveUp(job, error)
      end(shown.code === 'shutting_down' ? 'kept' : 'failed', { code: shown.code })
      done.reject(shown)
    }
  }

  async #tryTwice(job: Job, signal: AbortSignal): Promise<Character> {
    const { db, clock, objects, log } = this.#deps
    for (;;) {
      const attempt = job.attempts + 1
      const isOurs = await startAttempt(db, job.id, attempt, clock())
      if (!isOurs) throw new Error(`${job.id} is not waiting for try ${attempt}`)
      job.attempts = attempt
      if (attempt > 1) await objects.deleteFolder(job.id)
      try {
        return await this.#tryOnce(job, signal)
      } catch (error) {
        signal.throwIfAborted() // what fails because the job was stopped fails for the reason it was stopped for
        if (!(error instanceof LensDied)) throw error
        log.warn('lens.died', { id: job.id, attempt, error })
        if (attempt >= MOST_ATTEMPTS) throw new AppError('lens_failed', { details: { reason: 'died' }, cause: error })
      }
    }
  }

  #tryOnce(job: Job, signal: AbortSignal): Promise<Character> {
    const { db, clock, events } = this.#deps
    const { id, attempts: attempt, request } = job
    return createCharacter({ ...job, attempt, signal }, this.#deps, {
      onStep: (step) => this.#tellStep(job, step),
      onStepDone: this.#deps.onStep,
      findSame: async (clipSha256) => {
        const row = request.isForced ? undefined : await findCompleted(db, request.account, fingerprintOf(request), clipSha256)
        if (!row) return null
        const character = characterOf(row)
        await db.transaction().execute(async (trx) => {
          const isOurs = await completeAsSame(trx, id, attempt, { sameAs: row.id, nowMs: clock() })
          if (isOurs) await events.record(trx, { type: 'character.completed', account: request.account, id, character })
        })
        return character
      },
    })
  }

  #tellStep({ id, attempts, createdAtMs, request }: Job, step: Step): void {
    const { db, log, clock, events } = this.#deps
    const nowMs = clock()
    // One transaction, one sync of the disk.
    db.transaction().execute(async (trx) => {
      const progress = await noteStep(trx, id, attempts, { step, progress: PROGRESS[step], nowMs })
      if (progress !== null) await events.record(trx, { type: 'character.progress', account: request.account, id, step, progress, elapsedMs: nowMs - createdAtMs })
    }).catch((error) => log.warn('character.step_unwritten', { id, step, error }))
  }

  /** What is told of the error. The row gets it too; when that fails it is tried again until it does not. */
  async #giveUp(job: Job, error: unknown): Promise<AppError> {
    const shown = error instanceof AppError ? error : diskFault(error) ?? new AppError('internal_error', { cause: error })
    if (shown.code === 'internal_error') this.#deps.log.error('character.bug', { id: job.id, error })
    await this.#writeEnd(job, shown)
    return shown
  }

  async #writeEnd(job: Job, error: AppError): Promise<void> {
    const { db, objects, log, clock, events } = this.#deps
    const { id, attempts, request } = job
    try {
      // When it is the service that ends, the row is kept for the next start, and the try does not count.
      if (error.code === 'shutting_down') await updateAttempt(db, id, attempts, { status: 'queued', attempts: attempts - 1, step: null })
      else if ((await findCharacter(db, id))?.status !== 'completed') { // read behind a completion that is being written
        await objects.deleteFolder(id)
        await db.transaction().execute(async (trx) => {
          const isFailed = await failCharacter(trx, id, { error: writeError(error), nowMs: clock() })
          if (isFailed) await events.record(trx, { type: 'character.failed', account: request.account, id, error })
        })
        await endUpload(request.source, log)
      }
      this.#ends.delete(id)
    } catch (cause) {
      // A full disk takes no failures either. Until it does, equal requests meet the same end.
      log.error('character.end_unwritten', { id, error: cause })
      setTimeout(() => void this.#writeEnd(job, error), REWRITE_MS).unref()
    }
  }
}

/** An upload was handed over with its request and ends with it. */
export async function endUpload(source: SourceRequest, log: Log): Promise<void> {
  if (!('path' in source)) return
  await rm(source.path, { force: true }).catch((error) => log.warn('upload.kept', { error }))
}
