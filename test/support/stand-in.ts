import type { Interference, Received } from './strict-server.ts'

/** Somebody else's video service, played. Jobs move on by one state with each look at them: queued, running, done. */
export interface StandIn extends AsyncDisposable {
  /** As `url` of a backend's settings wants it. */
  readonly url: string
  /** `127.0.0.1:PORT`, as FETCH_ALLOW wants it. */
  readonly pair: string
  readonly received: readonly Received[]
  /** Of every finished job. */
  video: Uint8Array
  /** Set: jobs end with these words in place of a video. */
  failure: string | null
  /** While it is true, jobs stay running. */
  isHeld: boolean
  /** Set: a finished video lies there, or redirects there. */
  outputUrl: string | null
  /** Answers in place of the service, where it gives one. */
  interfere: Interference | null
  /** Forgets every job. */
  restart(): void
}

export interface StandInOptions { readonly video: Uint8Array; /** Required as `Authorization: Bearer KEY`. */ readonly key?: string }
