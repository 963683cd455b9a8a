import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../db/database.ts'
import type { Notice } from '../db/notices.ts'
import { dueDeliveries, failPending, findEndpoint, holdDelivery, nextDueAt, updateEndpoint, updateHeld, type DeliveryRow } from '../db/webhook-rows.ts'
import type { GuardedPost } from '../net/guarded-post.ts'
import type { Log } from '../runtime/log.ts'
import { attemptDelivery } from './attempt-delivery.ts'
import { lockEvents } from './event-order.ts'
import type { Attempt } from './events.ts'
import { nextAttemptAt } from './webhook-schedule.ts'

export interface DeliverDeps {
  readonly db: Database
  readonly post: GuardedPost
  readonly clock: () => number
  /** The one that all processes share: what is due, and until when it is held, is counted by it. */
  readonly sharedClock: (db: Database) => Promise<number>
  /** 0..1. */
  readonly random: () => number
  readonly log: Log
}

/** Stands for an object in the notice that something is due. */
export const OWED = 'webhook_deliveries'
export const isOwed = (notice: Notice | 'all'): boolean => notice === 'all' || notice.objectId === OWED

/** At a time, in all; and of one endpoint, so that one that hangs does not hold up the others. */
const MOST_RUNNING = 16
const MOST_OF_ONE_ENDPOINT = 4
/** Timers cannot be set for days, and the clock may be changed. */
const LONGEST_SLEEP_MS = 60_000
const REWRITE_MS = 2000
/** How long a delivery is nobody else's: longer than an attempt takes. Of a process that was killed it is taken up by the next look behind that. */
const HOLD_MS = 60_000
/** What is under way when the service ends may take so long; cut off, it is sent again after the next start. */
const GRACE_MS = 3000
const GONE = 410

/** A delivery that this process holds. */
interface Held { readonly row: DeliveryRow; readonly heldUntilMs: number }

/** Sends what the rows say is due, each again until it was taken or given up. All it knows is in the rows: a restart goes on where it was, and other processes do the same. */
export class WebhookDeliverer {
  readonly #deps: DeliverDeps
  readonly #stopping = new AbortController()
  readonly #running = new Map<string, { readonly endpointId: string; readonly ended: Promise<void> }>()
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | null = null
  #isWanted = false
  #isDraining = false
  readonly attempts: { -readonly [Status in DeliveryRow['status']]: number } = { pending: 0, delivered: 0, failed: 0 }

  constructor(deps: DeliverDeps) { this.#deps = deps }

  /** There may be something due. */
  wake(): void {
    this.#isWanted = true
    if (!this.#isDraining) this.#looking ??= this.#look()
  }

  async drain(): Promise<void> {
    this.#isDraining = true
    clearTimeout(this.#timer)
    const timer = setTimeout(() => this.#stopping.abort(new Error('the service ends')), GRACE_MS)
    await this.#looking
    await Promise.all(Array.from(this.#running.values(), ({ ended }) => ended))
    clearTimeout(timer)
  }

  /** Never rejects. */
  async #look(): Promise<void> {
    let sleepMs = LONGEST_SLEEP_MS
    try {
      while (this.#isWanted && !this.#isDraining) {
        this.#isWanted = false
        const nowMs = await this.#deps.sharedClock(this.#deps.db) // one for both: what falls due in between must not fall through
        await this.#startDue(nowMs)
        sleepMs = await this.#untilNext(nowMs)
      }
    } catch (error) {
      this.#deps.log.error('webhooks.unread', { error })
    }
    this.#looking = null // at once: who wakes from here on is not heard by this look
    clearTimeout(this.#timer)
    if (!this.#isDraining) this.#timer = setTimeout(() => this.wake(), sleepMs).unref()
  }

  async #startDue(nowMs: number): Promise<void> {
    for (;;) {
      const limit = MOST_RUNNING - this.#running.size
      if (limit <= 0 || this.#isDraining) return
      const due = await dueDeliveries(this.#deps.db, { nowMs, limit, except: [...this.#running.keys()], exceptEndpoints: this.#busyEndpoints() })
      if (due.length === 0 || this.#isDraining) return
      for (const row of due) if (this.#runningOf(row.endpoint_id) < MOST_OF_ONE_ENDPOINT) await this.#take(row, nowMs)
    }
  }

  async #take(row: DeliveryRow, nowMs: number): Promise<void> {
    const heldUntilMs = nowMs + HOLD_MS
    if (await holdDelivery(this.#deps.db, row.id, { nowMs, untilMs: heldUntilMs })) this.#start({ row, heldUntilMs })
  }

  async #untilNext(nowMs: number): Promise<number> {
    const nextAtMs = await nextDueAt(this.#deps.db, nowMs)
    return nextAtMs === null ? LONGEST_SLEEP_MS : Math.min(LONGEST_SLEEP_MS, Math.max(0, nextAtMs - await this.#deps.sharedClock(this.#deps.db)))
  }

  #runningOf(endpointId: string): number { return [...this.#running.values()].filter((one) => one.endpointId === endpointId).length }

  #busyEndpoints(): readonly string[] {
    const endpoints = new Set(Array.from(this.#running.values(), ({ endpointId }) => endpointId))
    return [...endpoints].filter((id) => this.#runningOf(id) >= MOST_OF_ONE_ENDPOINT)
  }

  #start(held: Held): void {
    const { row } = held
    const ended = this.#deliver(held).catch(async (error: unknown) => {
      if (!this.#stopping.signal.aborted) {
        this.#deps.log.error('webhook.unwritten', { delivery: row.id, error })
        await sleep(REWRITE_MS, undefined, { signal: this.#stopping.signal }).catch(() => {}) // the end of the service ends the wait
      }
      // Its row still says that it is due: at least once, but not at once.
      await this.#letGo(held)
    }).finally(() => {
      this.#running.delete(row.id)
      this.wake()
    })
    this.#running.set(row.id, { endpointId: row.endpoint_id, ended })
  }

  async #letGo({ row: { id }, heldUntilMs }: Held): Promise<void> {
    await updateHeld(this.#deps.db, { id, heldUntilMs }, {}).catch((error) => this.#deps.log.warn('webhook.held', { delivery: id, error }))
  }

  async #deliver(held: Held): Promise<void> {
    const { db, log } = this.#deps
    const { row } = held
    const endpoint = await findEndpoint(db, row.endpoint_id)
    if (endpoint === undefined) return // deleted, and its deliveries with it
    const started = performance.now()
    const attempt = await attemptDelivery(endpoint, { id: row.event_id, body: row.body }, { ...this.#deps, signal: this.#stopping.signal })
    const status = await this.#write(held, attempt)
    this.attempts[status]++
    log.info('webhook.attempted', { delivery: row.id, endpoint: row.endpoint_id, attempt: row.attempts + 1, answer: attempt.status ?? attempt.error, status, ms: Math.round(performance.now() - started) })
  }

  async #write(held: Held, { status, error }: Attempt): Promise<DeliveryRow['status']> {
    const { db, sharedClock, random } = this.#deps
    const { row: { id, attempts: earlier }, heldUntilMs } = held
    const [nowMs, attempts] = [await sharedClock(db), earlier + 1]
    const facts = { attempts, last_status: status, updated_at: nowMs }
    if (status !== null && status >= 200 && status < 300) {
      await updateHeld(db, { id, heldUntilMs }, { ...facts, status: 'delivered', next_at: null, last_error: null })
      return 'delivered'
    }
    if (status === GONE) {
      await this.#closeEndpoint(held, { ...facts, last_status: status, last_error: 'endpoint_gone' })
      return 'failed'
    }
    const nextAtMs = nextAttemptAt(attempts, { nowMs, random })
    const outcome = nextAtMs === null ? 'failed' : 'pending'
    await updateHeld(db, { id, heldUntilMs }, { ...facts, status: outcome, next_at: nextAtMs, last_error: error ?? 'http_error' })
    return outcome
  }

  /** It said that it is gone, and is sent nothing more. */
  async #closeEndpoint({ row, heldUntilMs }: Held, facts: { readonly attempts: number; readonly last_status: number; readonly last_error: string; readonly updated_at: number }): Promise<void> {
    const { db, log } = this.#deps
    const isOurs = await db.transaction().execute(async (trx) => {
      await lockEvents(trx, row.account)
      if (!await updateHeld(trx, { id: row.id, heldUntilMs }, { ...facts, status: 'failed', next_at: null })) return false
      await updateEndpoint(trx, row.endpoint_id, { disabled_at: facts.updated_at, updated_at: facts.updated_at })
      await failPending(trx, row.endpoint_id, { last_error: facts.last_error, updated_at: facts.updated_at })
      return true
    })
    if (isOurs) log.warn('webhook.endpoint_gone', { endpoint: row.endpoint_id })
  }
}
