/** Rows as they lie in the database, the same on every one: ids and JSON as text, times in whole milliseconds, booleans as 0 and 1. */
export interface Tables {
  characters: CharactersTable
  evidence: EvidenceTable
  usernames: UsernamesTable
  vectors: VectorsTable
  api_keys: KeysTable
  videos: VideosTable
  events: EventsTable
  webhook_endpoints: WebhookEndpointsTable
  webhook_deliveries: WebhookDeliveriesTable
  errands: ErrandsTable
  idempotency_keys: IdempotencyKeysTable
  chores: ChoresTable
}

export interface CharactersTable {
  id: string
  account: string
  status: 'queued' | 'in_progress' | 'completed' | 'failed'
  step: string | null
  progress: number
  /** Of the try that holds the row: what an earlier one writes late is refused by it. */
  attempts: number
  fingerprint: string
  is_forced: 0 | 1
  /** The request, with the source's whole URL in it: only until the character is completed or failed. */
  request: string | null
  error: string | null
  /** The same window of the same video was made before: that character stands for this one. */
  same_as: string | null
  clip_sha256: string | null
  media_token: string | null
  /** JSON list of the stored files. */
  media: string | null
  kind: string | null
  /** JSON of what the columns do not hold of the character. */
  facts: string | null
  /** Folded words to search in. */
  search: string | null
  created_at: number
  updated_at: number
  completed_at: number | null
  deleted_at: number | null
  /** The request that asked for it, to find it again in every log. */
  trace_id: string | null
}

/** JSON, beside the characters because it is larger than all the rest of a row and read seldom. */
export interface EvidenceTable { character_id: string; json: string }

/** One namespace for everything that is called by `@`. */
export interface UsernamesTable { skeleton: string; name: string; character_id: string; is_alias: 0 | 1 }

export interface VectorsTable { character_id: string; model: string; of: string; bytes: Uint8Array }

export interface KeysTable { id: string; account: string; name: string; sha256: string; last4: string; scopes: string; created_at: number; revoked_at: number | null }

export interface VideosTable {
  id: string
  account: string
  status: 'queued' | 'in_progress' | 'completed' | 'failed'
  progress: number
  /** Of the request, for one that is sent again. */
  fingerprint: string
  /** JSON of what was asked for: it is rendered again from this when its turn comes. */
  request: string
  /** The backend that makes it, and the model there: those of the first choice until one has taken it. */
  backend: string
  model: string
  /** JSON of what the backend gave to follow it by; null until it is submitted. */
  operation: string | null
  /** Of the try that holds the row: what an earlier one writes late is refused by it. */
  attempts: number
  /** How often it was submitted. */
  submissions: number
  /** JSON of what the columns do not hold of the video. */
  facts: string
  error: string | null
  /** JSON list of the stored files. */
  files: string | null
  /** JSON of the last verification. */
  verification: string | null
  /** The request that asked for it. */
  trace_id: string | null
  created_at: number
  updated_at: number
  completed_at: number | null
}

/** What happened, for those who follow; a day's worth. */
export interface EventsTable {
  id: string
  account: string
  /** The character or video it is about. */
  object_id: string
  type: string
  /** JSON. */
  data: string
  created_at: number
}

export interface WebhookEndpointsTable {
  id: string
  account: string
  name: string
  url: string
  /** JSON list. */
  event_types: string
  secret: string
  /** Signs beside the new one until `old_secret_until`. */
  old_secret: string | null
  old_secret_until: number | null
  /** Set when the endpoint said that it is gone. */
  disabled_at: number | null
  created_at: number
  updated_at: number
}

export interface WebhookDeliveriesTable {
  id: string
  account: string
  endpoint_id: string
  event_id: string
  object_id: string
  event_type: string
  /** The body as it is signed and sent: it outlives its event. */
  body: string
  status: 'pending' | 'delivered' | 'failed'
  attempts: number
  /** When the next attempt is due, by the database's clock. */
  next_at: number | null
  /** Until then it is being sent by the process that wrote this. */
  held_until: number | null
  /** HTTP status of the last answer, or null where there was none. */
  last_status: number | null
  last_error: string | null
  created_at: number
  updated_at: number
}

/** Short work on a lens whose answer somebody waits for, in whatever process. Gone soon after. */
export interface ErrandsTable {
  id: string
  account: string
  kind: string
  status: 'queued' | 'completed' | 'failed'
  /** Of the try that holds the row. */
  attempts: number
  /** JSON. */
  request: string
  /** JSON; null until completed. */
  answer: string | null
  error: string | null
  trace_id: string | null
  created_at: number
}

/** One per request that came with an `Idempotency-Key`, for a day. */
export interface IdempotencyKeysTable {
  account: string
  key: string
  /** Hash of route and parsed fields. */
  fields: string
  /** What the request made, written in the transaction that made it. */
  object_id: string | null
  /** The answer; null while it is worked on. */
  status: number | null
  /** JSON of those that are sent again. */
  headers: string | null
  body: string | null
  /** Who works on it says so every few seconds, by the database's clock. */
  held_at: number
  created_at: number
}

/** Upkeep that one of all processes does, once in a while. */
export interface ChoresTable { name: string; /** By the database's clock. */ done_at: number }
