import type { CharacterId } from '../../domain/identifier.ts'

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
