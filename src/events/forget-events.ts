import { claimChore } from '../db/chore-rows.ts'
import type { Database } from '../db/database.ts'
import { accountsWithEvents, boundEvents, deleteEventsBefore } from '../db/event-rows.ts'
import { boundDeliveries, deleteEndedDeliveries } from '../db/webhook-rows.ts'
import { newEventId } from '../domain/identifier.ts'
import { BackgroundWork } from '../runtime/background-work.ts'
import type { Log } from '../runtime/log.ts'

const HOUR_MS = 3_600_000
const KEPT_MS = 24 * HOUR_MS
const DELIVERIES_KEPT_MS = 7 * 24 * HOUR_MS
const EVERY_MS = 600_000

/** The most that is kept of one account; beyond, the oldest go first. */
export interface Bounds { readonly events: number; readonly deliveries: number }
export const BOUNDS: Bounds = { events: 100_000, deliveries: 20_000 }

/** What is over its time goes. */
export async function forgetOld(db: Database, nowMs: number): Promise<void> {
  // Ids begin with the time; from its last digits on, they are chance.
  await deleteEventsBefore(db, newEventId(nowMs - KEPT_MS).slice(0, 'evt_'.length + 12))
  await deleteEndedDeliveries(db, nowMs - DELIVERIES_KEPT_MS)
}

export async function boundAccount(db: Database, account: string, { events, deliveries }: Bounds): Promise<void> {
  await boundEvents(db, account, events)
  await boundDeliveries(db, account, deliveries)
}

export async function boundAccounts(db: Database, bounds: Bounds): Promise<void> {
  for (const account of await accountsWithEvents(db)) await boundAccount(db, account, bounds)
}

interface UpkeepDeps { readonly db: Database; readonly clock: () => number; readonly bounds: Bounds; readonly log: Log }

/** Every ten minutes one of all processes lets go of what is over its time or above the most. */
export class EventUpkeep {
  readonly #deps: UpkeepDeps
  readonly #work: BackgroundWork

  constructor(deps: UpkeepDeps) {
    this.#deps = deps
    this.#work = new BackgroundWork((error) => deps.log.warn('events.kept', { error }))
  }

  start(): void {
    this.#work.every(EVERY_MS, () => this.#doOnce())
    this.#work.run(() => this.#doOnce())
  }

  stop(): Promise<void> { return this.#work.stop() }

  async #doOnce(): Promise<void> {
    const { db, clock, bounds } = this.#deps
    if (!await claimChore(db, 'events', EVERY_MS / 2)) return
    await forgetOld(db, clock())
    await boundAccounts(db, bounds)
  }
}
