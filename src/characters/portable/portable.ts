import type { CharacterId } from '../../domain/identifier.ts'

/** A character in one file: the same bytes for the same revision, read a little at a time. */
export interface Archive {
  readonly username: string
  readonly revision: number
  readonly bytes: number
  /** Ends early with `storage_unavailable` when a file cannot be read. */
  read(signal?: AbortSignal): AsyncIterable<Uint8Array>
}

/** An archive to be imported: a private file of this process that is taken over. */
export interface ImportRequest {
  readonly account: string
  readonly path: string
  /** Instead of the name it had. */
  readonly username: string | null
  /** When somebody holds its name: refuse with `username_taken`, or take a free one near it. */
  readonly onConflict: 'refuse' | 'rename'
  readonly traceId: string | null
}

/** The character that the archive became, now or (`isReplay`) before. */
export interface Imported { readonly id: CharacterId; readonly isReplay: boolean }

/** The same as any process that has a lens finds it. */
export interface ImportErrand extends Pick<ImportRequest, 'username' | 'onConflict'> { readonly key: string; readonly bytes: number }
