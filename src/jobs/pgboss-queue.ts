import { setTimeout as sleep } from 'node:timers/promises'
import { CompiledQuery } from 'kysely'
import { PgBoss, type Db, type JobWithMetadata } from 'pg-boss'
import { DatabaseUnusable, type Database } from '../db/database.ts'
import { countJobs, findKnown, findPace, findStanding, type BossQueue } from '../db/pgboss-rows.ts'
import { connectionTo, explainPostgres, placeOfUrl, unavailable } from '../db/postgres.ts'
import { AppError } from '../domain/errors.ts'
import type { Log } from '../runtime/log.ts'
import { isRoomIn, queueFull, shuttingDown, type Crowd } from './admission.ts'
import { kindOf, LeaseLost, type Claim, type Handler, type Job, type JobQueue, type QueueFigures, type QueueOptions } from './job-queue.ts'
import { LEASE_SECONDS, Leases } from './pgboss-leases.ts'
import { CLEAN_UP_MS, endOrAbandon } from './stop-turn.ts'

export interface PgBossOptions {
  readonly url: string
  /** On the same database. */
  readonly db: Database
  readonly log: Log
  readonly random?: () => number
  /** Where pg-boss keeps its tables. */
  readonly schema?: string
}

/** Queues that all processes on a PostgreSQL share. */
export interface SharedQueues extends AsyncDisposable {
  /** One of them, made when it is not there. Drain it before this is disposed of. */
  queue(name: string, options: QueueOptions): Promise<JobQueue>
}

/** Statements of pg-boss are short, one at a time in each worker. */
const POOL_SIZE = 4
/** How often somebody looks for jobs whose process is gone: what it takes above the lease until another has them. */
const SUPERVISE_SECONDS = 2
/** New jobs are told of; those to be tried again are found by looking. */
const POLL_SECONDS = 1
const KEEP_DONE_SECONDS = 60
const RETRIES = 4
const LONGEST_PAUSE_SECONDS = 60
const MOST_GIVE_UPS = 1_000_000
const MOST_SECONDS = 24 * 3600
/** A refusal is repeated for so long without a look at the database. */
const FULL_MS = 100
const PACE_MS = 2000
const FIGURES_MS = 1000
const FIRST_GUESS_MS = 2000
const INSERT_AT_ONCE = 500
const QUIET_MS = 1000
const STOP_MS = 1000

/** Makes pg-boss's tables where they are absent; any number of processes may do so at once. Rejects with {@link DatabaseUnusable}. */
export async function openPgBoss({ url, db, log, random = Math.random, schema = 'pgboss' }: PgBossOptions): Promise<SharedQueues> {
  const connection = { ...connectionTo(url, { patience: 'little' }), max: POOL_SIZE }
  const boss = new PgBoss({
    ...connection, schema, useListenNotify: true, schedule: false, registerInstance: false,
    superviseIntervalSeconds: SUPERVISE_SECONDS, monitorIntervalSeconds: SUPERVISE_SECONDS, maintenanceIntervalSeconds: KEEP_DONE_SECONDS,
  })
  hearErrors(boss, log)
  try {
    await boss.start()
  } catch (error) {
    await boss.stop({ graceful: false }).catch(() => {}) // it did not start
    throw new DatabaseUnusable(placeOfUrl(url), explainPostgres(error) ?? (error instanceof Error ? error.message : String(error)), { cause: error })
  }
  const queues: PgBossQueue[] = []
  return {
    queue: async (name, options) => {
      await translated(makeQueue(boss, name, options))
      const queue = new PgBossQueue({ boss, db, log, random, place: { schema, name }, options })
      queues.push(queue)
      return queue
    },
    [Symbol.asyncDispose]: async () => {
      for (const queue of queues) queue[Symbol.dispose]()
      await boss.stop({ timeout: STOP_MS })
    },
  }
}

/** It tries again by itself; while the database is away every worker says so, every second. */
function hearErrors(boss: PgBoss, log: Log): void {
  let quietUntil = 0
  const tell = (event: string, error: unknown): void => {
    if (performance.now() < quietUntil) return
    quietUntil = performance.now() + QUIET_MS
    log.warn(event, { error })
  }
  boss.on('error', (error) => tell('jobs.database_failed', error instanceof Error ? error : messageOf(error)))
  boss.on('warning', ({ message }) => tell('jobs.database_warned', message))
}

/** Of its workers come copies of errors. */
const messageOf = (error: unknown): unknown => (typeof error === 'object' && error !== null && 'message' in error ? error.message : error)

const deadOf = (name: string): string => `${name}_given_up`

async function makeQueue(boss: PgBoss, name: string, { deadlineMs }: QueueOptions): Promise<void> {
  const shared = { retryDelay: 1, retryBackoff: true, retryDelayMax: LONGEST_PAUSE_SECONDS, heartbeatSeconds: LEASE_SECONDS, deleteAfterSeconds: KEEP_DONE_SECONDS }
  const dead = { ...shared, retryLimit: MOST_GIVE_UPS }
  const alive = {
    ...shared, retryLimit: RETRIES, deadLetter: deadOf(name), notify: true,
    expireInSeconds: Math.min(MOST_SECONDS, Math.ceil((deadlineMs + 2 * CLEAN_UP_MS) / 1000)),
  }
  // An earlier version may have made it with other options.
  await boss.createQueue(deadOf(name), dead)
  await boss.updateQueue(deadOf(name), dead)
  await boss.createQueue(name, { ...alive, policy: 'exclusive' })
  await boss.updateQueue(name, alive)
}

interface Parts {
  readonly boss: PgBoss
  readonly db: Database
  readonly log: Log
  readonly random: () => number
  readonly place: BossQueue
  readonly options: QueueOptions
}

/** As it lies in pg-boss's table. */
interface Payload { readonly id: string; readonly traceId: string | null; readonly patienceMs?: number }

const CLAIMED: Claim = { start: () => {}, withdraw: () => {} } // the transaction decides

class PgBossQueue implements JobQueue, Disposable {
  readonly #parts: Parts
  readonly #leases: Leases
  readonly #running = new Set<AbortController>()
  readonly #refusals = new Map<string, AppError>()
  #refusalsUntil = 0
  readonly #figures: () => Promise<QueueFigures>
  #pace = { msForOne: FIRST_GUESS_MS, until: -Infinity }
  #handlers: Readonly<Record<string, Handler>> = {}
  #isListening = false
  #isClosed = false

  constructor(parts: Parts) {
    const { boss, db, place } = parts
    this.#parts = parts
    this.#leases = new Leases(boss, place.name)
    this.#figures = remembered(FIGURES_MS, () => countJobs(db, place))
  }

  /** Those who come at the same moment do not see each other: the bound is passed by as many as there are connections, which is cheaper than a lock that all of them queue for. */
  async claim(trx: Database, job: Job): Promise<Claim> {
    if (this.#isClosed) throw shuttingDown()
    const known = this.#refusedJustNow(job.account)
    if (known) throw known
    const { boss, place } = this.#parts
    const standing = await findStanding(trx, place, job.account)
    if (!this.#isRoom(standing)) throw await this.#refusal(trx, job.account, standing.waiting)
    await boss.send(place.name, payloadOf(job), { ...optionsOf(job, standing.rank), db: within(trx) })
    return CLAIMED
  }

  async refusalOf(account: string): Promise<AppError | null> {
    const { db, place } = this.#parts
    const known = this.#refusedJustNow(account)
    if (known) return known
    const standing = await findStanding(db, place, account)
    return this.#isRoom(standing) ? null : await this.#refusal(db, account, standing.waiting)
  }

  async reclaim(jobs: readonly Job[]): Promise<void> {
    if (this.#isClosed) throw shuttingDown()
    for (let at = 0; at < jobs.length; at += INSERT_AT_ONCE) await this.#reclaimSome(jobs.slice(at, at + INSERT_AT_ONCE))
  }

  async work(handlers: Readonly<Record<string, Handler>>): Promise<void> {
    const { boss, place } = this.#parts
    this.#handlers = handlers
    await boss.work<Payload>(deadOf(place.name), { pollingIntervalSeconds: POLL_SECONDS }, ([{ data }]) => this.#giveUp(data))
    await this.#listen()
  }

  figures(): Promise<QueueFigures> { return this.#figures() }

  async drain({ graceMs }: { readonly graceMs: number }): Promise<void> {
    const { boss, place } = this.#parts
    this.#isClosed = true
    const over = new AbortController()
    const stop = (): void => { for (const running of this.#running) running.abort(shuttingDown()) }
    const timer = setTimeout(stop, graceMs)
    const ended = Promise.all([boss.offWork(place.name), boss.offWork(deadOf(place.name))])
    const late = sleep(graceMs + 2 * CLEAN_UP_MS, undefined, { signal: over.signal }).catch(() => {}) // giving up hears no signal; it is found again
    await Promise.race([ended, late])
    over.abort()
    clearTimeout(timer)
  }

  [Symbol.dispose](): void { this.#leases[Symbol.dispose]() }

  /** Who waits for a free worker waits for a moment, too. */
  #isRoom(crowd: Crowd): boolean { return isRoomIn(crowd, Math.max(1, this.#parts.options.mostWaiting)) }

  #refusedJustNow(account: string): AppError | undefined {
    if (performance.now() > this.#refusalsUntil) this.#refusals.clear()
    return this.#refusals.get(account)
  }

  async #refusal(trx: Database, account: string, waiting: number): Promise<AppError> {
    const refusal = queueFull((await this.#msForOne(trx)) * (waiting + 1), this.#parts.random)
    if (this.#refusals.size === 0) this.#refusalsUntil = performance.now() + FULL_MS
    this.#refusals.set(account, refusal)
    return refusal
  }

  /** All processes together. Asked in the transaction at hand: under load another connection would be waited for by those who hold one. */
  async #msForOne(trx: Database): Promise<number> {
    const { place, options } = this.#parts
    if (performance.now() > this.#pace.until) {
      const { ms, running } = await findPace(trx, place)
      this.#pace = { msForOne: (ms ?? FIRST_GUESS_MS) / (running || options.concurrency), until: performance.now() + PACE_MS }
    }
    return this.#pace.msForOne
  }

  async #reclaimSome(jobs: readonly Job[]): Promise<void> {
    const { boss, db, place } = this.#parts
    const ids = jobs.map(({ id }) => id)
    // Those in the queue itself are left alone by pg-boss.
    const known = new Set(await findKnown(db, { ...place, name: deadOf(place.name) }, ids))
    const ranks = new Map<string, number>()
    const inserts = []
    for (const job of jobs.filter(({ id }) => !known.has(id))) {
      const rank = ranks.get(job.account) ?? (await findStanding(db, place, job.account)).rank
      ranks.set(job.account, rank + 1)
      inserts.push({ ...optionsOf(job, rank), data: payloadOf(job) })
    }
    if (inserts.length > 0) await translated(boss.insert(place.name, inserts))
  }

  /** One worker of pg-boss asks for jobs; as soon as it has one, another asks in its place, until as many work as may. Each is for one job. */
  async #listen(): Promise<void> {
    const { boss, place, options } = this.#parts
    if (this.#isClosed || this.#isListening || this.#running.size >= options.concurrency) return
    this.#isListening = true
    const worker = await boss.work<Payload, void, typeof WORK>(place.name, WORK, async ([job]) => {
      if (this.#isClosed) return this.#handBack(job)
      const stop = new AbortController()
      this.#running.add(stop)
      this.#isListening = false
      const next = this.#listen()
      try {
        await this.#takeTurn(job, stop)
      } finally {
        this.#running.delete(stop)
        await next
        await boss.offWork(place.name, { id: worker, wait: false })
        await this.#listen()
      }
    })
  }

  async #takeTurn(job: JobWithMetadata<Payload>, stop: AbortController): Promise<void> {
    using lease = await this.#leases.hold(job, stop)
    const [end] = await Promise.allSettled([this.#run(job, stop)])
    await lease.untilReachable() // an end that nobody hears of is found when the lease is over
    if (stop.signal.reason instanceof LeaseLost) throw stop.signal.reason
    if (isShuttingDown(stop.signal)) return await this.#handBack(job)
    if (end.status === 'rejected') throw end.reason
  }

  async #run({ data, retryCount, createdOn, startedOn }: JobWithMetadata<Payload>, stop: AbortController): Promise<void> {
    const { id, traceId, patienceMs = Infinity } = data
    const { log, options } = this.#parts
    const isLate = startedOn.getTime() - createdOn.getTime() > patienceMs
    try {
      stop.signal.throwIfAborted()
      await endOrAbandon((signal) => this.#handlers[kindOf(id)].run({ id, traceId, isLate, signal }), stop, options)
    } catch (error) {
      if (!isShuttingDown(stop.signal)) log.warn('job.handed_back', { id, traceId, failures: retryCount + 1, error })
      throw error
    }
  }

  /** To whoever is free, at once, and without counting the try. */
  async #handBack(job: JobWithMetadata<Payload>): Promise<void> {
    const { boss, place } = this.#parts
    await boss.fail(place.name, { id: job.id, retryCount: job.retryCount })
    await boss.update(place.name, undefined, { id: job.id, startAfter: 0, retryLimit: job.retryLimit + 1 })
  }

  async #giveUp({ id, traceId }: Payload): Promise<void> {
    try {
      await this.#handlers[kindOf(id)].giveUp(id)
    } catch (error) {
      this.#parts.log.error('job.not_given_up', { id, traceId, error })
      throw error
    }
  }
}

const WORK = { includeMetadata: true, pollingIntervalSeconds: POLL_SECONDS, notifyPollingIntervalSeconds: POLL_SECONDS } as const

const payloadOf = ({ id, traceId, patienceMs }: Job): Payload => ({ id, traceId, ...(patienceMs !== undefined && { patienceMs }) })
const optionsOf = ({ id, account }: Job, rank: number) => ({ singletonKey: id, group: { id: account }, priority: -rank })

const within = (trx: Database): Db => ({
  executeSql: async (text, values = []) => ({ rows: (await trx.executeQuery(CompiledQuery.raw(text, values))).rows }),
})

async function translated<T>(work: Promise<T>): Promise<T> {
  try {
    return await work
  } catch (error) {
    throw unavailable(error)
  }
}

const isShuttingDown = ({ reason }: AbortSignal): boolean => reason instanceof AppError && reason.code === 'shutting_down'

/** Asked again within the time, it gives the same answer, or the one that is under way. */
function remembered<T>(ms: number, ask: () => Promise<T>): () => Promise<T> {
  let answer: { readonly promise: Promise<T>; until: number } | undefined
  return () => {
    if (answer && performance.now() < answer.until) return answer.promise
    const asked = { promise: ask(), until: Infinity }
    answer = asked
    asked.promise.then(() => { asked.until = performance.now() + ms }, () => { asked.until = 0 })
    return asked.promise
  }
}
