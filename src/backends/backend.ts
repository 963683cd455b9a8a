import type { Capabilities } from '../domain/capabilities.ts'
import type { AppError } from '../domain/errors.ts'
import type { VideoId } from '../domain/identifier.ts'
import type { RenderedReference, RenderedShot, VideoWarning } from '../domain/shot.ts'

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
export type JsonObject = { readonly [key: string]: Json }

export interface Picture { readonly mime: string; readonly bytes: Uint8Array }

/** A shot with everything it names at hand, each file of a kind the backend takes. */
export interface BackendRequest {
  readonly videoId: VideoId
  readonly model: string
  readonly shot: RenderedShot
  /** As `shot.references`, in the same order. */
  readonly references: readonly (RenderedReference & Picture)[]
  readonly firstFrame: Picture | null
  /** The user's own words, and the language they are in. */
  readonly caption: string
  readonly language: 'en' | 'zh'
}

export type BackendStatus =
  | { readonly at: 'queued' }
  /** Percent, where the backend tells. */
  | { readonly at: 'running'; readonly progress: number | null }
  /** `output` is handed to {@link Backend.open}. */
  | { readonly at: 'done'; readonly output: JsonObject; readonly warnings?: readonly VideoWarning[] }
  /** `backend_rejected`, `output_expired`, `cancelled`. */
  | { readonly at: 'failed'; readonly error: AppError }
  /** It knows nothing of this operation: it was restarted. */
  | { readonly at: 'lost' }

export interface BackendModel { readonly id: string; readonly capabilities: Capabilities }

/** Whether it answers now, and what it says of itself. */
export interface BackendHealth { readonly isHealthy: boolean; readonly says: string }

interface Waiting { readonly signal: AbortSignal }

/**
 * What makes videos. Calls reject with `backend_unavailable` for what may pass (no answer, 429, 5xx), `backend_rejected` for what
 * stays wrong, `output_invalid` for an answer that makes no sense, or the signal's reason. Nothing it rejects with holds a key or a full URL.
 */
export interface Backend {
  /** As the operator calls it: `^[a-z0-9][a-z0-9_-]{0,39}$`. */
  readonly name: string
  /** Never empty; the first is the default. */
  readonly models: readonly BackendModel[]
  /** How long until a status is worth asking for again. */
  readonly pollMs: number
  health(waiting: Waiting): Promise<BackendHealth>
  /** Starts the video. Resolves with the operation: JSON that is stored and by which any later process goes on. No secrets in it. */
  submit(request: BackendRequest, waiting: Waiting): Promise<JsonObject>
  status(operation: JsonObject, waiting: Waiting): Promise<BackendStatus>
  /** The bytes of a finished video, at most `maxBytes`: rejects with `output_invalid` beyond, `output_expired` when it is gone. */
  open(operation: JsonObject, output: JsonObject, options: Waiting & { readonly maxBytes: number }): Promise<AsyncIterable<Uint8Array>>
  /** Stops it where that can be done, and lets the backend forget it. Never rejects for what is over already. */
  cancel(operation: JsonObject, waiting: Waiting): Promise<void>
}
