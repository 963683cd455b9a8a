import type { Database } from '../db/database.ts'
import { insertEvent, latestEventId } from '../db/event-rows.ts'
import type { Notices } from '../db/notices.ts'
import { countPendingDeliveries, insertDeliveries, listeningEndpoints } from '../db/webhook-rows.ts'
import { AppError } from '../domain/errors.ts'
import { WEBHOOK_EVENT_TYPES, type Happening } from '../domain/happening.ts'
import { newEventId, newWebhookDeliveryId } from '../domain/identifier.ts'
import { isOwed, OWED, WebhookDeliverer, type DeliverDeps } from './deliver-webhooks.ts'
import { eventBody } from './event-body.ts'
import { lockEvents, msBehind } from './event-order.ts'
import { EventReaders } from './event-readers.ts'
import type { Events, StoredEvent } from './events.ts'
import { BOUNDS, boundAccount, EventUpkeep, type Bounds } from './forget-events.ts'
import { streamEvents } from './stream-events.ts'
import { createWebhooks } from './webhook-endpoints.ts'

export interface EventsDeps extends DeliverDeps {
  readonly notices: Notices
  /** The public JSON of what happened, below 20 kB. */
  readonly describe: (happening: Happening) => StoredEvent['data']
  readonly settings: EventSettings
}

export interface EventSettings {
  /** Exact `host:port` pairs that webhooks may reach although they are private, and without TLS. */
  readonly allow: readonly string[]
  /** How soon a stream sees what no notice came of. */
  readonly recheckMs?: number
  readonly bounds?: Bounds
}

const RECHECK_MS = 5000
/** Counting what an account has is dearer than a record or a delivery again, so it is done once in so many. */
const RECORDS_PER_COUNT = 1000

const WANTED_BY_WEBHOOKS: ReadonlySet<string> = new Set(WEBHOOK_EVENT_TYPES)

/** What happens, in rows: read along by streams, delivered to webhooks. */
export function createEvents(deps: EventsDeps): Events {
  const { db, notices, describe, clock, log, settings: { allow, recheckMs = RECHECK_MS, bounds = BOUNDS } } = deps
  const readers = new EventReaders({ notices, recheckMs })
  const deliverer = new WebhookDeliverer(deps)
  const upkeep = new EventUpkeep({ db, clock, bounds, log })
  const closing = new AbortController()
  const counts = new Map<string, number>()
  const countRecord = (account: string): void => {
    const count = (counts.get(account) ?? 0) + 1
    counts.set(account, count % RECORDS_PER_COUNT)
    if (count === RECORDS_PER_COUNT) boundAccount(db, account, bounds).catch((error) => log.warn('events.kept', { error }))
  }
  let unhear: (() => void) | null = null
  return {
    record: async (given, happening) => {
      await inTransaction(given, (trx) => writeEvent(trx, happening, deps))
      countRecord(happening.account)
    },
    stream: (request) => streamEvents({ ...request, signal: AbortSignal.any([request.signal, closing.signal]) }, { db, readers, describe, clock }),
    webhooks: createWebhooks({ ...deps, allow, countDelivery: countRecord, signal: closing.signal }),
    figures: async () => ({ streams: readers.count, deliveriesPending: await countPendingDeliveries(db), attempts: deliverer.attempts }),
    resume: async () => {
      unhear ??= notices.hear((notice) => { if (isOwed(notice)) deliverer.wake() })
      upkeep.start()
      deliverer.wake()
    },
    drain: async () => {
      unhear?.()
      closing.abort(new AppError('shutting_down', { details: { retryAfterSeconds: 5 } }))
      readers.close()
      await Promise.all([deliverer.drain(), upkeep.stop()])
    },
  }
}

const inTransaction = <T>(db: Database, work: (trx: Database) => Promise<T>): Promise<T> => (db.isTransaction ? work(db) : db.transaction().execute(work))

async function writeEvent(trx: Database, happening: Happening, { describe, clock, sharedClock, notices }: EventsDeps): Promise<void> {
  const { account, id: objectId, type } = happening
  const createdAtMs = clock()
  await lockEvents(trx, account)
  const idMs = msBehind(createdAtMs, await latestEventId(trx, account))
  const event = { id: newEventId(idMs), type, createdAtMs, data: describe(happening) }
  await insertEvent(trx, { id: event.id, account, object_id: objectId, type, data: JSON.stringify(event.data), created_at: createdAtMs })
  await notices.tell(trx, { account, objectId })
  const endpoints = WANTED_BY_WEBHOOKS.has(type) ? await listeningEndpoints(trx, account, type) : []
  if (endpoints.length === 0) return
  const [body, dueMs] = [eventBody(event), await sharedClock(trx)]
  await insertDeliveries(trx, endpoints.map((endpointId) => ({
    id: newWebhookDeliveryId(idMs), account, endpoint_id: endpointId, event_id: event.id, object_id: objectId, event_type: type, body,
    status: 'pending', attempts: 0, next_at: dueMs, held_until: null, last_status: null, last_error: null, created_at: createdAtMs, updated_at: dueMs,
  })))
  await notices.tell(trx, { account, objectId: OWED })
}
