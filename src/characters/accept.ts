import { newCharacterId, type CharacterId } from '../domain/identifier.ts'
import { findCompleted, findRunning, insertCharacter, type CharacterRow } from '../db/character-rows.ts'
import type { Database } from '../db/database.ts'
import { takeUsername, usernameHolder } from '../db/username-rows.ts'
import type { Events } from '../events/events.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { ClaimedJob } from './character-jobs.ts'
import type { CreateRequest } from './requests.ts'
import { writeRequest } from './stored-character.ts'
import { usernameTaken } from './username-taken.ts'

/** For so long the same request is taken for a retry. */
const SAME_ANSWER_MS = 10 * 60_000

interface AcceptDeps { readonly claim: (id: CharacterId) => ClaimedJob; readonly events: Pick<Events, 'record'>; readonly nowMs: number }

export type Acceptance =
  | { readonly as: 'new'; readonly id: CharacterId; readonly createdAtMs: number; readonly job: ClaimedJob }
  | { readonly as: 'running'; readonly id: CharacterId }
  | { readonly as: 'completed'; readonly row: CharacterRow }

/**
 * Finds what the request is already answered by, or writes its row. Of equal requests that come at once one finds a place,
 * which is claimed inside the transaction, and the others find its row. Rejects with `username_taken` and what `claim` throws.
 */
export async function acceptRequest(db: Database, request: CreateRequest, { claim, events, nowMs }: AcceptDeps): Promise<Acceptance> {
  const claimed: ClaimedJob[] = []
  try {
    return await db.transaction().execute(async (trx): Promise<Acceptance> => {
      const earlier = request.isForced ? null : await findEarlier(trx, request, nowMs)
      if (earlier?.answer) return earlier.answer
      const id = newCharacterId(nowMs)
      const job = claim(id)
      claimed.push(job)
      await writeRow(trx, request, { id, nowMs, possibleAnswer: earlier?.possibleAnswer })
      await events.record(trx, { type: 'character.queued', account: request.account, id })
      return { as: 'new', id, createdAtMs: nowMs, job }
    })
  } catch (error) {
    for (const job of claimed) job.withdraw()
    throw error
  }
}

/** What answers the request, or a character that will if the bytes at its address are still the same. */
async function findEarlier(db: Database, request: CreateRequest, nowMs: number): Promise<{ readonly answer?: Acceptance; readonly possibleAnswer?: string }> {
  const fingerprint = fingerprintOf(request)
  const running = await findRunning(db, request.account, fingerprint)
  if (running) return { answer: { as: 'running', id: running.id as CharacterId } }
  const completed = await findCompleted(db, request.account, fingerprint)
  if (!completed) return {}
  return isStillSame(completed, request, nowMs) ? { answer: { as: 'completed', row: completed } } : { possibleAnswer: completed.id }
}

async function writeRow(db: Database, request: CreateRequest, { id, nowMs, possibleAnswer }: { readonly id: CharacterId; readonly nowMs: number; readonly possibleAnswer: string | undefined }): Promise<void> {
  const { account, isForced, options: { username, aliases } } = request
  await insertCharacter(db, {
    id, account, status: 'queued', progress: 0, attempts: 0, fingerprint: fingerprintOf(request), is_forced: isForced ? 1 : 0,
    request: writeRequest(request), created_at: nowMs, updated_at: nowMs, trace_id: request.traceId,
  })
  // The character that may turn out to be the answer holds the names that were chosen for it.
  const isToBeHad = async (name: string, isAlias: boolean): Promise<boolean> =>
    await takeUsername(db, name, id, { isAlias }) || (possibleAnswer !== undefined && possibleAnswer === await usernameHolder(db, name))
  if (username !== null && !await isToBeHad(username, false)) throw await usernameTaken(db, username)
  for (const alias of aliases) if (!await isToBeHad(alias, true)) throw await usernameTaken(db, alias, 'aliases')
}

/** The bytes of an upload are part of its fingerprint; those at an address may have changed. */
const isStillSame = ({ completed_at }: CharacterRow, { source }: CreateRequest, nowMs: number): boolean => source.type !== 'url' || nowMs - (completed_at ?? 0) <= SAME_ANSWER_MS
