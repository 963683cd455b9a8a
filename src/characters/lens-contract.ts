import type { Calls, CallName } from '../lens/protocol.ts'
import type { ByteSource } from '../runtime/byte-source.ts'

/** What this folder needs of the jail. */
export interface LensSession extends AsyncDisposable {
  call<Name extends CallName>(name: Name, asks: Calls[Name]['asks']): Promise<Calls[Name]['answers']>
}

export interface Lenses {
  readonly jail: string
  open(source: ByteSource, options: { readonly signal: AbortSignal }): Promise<LensSession>
}

export type Answers = { readonly [Name in CallName]: Calls[Name]['answers'] }

export const isLensDied = (error: unknown): boolean => error instanceof Error && error.name === 'LensDied'
