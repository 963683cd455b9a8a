import type { Calls, CallName } from '../lens/protocol.ts'

/** What the lens answers to each call. */
export type Answers = { readonly [Name in CallName]: Calls[Name]['answers'] }
