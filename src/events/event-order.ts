import type { Database } from '../db/database.ts'
import { lockFor } from '../db/lock.ts'
import { madeAtMs } from '../domain/identifier.ts'

/**
 * From here to the end of the transaction nobody else records events of the account, or changes what its webhooks are owed: so what is
 * recorded behind it is committed in the order of its ids. What else the transaction writes it writes before.
 */
export const lockEvents = (trx: Database, account: string): Promise<void> => lockFor(trx, `events:${account}`)

/** The millisecond of an id that sorts behind these, whatever the clocks of those who made them said. */
export const msBehind = (nowMs: number, ...ids: readonly (string | null)[]): number => Math.max(nowMs, ...ids.map((id) => (id === null ? 0 : madeAtMs(id) + 1)))
