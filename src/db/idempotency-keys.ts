import { createHash } from 'node:crypto'
import { AppError } from '../domain/errors.ts'
import type { Log } from '../runtime/log.ts'
import { claimChore } from './chore-rows.ts'
import type { Database } from './database.ts'
import { claimKey, forgetOldKeys, keepAnswer, refreshKeys, releaseAllKeys, releaseKey, type KeptAnswer, type KeyHold, type KeyRequest } from './idempotency-rows.ts'
import { isPostgres } from './dialect.ts'
import { hearOf } from './hear-of.ts'
import type { Notices } from './notices.ts'

const REFRESH_EVERY_MS = 5000
/** Where no notice comes: the holder may have died. */
const LOOK_EVERY_MS = 500
const FORGET_EVERY_MS = 3_600_000

/** A key that a request works under. One of the two ends it; neither rejects. */
export interface HeldKey {
  keep(answer: KeptAnswer, objectId: string | null): Promise<void>
  /** `isRefused`: nothing comes of it, the same request may try anew. Else what it has made so far is what the same request will find. */
  release(options: { readonly isRefused: boolean }): Promise<void>
}

export type KeyOutcome = { readonly at: 'ours'; readonly held: HeldKey } | { readonly at: 'answered'; readonly answer: KeptAnswer }

export interface IdempotencyKeys extends AsyncDisposable {
  /** Before the first request. */
  resume(): Promise<void>
  /** Waits while the same request is worked on elsewhere. Rejects with `idempotency_key_reused`, or the signal's reason. */
  claim(request: KeyRequest, options: { readonly signal: AbortSignal }): Promise<KeyOutcome>
}

interface KeysDeps { readonly db: Database; readonly notices: Notices; readonly log: Log; readonly refreshEveryMs?: number }

/** Keys that make a request happen once, over all processes that share the database. */
export function createIdempotencyKeys({ db, notices, log, refreshEveryMs = REFRESH_EVERY_MS }: KeysDeps): IdempotencyKeys {
  const holds = new Map<HeldKey, KeyHold>()
  let refreshed = Promise.resolve()
  const refresh = setInterval(() => { refreshed = refreshed.then(() => refreshHolds(holds, { db, log })) }, refreshEveryMs).unref()

  let forgotten = Promise.resolve()
  const forgetting = setInterval(() => { forgotten = forget({ db, log }) }, FORGET_EVERY_MS).unref()

  const begin = (hold: KeyHold): HeldKey => {
    const finish = async (write: (trx: Database, hold: KeyHold) => Promise<void>): Promise<void> => {
      await refreshed // it may be writing another time for this one
      const last = holds.get(held)
      holds.delete(held)
      if (last === undefined) return // somebody else has it now
      try {
        await db.transaction().execute(async (trx) => {
          await write(trx, last)
          await notices.tell(trx, { account: last.account, objectId: noticeOf(last) })
        })
      } catch (error) {
        log.warn('idempotency.unkept', { error }) // it goes stale, and what was made is bound to it
      }
    }
    const held: HeldKey = {
      keep: (answer, objectId) => finish((trx, last) => keepAnswer(trx, last, { answer, objectId })),
      release: (options) => finish((trx, last) => releaseKey(trx, last, options)),
    }
    holds.set(held, hold)
    return held
  }

  return {
    resume: async () => { if (!isPostgres(db)) await releaseAllKeys(db) },
    claim: async (request, { signal }) => {
      using changes = hearOf(notices, noticeOf(request)) // before the look: what comes between is not missed
      for (;;) {
        signal.throwIfAborted()
        const state = await claimKey(db, request)
        if (state.at === 'ours') return { at: 'ours', held: begin(state.hold) }
        if (state.at === 'answered') return state
        if (state.at === 'reused') throw new AppError('idempotency_key_reused', { param: 'Idempotency-Key' })
        await changes.next({ mostMs: LOOK_EVERY_MS, signal })
      }
    },
    [Symbol.asyncDispose]: async () => {
      clearInterval(refresh)
      clearInterval(forgetting)
      await Promise.all([refreshed, forgotten])
    },
  }
}

async function refreshHolds(holds: Map<HeldKey, KeyHold>, { db, log }: Pick<KeysDeps, 'db' | 'log'>): Promise<void> {
  if (holds.size === 0) return
  const before = [...holds]
  try {
    const kept = new Map((await refreshKeys(db, before.map(([, hold]) => hold))).map((hold) => [nameOf(hold), hold]))
    for (const [held, hold] of before) {
      const now = kept.get(nameOf(hold))
      if (!holds.has(held)) continue
      if (now === undefined) holds.delete(held)
      else holds.set(held, now)
    }
  } catch (error) {
    log.warn('idempotency.unheld', { error }) // the next time, or somebody takes over
  }
}

async function forget({ db, log }: Pick<KeysDeps, 'db' | 'log'>): Promise<void> {
  try {
    if (await claimChore(db, 'forget-idempotency-keys', FORGET_EVERY_MS)) await forgetOldKeys(db)
  } catch (error) {
    log.warn('idempotency.unforgotten', { error }) // in an hour again
  }
}

const nameOf = ({ account, key }: Pick<KeyRequest, 'account' | 'key'>): string => `${account}\0${key}`

/** Notices are told to all: they do not carry the key. */
const noticeOf = (request: Pick<KeyRequest, 'account' | 'key'>): string => `idem_${createHash('sha256').update(nameOf(request)).digest('hex').slice(0, 32)}`
