import { findCharacter } from '../db/character-rows.ts'
import type { Database } from '../db/database.ts'
import { hearOf } from '../db/hear-of.ts'
import type { Notices } from '../db/notices.ts'
import { readError } from '../db/stored-error.ts'
import { AppError } from '../domain/errors.ts'
import type { CharacterId } from '../domain/identifier.ts'
import type { CastMember } from '../domain/shot.ts'
import type { Prompts } from '../prompts/prompts.ts'

export interface AdmitDeps { readonly db: Database; readonly notices: Pick<Notices, 'hear'>; readonly prompts: Pick<Prompts, 'recall'>; readonly limits: { readonly pendingPollMs: number } }

interface Wanted { readonly account: string; readonly cast: readonly CharacterId[]; readonly pending: readonly CharacterId[]; readonly signal: AbortSignal }

/** The whole cast as it is now, once those who are still made are there. Rejects with `character_revoked`, or with what kept one of them from being made. */
export async function admitCast({ account, cast, pending, signal }: Wanted, { db, notices, prompts, limits }: AdmitDeps): Promise<readonly CastMember[]> {
  const arrived: CharacterId[] = []
  for (const id of pending) arrived.push(await awaitCharacter(id, { db, notices, everyMs: limits.pendingPollMs, signal }))
  return recallAll(prompts, account, [...new Set([...cast, ...arrived])])
}

/** Rejects with `character_revoked` where one was deleted or may no longer be used. */
export async function recallAll(prompts: Pick<Prompts, 'recall'>, account: string, ids: readonly CharacterId[]): Promise<readonly CastMember[]> {
  const members = ids.length === 0 ? [] : await prompts.recall(account, ids)
  const present = members.filter((member) => member !== null)
  if (present.length < ids.length) throw new AppError('character_revoked')
  return present
}

interface Awaiting extends Pick<AdmitDeps, 'db' | 'notices'> { readonly everyMs: number; readonly signal: AbortSignal }

/** The id of the character that it has become: an earlier one, where that was the same. Its row is asked, so that a restart makes no difference. */
async function awaitCharacter(id: CharacterId, { db, notices, everyMs, signal }: Awaiting): Promise<CharacterId> {
  using changes = hearOf(notices, id)
  for (;;) {
    const row = await findCharacter(db, id)
    if (!row) throw new AppError('character_revoked')
    if (row.status === 'failed') throw readError(row.error)
    if (row.status === 'completed') return (row.same_as ?? id) as CharacterId // a column of ids
    await changes.next({ mostMs: everyMs, signal })
  }
}
