import type { Database } from '../db/database.ts'
import { deleteErrand, deleteErrandsBefore, deleteErrandsBut, endErrand, findErrand, handBackErrand, insertErrand, startErrand, type ErrandRow } from '../db/errand-rows.ts'
import { isPostgres } from '../db/dialect.ts'
import { hearOf, type Changes } from '../db/hear-of.ts'
import type { Notice, Notices } from '../db/notices.ts'
import { readError, writeError } from '../db/stored-error.ts'
import { AppError } from '../domain/errors.ts'
import { newErrandId, type ErrandId } from '../domain/identifier.ts'
import type { Log } from '../runtime/log.ts'
import { unlessAborted } from '../runtime/unless-aborted.ts'
import { shuttingDown } from './admission.ts'
import type { DoErrand, Errand, ErrandOptions, Errands } from './errands.ts'
import { LeaseLost, type Claim, type JobQueue, type Turn } from './job-queue.ts'

export interface ErrandsDeps {
  readonly db: Database
  readonly queue: JobQueue
  readonly notices: Notices
  readonly clock: () => number
  readonly log: Log
}

/** Tries whose process ended meanwhile. */
const MOST_ATTEMPTS = 2
/** Who waits, and who works, hears of every change; this is for the word that was lost. */
const LOOK_MS = 1000
const LATE_RETRY_SECONDS = 5
/** Nobody waits so long, by whatever clock of another machine. */
const OLD_MS = 24 * 3_600_000

export function createErrands(deps: ErrandsDeps): Errands {
  const { db, clock } = deps
  const over = new AbortController()
  const waiting = new Map<ErrandId, Promise<unknown>>()
  return {
    ask: async (errand, { signal, patienceMs }) => {
      const either = AbortSignal.any([signal, over.signal])
      either.throwIfAborted()
      const id = newErrandId(clock())
      const answer = ask({ ...errand, id }, { signal: either, patienceMs }, deps)
      waiting.set(id, answer)
      try {
        return await answer
      } finally {
        waiting.delete(id)
      }
    },
    handler: (kinds) => ({
      run: (turn) => runErrand(turn, kinds, deps),
      giveUp: async (id) => { await writeEnd(id, null, cutOff(), deps) },
    }),
    forgetOld: () => (isPostgres(db) ? deleteErrandsBefore(db, clock() - OLD_MS) : deleteErrandsBut(db, [...waiting.keys()])),
    drain: async () => {
      over.abort(shuttingDown())
      await Promise.allSettled(waiting.values())
    },
  }
}

async function ask(errand: Errand & { readonly id: ErrandId }, { signal, patienceMs }: ErrandOptions, deps: ErrandsDeps): Promise<unknown> {
  const { db, notices, log } = deps
  const { id } = errand
  using changes = hearOf(notices, id)
  await add(errand, patienceMs, deps)
  let hasEnded = false
  try {
    const row = await untilEnded(id, changes, { signal, db })
    hasEnded = true
    if (row.status === 'failed') throw readError(row.error)
    return JSON.parse(row.answer ?? 'null')
  } finally {
    await db.transaction().execute(async (trx) => {
      await deleteErrand(trx, id)
      if (!hasEnded) await notices.tell(trx, noticeOf(id)) // to who works on it
    }).catch((error) => log.warn('errand.kept', { id, error })) // forgotten later
  }
}

async function add({ id, account, kind, request, traceId }: Errand & { readonly id: ErrandId }, patienceMs: number, { db, queue, clock }: ErrandsDeps): Promise<void> {
  let claim: Claim | undefined
  try {
    await db.transaction().execute(async (trx) => {
      claim = await queue.claim(trx, { id, account, traceId, patienceMs })
      await insertErrand(trx, { id, account, kind, status: 'queued', attempts: 0, request: JSON.stringify(request), trace_id: traceId, created_at: clock() })
    })
  } catch (error) {
    claim?.withdraw()
    throw error
  }
  claim?.start()
}

async function untilEnded(id: ErrandId, changes: Changes, { signal, db }: { readonly signal: AbortSignal; readonly db: Database }): Promise<ErrandRow> {
  for (;;) {
    const row = await unlessAborted(look(db, id), signal)
    if (row === undefined) throw new AppError('internal_error', { cause: new Error(`${id} was forgotten`) })
    if (row !== 'unknown' && row.status !== 'queued') return row
    await changes.next({ mostMs: LOOK_MS, signal })
  }
}

/** `unknown` while the database is away: it may be back before who waits is gone. */
async function look(db: Database, id: string): Promise<ErrandRow | undefined | 'unknown'> {
  try {
    return await findErrand(db, id)
  } catch (error) {
    if (error instanceof AppError && error.code === 'database_unavailable') return 'unknown'
    throw error
  }
}

async function runErrand(turn: Turn, kinds: Readonly<Record<string, DoErrand>>, deps: ErrandsDeps): Promise<void> {
  const { db, notices } = deps
  const { id, isLate } = turn
  using changes = hearOf(notices, id)
  const row = await findErrand(db, id)
  if (row?.status !== 'queued') return
  if (isLate) return await writeEnd(id, null, new AppError('queue_full', { details: { retryAfterSeconds: LATE_RETRY_SECONDS } }), deps)
  if (row.attempts >= MOST_ATTEMPTS) return await writeEnd(id, null, cutOff(), deps)
  const attempt = row.attempts + 1
  if (!(await startErrand(db, id, attempt))) return
  const left = new AbortController()
  const done = new AbortController()
  const watching = abortWhenLeft(id, left, { changes, db, until: done.signal })
  try {
    await tryOnce({ ...row, attempts: attempt }, turn.signal, left.signal, kinds, deps)
  } finally {
    done.abort()
    await watching
  }
}

async function tryOnce(row: ErrandRow, stopped: AbortSignal, left: AbortSignal, kinds: Readonly<Record<string, DoErrand>>, deps: ErrandsDeps): Promise<void> {
  const { id, attempts } = row
  const end = await endOf(row, AbortSignal.any([stopped, left]), kinds, deps)
  if (left.aborted || stopped.reason instanceof LeaseLost) return
  if (end instanceof AppError && end.code === 'shutting_down') {
    await handBackErrand(deps.db, id, attempts)
    throw end
  }
  await writeEnd(id, attempts, end, deps)
}

interface Answer { readonly answer: string }

async function endOf({ id, kind, account, request, trace_id: traceId }: ErrandRow, signal: AbortSignal, kinds: Readonly<Record<string, DoErrand>>, { log }: ErrandsDeps): Promise<Answer | AppError> {
  try {
    const answer = await kinds[kind]({ account, request: JSON.parse(request), traceId }, { signal })
    return { answer: JSON.stringify(answer ?? null) }
  } catch (error) {
    const reason: unknown = signal.aborted ? signal.reason : error // what fails because it was stopped fails for the reason it was stopped for
    if (reason instanceof AppError) return reason
    if (!signal.aborted) log.error('errand.bug', { id, kind, traceId, error: reason })
    return new AppError('internal_error', { cause: reason })
  }
}

async function writeEnd(id: string, attempt: number | null, end: AppError | Answer, { db, notices }: ErrandsDeps): Promise<void> {
  const values = end instanceof AppError ? { status: 'failed', error: writeError(end) } as const : { status: 'completed', answer: end.answer } as const
  await db.transaction().execute(async (trx) => {
    const isEnded = await endErrand(trx, id, attempt, values)
    if (isEnded) await notices.tell(trx, noticeOf(id))
  })
}

/** Of nobody's: what an account hears of is not this. */
const noticeOf = (id: string): Notice => ({ account: '', objectId: id })

const cutOff = (): AppError => new AppError('lens_failed', { details: { reason: 'service_stopped' } })

/** Who waited takes the row away when leaving. */
async function abortWhenLeft(id: string, left: AbortController, { changes, db, until }: { readonly changes: Changes; readonly db: Database; readonly until: AbortSignal }): Promise<void> {
  while (!until.aborted) {
    if ((await look(db, id).catch(() => 'unknown')) === undefined) left.abort(new Error(`nobody waits for ${id}`)) // the work itself will meet what is wrong
    await changes.next({ mostMs: LOOK_MS, signal: until }).catch(() => {}) // done
  }
}
