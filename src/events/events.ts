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
  /** A word: `http_error`, `endpoint_gone`, or an {@link AttemptError}. */
  readonly lastError: string | null
  readonly nextAtMs: number | null
  readonly createdAtMs: number
}

export interface StreamRequest {
  readonly account: string
  /** Only what happens to this character or video, from its beginning; null: everything of the account from now on. */
  readonly objectId: string | null
  /** How the object stands now: told where none of its events is kept any more. One that came to its end has nothing to wait for. */
  readonly standing: Happening | null
  /** Go on behind this event. */
  readonly after: string | null
  readonly signal: AbortSignal
  /** The reader fell 256 events behind: its stream is over, also where it does not ask for the next. */
  readonly onOverrun?: () => void
}

/** How one try ended: with a status, or without an answer and the reason in a word. */
export type Attempt = { readonly status: number; readonly error: null } | { readonly status: null; readonly error: AttemptError }
export type AttemptError = 'url_not_allowed' | 'unreachable' | 'timeout' | 'protocol_error'

interface Paging { readonly limit: number; readonly order: 'asc' | 'desc'; readonly after?: string }

export interface Webhooks {
  create(account: string, endpoint: { readonly name: string; readonly url: string; readonly eventTypes: readonly WebhookEventType[] }): Promise<WebhookEndpoint>
  list(account: string, paging: Paging): Promise<{ readonly endpoints: readonly WebhookEndpoint[]; readonly hasMore: boolean }>
  /** Each of these rejects with `not_found` for what is not there or not yours. */
  find(account: string, id: string): Promise<WebhookEndpoint>
  update(account: string, id: string, changes: { readonly name?: string; readonly url?: string; readonly eventTypes?: readonly WebhookEventType[] }): Promise<WebhookEndpoint>
  rotateSecret(account: string, id: string, options: { readonly keepsOldSecret: boolean }): Promise<WebhookEndpoint>
  remove(account: string, id: string): Promise<void>
  /** Sends a made-up event now: the HTTP status it was answered with, or why there was no answer. */
  test(account: string, id: string, type: WebhookEventType): Promise<Attempt>
  deliveries(account: string, filter: Paging & { readonly endpointId?: string; readonly status?: WebhookDelivery['status'] }): Promise<{ readonly deliveries: readonly WebhookDelivery[]; readonly hasMore: boolean }>
  /** One that ended is sent again, as a new delivery behind those that wait; one that waits is tried now. */
  redeliver(account: string, id: string): Promise<WebhookDelivery>
}

/** Of this process, but for what is pending: that is of all. */
export interface EventFigures {
  readonly streams: number
  readonly deliveriesPending: number
  /** By what the delivery was behind the attempt; a pending one is tried again. */
  readonly attempts: Readonly<Record<WebhookDelivery['status'], number>>
}

export interface Events {
  /**
   * Keeps what happened, and what webhooks are owed of it, as part of the caller's transaction, which writes whatever else it has to write before; streams and deliveries, in any process,
   * follow once it is committed. Notices of the object are told by this.
   */
  record(db: Database, happening: Happening): Promise<void>
  /**
   * Nothing that happens after it resolves is missed. Past events first, then as they come; a stream of one object ends behind its `.completed`, `.failed` or `.deleted`, every stream
   * with the signal. `reset`: what `after` names is no longer kept; it goes on as without it.
   */
  stream(request: StreamRequest): Promise<AsyncIterable<StoredEvent | 'reset'>>
  readonly webhooks: Webhooks
  figures(): Promise<EventFigures>
  /** From now on this process delivers what is due, whoever recorded it, and forgets old events. One that never calls it only records and streams. */
  resume(): Promise<void>
  /** Ends the streams and what is being delivered; what is recorded from then on is delivered after the next start. */
  drain(): Promise<void>
}
