import type { EventRow } from '../db/event-rows.ts'
import type { EventType } from '../domain/happening.ts'
import type { StoredEvent } from './events.ts'

/** What streams and webhooks carry. */
export const eventBody = ({ id, createdAtMs, type, data }: Omit<StoredEvent, 'objectId'>): string =>
  JSON.stringify({ id, object: 'event', created_at: Math.floor(createdAtMs / 1000), type, data })

/** What lies in the row was written by us. */
export const eventOf = ({ id, type, object_id, created_at, data }: EventRow): StoredEvent =>
  ({ id, type: type as EventType, objectId: object_id, createdAtMs: created_at, data: JSON.parse(data) as StoredEvent['data'] })
