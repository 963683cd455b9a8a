import { AppError } from '../domain/errors.ts'
import type { Character } from '../domain/character.ts'
import type { CharacterId } from '../domain/identifier.ts'
import { completeAsSame, findCharacter, findCompleted, startAttempt, type CharacterRow } from '../db/character-rows.ts'
import { lockFor } from '../db/lock.ts'
import { characterOf } from '../db/stored-character.ts'
import { LensDied } from '../jail/lens-died.ts'
import { LeaseLost, type Handler, type Turn } from '../jobs/job-queue.ts'
import { diskFault } from '../objects/disk-objects.ts'
import type { Log } from '../runtime/log.ts'
import type { StepRecord } from '../runtime/step.ts'
import type { CharacterEnds } from './character-ends.ts'
import { createCharacter, type PipelineDeps } from './create-character.ts'
import { failHeld, handBack, leave, type AttemptEnd } from './end-attempt.ts'
import { fingerprintOf } from './fingerprint.ts'
import { dropGiven } from './given-source.ts'
import type { StoredRequest } from './requests.ts'
import { requestOf } from './stored-character.ts'
import { createStepTeller } from './tell-steps.ts'

/** `same`: an earlier character is the answer. `kept`: for whoever takes it up next. `lost`: somebody else has taken it up. */
export type Outcome = AttemptEnd | 'same'

export interface JobsDeps extends PipelineDeps {
  readonly log: Log
  /** For the metrics. */
  readonly onStep: (record: StepRecord) => void
  readonly onEnd: (outcome: Outcome, ms: number) => void
}

/** A character whose turn it is in this process. */
interface Job {
  readonly id: CharacterId
  readonly createdAtMs: number
  readonly request: StoredRequest
  readonly signal: AbortSignal
  /** The try that holds the row, or wants to. */
  attempt: number
  /** The row knows of it. */
  isHeld: boolean
  /** Something of a try before may lie among the objects. */
  wasTried: boolean
  /** It was given up on while it went on. */
  isAbandoned: boolean
}

/** Tries of one request, over restarts and lenses that died: more would only be more victims of a poisonous video. */
const MOST_ATTEMPTS = 2

/** What is stopped may clean up for so long. The queue waits a little longer before it takes the job away. */
const CLEAN_UP_MS = 1000

/** Takes accepted requests to their end, whatever that is. */
export class CharacterJobs implements Handler {
  readonly #deps: JobsDeps
  readonly #ends: CharacterEnds

  constructor(deps: JobsDeps, ends: CharacterEnds) {
    this.#deps = deps
    this.#ends = ends
  }

  async run({ id, signal }: Turn): Promise<void> {
    const row = await findCharacter(this.#deps.db, id)
    if (!row || isAtEnd(row)) return
    const job = jobOf(row, signal)
    this.#ends.begin(job.id)
    try {
      await this.#bringToEnd(job, row)
    } finally {
      this.#ends.finish(job.id)
    }
  }

  async giveUp(id: string): Promise<void> {
    const row = await findCharacter(this.#deps.db, id)
    if (!row || isAtEnd(row)) return
    const job = jobOf(row, new AbortController().signal)
    await this.#hold(job)
    await failHeld({ ...job, onUnwritten: () => {} }, stoppedTooOften(row), this.#deps)
  }

  async #bringToEnd(job: Job, row: CharacterRow): Promise<void> {
    const started = performance.now()
    const tell = (outcome: Outcome, facts: Readonly<Record<string, string>>): void => {
      const ms = Math.round(performance.now() - started)
      this.#deps.onEnd(outcome, ms)
      this.#deps.log.info(`character.${outcome}`, { id: job.id, traceId: job.request.traceId, ms, attempts: job.attempt, ...facts })
    }
    try {
      const character = await this.#tryTwice(job, row)
      await dropGiven(this.#deps.objects, job.id, job.request.source, this.#deps.log)
      tell(character.id === job.id ? 'completed' : 'same', { kind: character.kind })
    } catch (error) {
      await this.#endOtherwise(job, error, tell)
    }
  }

  async #tryTwice(job: Job, row: CharacterRow): Promise<Character> {
    const { log } = this.#deps
    const hadItsTries = row.attempts >= MOST_ATTEMPTS
    for (;;) {
      await this.#hold(job)
      if (hadItsTries) throw stoppedTooOften(row)
      try {
        return await this.#tryOnce(job)
      } catch (error) {
        if (!(error instanceof LensDied)) throw error
        log.warn('lens.died', { id: job.id, traceId: job.request.traceId, attempt: job.attempt, error })
        if (job.attempt >= MOST_ATTEMPTS) throw new AppError('lens_failed', { details: { reason: 'died' }, cause: error })
      }
    }
  }

  /** From here on what an earlier try writes late is refused. Rejects with `LeaseLost` when another process was quicker. */
  async #hold(job: Job): Promise<void> {
    const { db, clock } = this.#deps
    job.isHeld = false
    job.attempt++
    job.isHeld = await startAttempt(db, job.id, job.attempt, clock())
    if (!job.isHeld) throw new LeaseLost(`${job.id} is not waiting for try ${job.attempt}`)
  }

  async #tryOnce(job: Job): Promise<Character> {
    const lost = new AbortController()
    const signal = AbortSignal.any([job.signal, lost.signal])
    try {
      return await endOrAbandon(this.#make({ ...job, signal }, (error) => lost.abort(error)), signal, () => { job.isAbandoned = true })
    } catch (error) {
      signal.throwIfAborted() // what fails because the job was stopped fails for the reason it was stopped for
      throw error
    } finally {
      job.wasTried = true
    }
  }

  /** Nothing of it goes on when it has settled. */
  async #make(job: Job, onLost: (error: LeaseLost) => void): Promise<Character> {
    const deps = this.#deps
    if (job.wasTried) await this.#clearAway(job)
    const steps = createStepTeller(job, deps, onLost)
    try {
      return await createCharacter(job, deps, {
        onStep: (step) => steps.tell(step), stepsTold: () => steps.told(), onStepDone: deps.onStep,
        findSame: (clipSha256) => this.#findSame(job, clipSha256),
      })
    } finally {
      await steps.told().catch(() => {}) // whether another try has the row is told by `onLost`
    }
  }

  /** What tries up to this one stored. Never more: who is paused here and overtaken would delete what the next one stores. */
  async #clearAway({ id, attempt }: Job): Promise<void> {
    for (let earlier = 1; earlier <= attempt; earlier++) await this.#deps.objects.deleteFolder(`${id}/${earlier}`)
  }

  /** The earlier character with these bytes, which is the answer then. */
  async #findSame({ id, attempt, request }: Job, clipSha256: string): Promise<Character | null> {
    const { db, clock, events } = this.#deps
    const { account, isForced } = request
    const earlier = isForced ? undefined : await findCompleted(db, account, fingerprintOf(request), clipSha256)
    if (!earlier) return null
    return db.transaction().execute(async (trx) => {
      await lockFor(trx, earlier.id)
      const row = await findCharacter(trx, earlier.id)
      if (!row || row.deleted_at !== null) return null
      const isOurs = await completeAsSame(trx, id, attempt, { sameAs: row.id, nowMs: clock() })
      if (!isOurs) throw new LeaseLost(`another try has taken ${id} over`)
      const character = characterOf(row)
      await events.record(trx, { type: 'character.completed', account, id, character })
      return character
    })
  }

  /** Rejects when the job is to be handed back. */
  async #endOtherwise(job: Job, error: unknown, tell: (outcome: Outcome, facts: Readonly<Record<string, string>>) => void): Promise<void> {
    const { id, request: { traceId } } = job
    const shown = shownOf(error)
    if (shown.code === 'internal_error' && !(error instanceof LeaseLost)) this.#deps.log.error('character.bug', { id, traceId, error })
    const end = await this.#writeEnd(job, error, shown)
    tell(end, end === 'failed' || end === 'kept' ? { code: shown.code } : {})
    if (end === 'completed') await dropGiven(this.#deps.objects, id, job.request.source, this.#deps.log)
    if (end !== 'kept') return
    if (shown.code === 'shutting_down') this.#ends.tell(id, shown)
    throw error
  }

  async #writeEnd(job: Job, error: unknown, shown: AppError): Promise<AttemptEnd> {
    const held = { ...job, onUnwritten: () => this.#ends.tell(job.id, shown) }
    if (error instanceof LeaseLost) return job.isHeld ? await leave(held, this.#deps) : 'lost'
    // Without the row in hand nothing can be said of it, but to those who wait here.
    if (!job.isHeld) {
      if (!isAway(shown)) this.#ends.tell(job.id, shown)
      return 'kept'
    }
    if (shown.code === 'shutting_down') return handBack(held, { isOver: !job.isAbandoned }, this.#deps)
    // A character does not fail because the database was away for a moment: who waits goes on waiting.
    if (isAway(shown)) return handBack({ ...held, onUnwritten: () => {} }, { isOver: !job.isAbandoned }, this.#deps)
    return failHeld(held, shown, this.#deps)
  }
}

const isAtEnd = ({ status }: CharacterRow): boolean => status === 'completed' || status === 'failed'

const isAway = ({ code }: AppError): boolean => code === 'database_unavailable'

const shownOf = (error: unknown): AppError => (error instanceof AppError ? error : diskFault(error) ?? new AppError('internal_error', { cause: error }))

const stoppedTooOften = ({ step }: CharacterRow): AppError => new AppError('lens_failed', { details: { reason: 'service_stopped', ...(step !== null && { step }) } })

const jobOf = (row: CharacterRow, signal: AbortSignal): Job => ({
  id: row.id as CharacterId, createdAtMs: row.created_at, request: requestOf(row), signal,
  attempt: row.attempts, isHeld: false, wasTried: row.attempts > 0 || row.progress > 0, isAbandoned: false,
})

/** The work's own end; or, when it is stopped and does not end, the reason it was stopped for. */
async function endOrAbandon<T>(work: Promise<T>, signal: AbortSignal, onAbandon: () => void): Promise<T> {
  const abandoned = Promise.withResolvers<never>()
  let cleaning: NodeJS.Timeout | undefined
  const onAbort = (): void => {
    cleaning = setTimeout(() => {
      onAbandon()
      abandoned.reject(signal.reason)
    }, CLEAN_UP_MS)
  }
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  try {
    return await Promise.race([work, abandoned.promise])
  } finally {
    clearTimeout(cleaning)
    signal.removeEventListener('abort', onAbort)
  }
}
