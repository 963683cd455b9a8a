import type { Database } from '../db/database.ts'
import type { EventType, Happening, WebhookEventType } from '../domain/happening.ts'

/** An event as streams and webhooks carry it: `data` is the public JSON. */
export interface StoredEvent { readonly id: string; readonly type: EventType; readonly objectId: string; readonly createdAtMs: number; readonly data: Readonly<Record<string, unknown>> }

export interface WebhookEndpoint {
  readonly id: string
  readonly name: string
  readonly url: string
  readonly eventTypes: readonly WebhookEventType[]
  /** `whsec_` + base64; shown when it is made and when it is rotated. */
  readonly secret: string
  readonly isDisabled: boolean
  readonly createdAtMs: number
  readonly updatedAtMs: number
}

export interface WebhookDelivery {
  readonly id: string
  readonly endpointId: string
  readonly eventId: string
  readonly eventType: string
  readonly status: 'pending' | 'delivered' | 'failed'
  readonly attempts: number
  readonly lastStatus: number | null
  readonly lastError: string | null
  readonly nextAtMs: number | null
  readonly createdAtMs: number
}

export interface StreamRequest {
  readonly account: string
  /** Only what happens to this character or video, from its beginning; null: everything of the account from now on. */
  readonly objectId: string | null
  /** Go on behind this event. */
  readonly after: string | null
  readonly signal: AbortSignal
}

interface Paging { readonly limit: number; readonly order: 'asc' | 'desc'; readonly after?: string }

export interface Webhooks {
  create(account: string, endpoint: { readonly name: string; readonly url: string; readonly eventTypes: readonly WebhookEventType[] }): Promise<WebhookEndpoint>
  list(account: string, paging: Paging): Promise<{ readonly endpoints: readonly WebhookEndpoint[]; readonly hasMore: boolean }>
  /** Each of these rejects with `not_found` for what is not there or not yours. */
  find(account: string, id: string): Promise<WebhookEndpoint>
  update(account: string, id: string, changes: { readonly name?: string; readonly url?: string; readonly eventTypes?: readonly WebhookEventType[] }): Promise<WebhookEndpoint>
  rotateSecret(account: string, id: string, options: { readonly keepsOldSecret: boolean }): Promise<WebhookEndpoint>
  remove(account: string, id: string): Promise<void>
  /** Sends a made-up event now; the HTTP status it was answered with, or null where there was no answer. */
  test(account: string, id: string, type: WebhookEventType): Promise<{ readonly status: number | null }>
  deliveries(account: string, filter: Paging & { readonly endpointId?: string; readonly status?: WebhookDelivery['status'] }): Promise<{ readonly deliveries: readonly WebhookDelivery[]; readonly hasMore: boolean }>
  redeliver(account: string, id: string): Promise<WebhookDelivery>
}

export interface Events {
  /** Keeps what happened, and what webhooks are owed of it, as part of the caller's transaction; streams and deliveries follow once it is committed. */
  record(db: Database, happening: Happening): Promise<void>
  /** Past events first, then as they come; a stream of one object ends after its last one. `reset`: what `after` names is no longer kept. */
  stream(request: StreamRequest): AsyncIterable<StoredEvent | 'reset'>
  readonly webhooks: Webhooks
  /** Takes up the deliveries that are due, and forgets old events. */
  resume(): Promise<void>
  drain(): Promise<void>
}
