import type { Database } from '../db/database.ts'
import { forgetIdempotency } from '../db/idempotency-rows.ts'
import { latestEventId } from '../db/event-rows.ts'
import type { Notices } from '../db/notices.ts'
import {
  countEndpoints, deleteEndpoint, eventTypesOf, findDelivery, findEndpoint, insertDeliveries, insertEndpoint, latestDeliveryId, latestEndpointId, listDeliveries, listEndpoints, updatePending, updateEndpoint,
  type DeliveryRow, type EndpointRow,
} from '../db/webhook-rows.ts'
import { AppError } from '../domain/errors.ts'
import { newEventId, newWebhookDeliveryId, newWebhookEndpointId } from '../domain/identifier.ts'
import { phrase } from '../domain/phrase.ts'
import { parseWebhookUrl, type GuardedPost } from '../net/guarded-post.ts'
import { attemptDelivery } from './attempt-delivery.ts'
import { OWED } from './deliver-webhooks.ts'
import { eventBody } from './event-body.ts'
import { lockEvents, msBehind } from './event-order.ts'
import type { WebhookDelivery, WebhookEndpoint, Webhooks } from './events.ts'
import { newSecret } from './sign-webhook.ts'

export interface EndpointDeps {
  readonly db: Database
  readonly notices: Pick<Notices, 'tell'>
  readonly post: GuardedPost
  readonly sharedClock: (db: Database) => Promise<number>
  readonly clock: () => number
  /** Exact `host:port` pairs that may be private and without TLS. */
  readonly allow: readonly string[]
  /** The account has one more delivery. */
  readonly countDelivery: (account: string) => void
  /** The service ends. */
  readonly signal: AbortSignal
}

const MOST_ENDPOINTS = 64
const OLD_SECRET_MS = 24 * 3_600_000

export function createWebhooks(deps: EndpointDeps): Webhooks {
  const { db, post, clock, allow } = deps
  const own = async (account: string, id: string, from: Database = db): Promise<EndpointRow> => {
    const row = await findEndpoint(from, id)
    if (row?.account !== account) throw new AppError('not_found', { details: { see: 'GET /v1/webhook_endpoints' } })
    return row
  }
  return {
    create: (account, endpoint) => create(account, endpoint, deps),
    list: async (account, paging) => {
      const rows = await listEndpoints(db, account, { ...paging, limit: paging.limit + 1 })
      return { endpoints: rows.slice(0, paging.limit).map(endpointOf), hasMore: rows.length > paging.limit }
    },
    find: async (account, id) => endpointOf(await own(account, id)),
    update: (account, id, { name, url, eventTypes }) => db.transaction().execute(async (trx) => {
      await lockEvents(trx, account)
      const row = await own(account, id, trx)
      const values = {
        name: name ?? row.name, url: url === undefined ? row.url : parseWebhookUrl(url, allow).href,
        event_types: eventTypes === undefined ? row.event_types : JSON.stringify(eventTypes), disabled_at: null, // whoever changes it means it to be used
      }
      const isChanged = (['name', 'url', 'event_types', 'disabled_at'] as const).some((key) => values[key] !== row[key])
      const next = { ...row, ...values, updated_at: isChanged ? clock() : row.updated_at }
      if (isChanged) await updateEndpoint(trx, id, next)
      return endpointOf(next)
    }),
    rotateSecret: (account, id, { keepsOldSecret }) => db.transaction().execute(async (trx) => {
      await lockEvents(trx, account)
      const row = await own(account, id, trx)
      const nowMs = clock()
      const values = { secret: newSecret(), old_secret: keepsOldSecret ? row.secret : null, old_secret_until: keepsOldSecret ? nowMs + OLD_SECRET_MS : null, updated_at: nowMs }
      await updateEndpoint(trx, id, values)
      await forgetIdempotency(trx, [id]) // answers that hold the old secret
      return endpointOf({ ...row, ...values })
    }),
    remove: (account, id) => db.transaction().execute(async (trx) => {
      await lockEvents(trx, account) // or a delivery to it could be written meanwhile
      await deleteEndpoint(trx, (await own(account, id, trx)).id)
      await forgetIdempotency(trx, [id])
    }),
    test: async (account, id, type) => {
      const endpoint = await own(account, id)
      const eventId = newEventId(clock())
      const body = eventBody({ id: eventId, type, createdAtMs: clock(), data: { id: `${type.startsWith('video') ? 'video' : 'char'}_${'0'.repeat(32)}`, test: true } })
      return await attemptDelivery(endpoint, { id: eventId, body }, { post, clock, signal: deps.signal })
    },
    deliveries: async (account, filter) => {
      const rows = await listDeliveries(db, account, { ...filter, limit: filter.limit + 1 })
      return { deliveries: rows.slice(0, filter.limit).map(deliveryOf), hasMore: rows.length > filter.limit }
    },
    redeliver: (account, id) => redeliver(account, id, deps),
  }
}

async function create(account: string, { name, url, eventTypes }: Parameters<Webhooks['create']>[1], { db, clock, allow }: EndpointDeps): Promise<WebhookEndpoint> {
  const nowMs = clock()
  const facts = {
    account, name, url: parseWebhookUrl(url, allow).href, event_types: JSON.stringify(eventTypes), secret: newSecret(),
    old_secret: null, old_secret_until: null, disabled_at: null, created_at: nowMs, updated_at: nowMs,
  }
  return db.transaction().execute(async (trx) => {
    await lockEvents(trx, account)
    if (await countEndpoints(trx, account) >= MOST_ENDPOINTS) throw new AppError('invalid_parameter', { param: 'url', details: { reason: phrase(`an account has at most ${MOST_ENDPOINTS} endpoints`, `每个账户最多 ${MOST_ENDPOINTS} 个端点`) } })
    const row: EndpointRow = { id: newWebhookEndpointId(msBehind(nowMs, await latestEndpointId(trx, account))), ...facts }
    await insertEndpoint(trx, row)
    return endpointOf(row)
  })
}

async function redeliver(account: string, id: string, { db, sharedClock, notices, countDelivery }: EndpointDeps): Promise<WebhookDelivery> {
  const delivery = await db.transaction().execute(async (trx) => {
    await lockEvents(trx, account)
    const row = await findDelivery(trx, id)
    if (row?.account !== account) throw new AppError('not_found', { details: { see: 'GET /v1/webhook_deliveries' } })
    const nowMs = await sharedClock(trx)
    await notices.tell(trx, { account, objectId: OWED })
    if (row.status === 'pending') {
      await updatePending(trx, id, { next_at: nowMs, updated_at: nowMs })
      return { ...row, next_at: nowMs }
    }
    const idMs = msBehind(nowMs, await latestEventId(trx, account), await latestDeliveryId(trx, account))
    const again: DeliveryRow = { ...row, id: newWebhookDeliveryId(idMs), status: 'pending', attempts: 0, next_at: nowMs, held_until: null, last_status: null, last_error: null, created_at: nowMs, updated_at: nowMs }
    await insertDeliveries(trx, [again])
    return again
  })
  if (delivery.id !== id) countDelivery(account)
  return deliveryOf(delivery)
}

const endpointOf = (row: EndpointRow): WebhookEndpoint => ({
  id: row.id, name: row.name, url: row.url, eventTypes: eventTypesOf(row), secret: row.secret, isDisabled: row.disabled_at !== null, createdAtMs: row.created_at, updatedAtMs: row.updated_at,
})

const deliveryOf = (row: DeliveryRow): WebhookDelivery => ({
  id: row.id, endpointId: row.endpoint_id, eventId: row.event_id, eventType: row.event_type, status: row.status, attempts: row.attempts,
  lastStatus: row.last_status, lastError: row.last_error, nextAtMs: row.next_at, createdAtMs: row.created_at,
})
