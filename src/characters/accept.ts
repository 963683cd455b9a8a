import type { CharacterId } from '../domain/identifier.ts'
import { findCharacter, findCompleted, findRunning, insertCharacter, type CharacterRow } from '../db/character-rows.ts'
import type { Database } from '../db/database.ts'
import { bindIdempotencyKey, findBoundObject } from '../db/idempotency-rows.ts'
import { lockFor } from '../db/lock.ts'
import type { Events } from '../events/events.ts'
import type { Claim, JobQueue } from '../jobs/job-queue.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { InTurn } from './in-turn.ts'
import type { StoredRequest } from './requests.ts'
import { writeRequest } from './stored-character.ts'
import { takeNames } from './take-names.ts'

/** For so long the same request is taken for a retry. */
const SAME_ANSWER_MS = 10 * 60_000

interface AcceptDeps { readonly db: Database; readonly queue: Pick<JobQueue, 'claim'>; readonly events: Pick<Events, 'record'>; readonly equalRequests: InTurn; readonly nowMs: number }

/** A request whose source every process can read. */
export interface GivenRequest { readonly id: CharacterId; readonly request: StoredRequest; readonly idempotencyKey: string | null }

export type Acceptance =
  | { readonly as: 'new'; readonly claim: Claim }
  | { readonly as: 'running' | 'completed'; readonly row: CharacterRow }

/**
 * Finds what the request is already answered by, or writes its row, with a place in the queue. Of equal requests that come at once, to any
 * process, one is new and the others find its row. Rejects with `username_taken`, and with what the queue refuses.
 */
export async function acceptRequest(given: GivenRequest, deps: AcceptDeps): Promise<Acceptance> {
  const { request, idempotencyKey } = given
  if (request.isForced) return accept(given, deps)
  return deps.equalRequests.run(lockOf(request), async () => {
    const { answer } = idempotencyKey === null ? await findSame(deps.db, request, deps.nowMs) : {}
    return answer ?? await accept(given, deps)
  })
}

const lockOf = (request: StoredRequest): string => `create:${request.account}:${fingerprintOf(request)}`

async function accept(given: GivenRequest, { db, queue, events, nowMs }: AcceptDeps): Promise<Acceptance> {
  const claims: Claim[] = []
  try {
    return await db.transaction().execute(async (trx): Promise<Acceptance> => {
      const earlier = await findEarlier(trx, given, nowMs)
      if (earlier.answer) {
        await bind(trx, given, earlier.answer.row.id)
        return earlier.answer
      }
      const { id, request: { account, traceId } } = given
      const claim = await queue.claim(trx, { id, account, traceId })
      claims.push(claim)
      await writeRow(trx, given, { nowMs, sameRequest: earlier.possibleAnswer })
      await bind(trx, given, id)
      await events.record(trx, { type: 'character.queued', account, id })
      return { as: 'new', claim }
    })
  } catch (error) {
    for (const claim of claims) claim.withdraw()
    throw error
  }
}

interface Earlier {
  readonly answer?: Extract<Acceptance, { row: CharacterRow }>
  /** It is the answer if the bytes at its address are still the same. */
  readonly possibleAnswer?: string
}

async function findEarlier(trx: Database, { request, idempotencyKey }: GivenRequest, nowMs: number): Promise<Earlier> {
  const bound = idempotencyKey === null ? null : await findBound(trx, request.account, idempotencyKey)
  if (bound !== null) return { answer: bound }
  if (request.isForced) return {}
  await lockFor(trx, lockOf(request))
  return findSame(trx, request, nowMs)
}

async function findSame(db: Database, request: StoredRequest, nowMs: number): Promise<Earlier> {
  const fingerprint = fingerprintOf(request)
  const running = await findRunning(db, request.account, fingerprint)
  if (running) return { answer: { as: 'running', row: running } }
  const completed = await findCompleted(db, request.account, fingerprint)
  if (!completed) return {}
  return isStillSame(completed, request, nowMs) ? { answer: { as: 'completed', row: completed } } : { possibleAnswer: completed.id }
}

/** What the key's request made before it was cut off; what failed or was deleted is made again. */
async function findBound(trx: Database, account: string, key: string): Promise<Earlier['answer'] | null> {
  const id = await findBoundObject(trx, account, key)
  const made = id === null ? undefined : await findCharacter(trx, id)
  const row = made?.same_as ? await findCharacter(trx, made.same_as) : made
  if (!row || row.deleted_at !== null || row.status === 'failed') return null
  return { as: row.status === 'completed' ? 'completed' : 'running', row }
}

const bind = async (trx: Database, { request, idempotencyKey }: GivenRequest, id: string): Promise<void> => {
  if (idempotencyKey !== null) await bindIdempotencyKey(trx, request.account, idempotencyKey, id)
}

async function writeRow(trx: Database, { id, request }: GivenRequest, { nowMs, sameRequest }: { readonly nowMs: number; readonly sameRequest: string | undefined }): Promise<void> {
  const { account, isForced, options, traceId } = request
  await insertCharacter(trx, {
    id, account, status: 'queued', progress: 0, attempts: 0, fingerprint: fingerprintOf(request), is_forced: isForced ? 1 : 0,
    request: writeRequest(request), created_at: nowMs, updated_at: nowMs, trace_id: traceId,
  })
  // The character that may turn out to be the answer holds the names that were chosen for it.
  await takeNames(trx, id, options, { sameRequest })
}

/** The bytes of an upload are part of its fingerprint; those at an address may have changed. */
const isStillSame = ({ completed_at }: CharacterRow, { source }: StoredRequest, nowMs: number): boolean => source.type !== 'url' || nowMs - (completed_at ?? 0) <= SAME_ANSWER_MS
