import type { LensSession } from '../jail/lens-session.ts'

declare const session: LensSession // for its type alone

type CallName = Parameters<LensSession['call']>[0]

/** What a lens answers to each call. */
export type Answers = { readonly [Name in CallName]: Awaited<ReturnType<typeof session.call<Name>>> }
