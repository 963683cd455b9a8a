const KiB = 1024
const MiB = 1024 * KiB

/** How long and how much a stranger's server is listened to. */
export interface FetchLimits {
  /** For a name to be resolved, all servers and tries together. */
  readonly dnsMs: number
  /** For TCP and TLS together. */
  readonly connectMs: number
  /** From a request sent to the end of its headers. */
  readonly headersMs: number
  /** A body slower than this over `slowMs` is given up. */
  readonly leastBytesPerSecond: number
  readonly slowMs: number
  /** Waiting for one source, all its requests together. */
  readonly totalMs: number
}

export const FETCH_LIMITS: FetchLimits = {
  dnsMs: 8000, connectMs: 3000, headersMs: 5000, leastBytesPerSecond: 50_000, slowMs: 5000, totalMs: 30_000,
}

export interface FetchSettings {
  /** Exact `host:port` pairs, lower case, that are exempt from the address and port rules. */
  readonly allow: readonly string[]
  /** Empty: the system's resolver. */
  readonly dnsServers: readonly string[]
  /** Over the network for one source, all its requests together. */
  readonly maxBytes: number
  readonly limits?: Partial<FetchLimits>
}

export const MOST_REDIRECTS = 5
export const MOST_HEADER_BYTES = 32 * KiB
export const MOST_HEADERS = 256
/** Answers of the kind "103 Early Hints" before the real one. */
export const MOST_INFORMATION = 8
export const FIRST_READ_BYTES = 64 * KiB
/** How far unplanned reads look ahead: doubled while they follow each other. */
export const READ_AHEAD_BYTES = { first: 16 * KiB, most: MiB } as const
/** Blocks kept for one source. The lens keeps what it was given, so this only serves what it asks for twice. */
export const MOST_CACHED_BYTES = 8 * MiB
