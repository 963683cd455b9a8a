import type { Database } from '../db/database.ts'
import { insertEvent } from '../db/event-rows.ts'
import { insertDeliveries, listeningEndpoints } from '../db/webhook-rows.ts'
import { AppError } from '../domain/errors.ts'
import { WEBHOOK_EVENT_TYPES, type Happening } from '../domain/happening.ts'
import { newEventId, newWebhookDeliveryId } from '../domain/identifier.ts'
import { WebhookDeliverer, type DeliverDeps } from './deliver-webhooks.ts'
import { eventBody } from './event-body.ts'
import { growing } from './event-order.ts'
import { EventReaders } from './event-readers.ts'
import type { Events, StoredEvent } from './events.ts'
import { BOUNDS, boundAccount, boundAccounts, forgetOld, type Bounds } from './forget-events.ts'
import { streamEvents } from './stream-events.ts'
import { createWebhooks } from './webhook-endpoints.ts'

export interface EventsDeps extends DeliverDeps {
  /** The public JSON of what happened, below 20 kB. */
  readonly describe: (happening: Happening) => StoredEvent['data']
  readonly settings: EventSettings
}

export interface EventSettings {
  /** Exact `host:port` pairs that webhooks may reach although they are private, and without TLS. */
  readonly allow: readonly string[]
  /** How soon a stream sees what another process recorded. */
  readonly recheckMs?: number
  readonly bounds?: Bounds
}

const RECHECK_MS = 5000
const FORGET_EVERY_MS = 600_000
/** Counting what an account has is dearer than a record or a delivery again, so it is done once in so many. */
const RECORDS_PER_COUNT = 1000

const WANTED_BY_WEBHOOKS: ReadonlySet<string> = new Set(WEBHOOK_EVENT_TYPES)

/** What happens, in rows: read along by streams, delivered to webhooks. */
export function createEvents(deps: EventsDeps): Events {
  const { db, describe, clock, log, settings: { allow, recheckMs = RECHECK_MS, bounds = BOUNDS } } = deps
  const readers = new EventReaders({ recheckMs })
  const deliverer = new WebhookDeliverer(deps)
  const closing = new AbortController()
  const nextMs = growing(clock)
  const counts = new Map<string, number>()
  const inBackground = (work: Promise<void>): void => void work.catch((error) => log.warn('events.kept', { error }))
  const countRecord = (account: string): void => {
    const count = (counts.get(account) ?? 0) + 1
    counts.set(account, count % RECORDS_PER_COUNT)
    if (count === RECORDS_PER_COUNT) inBackground(boundAccount(db, account, bounds))
  }
  const forgetting = setInterval(() => inBackground(forgetOld(db, clock())), FORGET_EVERY_MS).unref()
  const wake = (): void => deliverer.wake()
  return {
    record: async (given, happening) => {
      // Ids are made while the one writing connection is held: in the order in which readers will find them.
      const isOwed = await inTransaction(given, (trx) => writeEvent(trx, happening, { describe, clock, nextMs }))
      readers.announce({ account: happening.account, objectId: happening.id })
      if (isOwed) wake()
      countRecord(happening.account)
    },
    stream: (request) => streamEvents({ ...request, signal: AbortSignal.any([request.signal, closing.signal]) }, { db, readers, describe, clock }),
    webhooks: createWebhooks({ ...deps, allow, nextMs, wake, countDelivery: countRecord, signal: closing.signal }),
    resume: async () => {
      await forgetOld(db, clock())
      await boundAccounts(db, bounds)
      wake()
    },
    drain: async () => {
      clearInterval(forgetting)
      closing.abort(new AppError('shutting_down', { details: { retryAfterSeconds: 5 } }))
      await deliverer.drain()
    },
  }
}

const inTransaction = <T>(db: Database, work: (trx: Database) => Promise<T>): Promise<T> => (db.isTransaction ? work(db) : db.transaction().execute(work))

/** True when webhooks are owed of it. */
async function writeEvent(db: Database, happening: Happening, { describe, clock, nextMs }: Pick<EventsDeps, 'describe' | 'clock'> & { readonly nextMs: () => number }): Promise<boolean> {
  const { account, id: objectId, type } = happening
  const createdAtMs = clock()
  const event = { id: newEventId(nextMs()), type, createdAtMs, data: describe(happening) }
  await insertEvent(db, { id: event.id, account, object_id: objectId, type, data: JSON.stringify(event.data), created_at: createdAtMs })
  const endpoints = WANTED_BY_WEBHOOKS.has(type) ? await listeningEndpoints(db, account, type) : []
  const body = endpoints.length > 0 ? eventBody(event) : ''
  await insertDeliveries(db, endpoints.map((endpointId) => ({
    id: newWebhookDeliveryId(nextMs()), account, endpoint_id: endpointId, event_id: event.id, object_id: objectId, event_type: type, body,
    status: 'pending', attempts: 0, next_at: createdAtMs, last_status: null, last_error: null, created_at: createdAtMs, updated_at: createdAtMs,
  })))
  return endpoints.length > 0
}
