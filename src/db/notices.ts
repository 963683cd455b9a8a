import { EventEmitter } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { sql } from 'kysely'
import { Client } from 'pg'
import type { Log } from '../runtime/log.ts'
import type { Database } from './database.ts'
import { connectionTo, unavailable } from './postgres.ts'

/** Something about this object is different now: its row tells what. */
export interface Notice { readonly account: string; readonly objectId: string }

/** Tells every process that shares the database. A notice says where to look, never what is there: one too many does no harm. */
export interface Notices extends AsyncDisposable {
  /** As part of the caller's transaction; who hears it before it is committed waits for that when looking. */
  tell(trx: Database, notice: Notice): Promise<void>
  /** `all`: some may have been missed, look again. Gives back how to stop hearing. */
  hear(listener: (notice: Notice | 'all') => void): () => void
}

/** For one process on a database of its own. */
export function createLocalNotices(): Notices {
  const listeners = createListeners()
  return {
    tell: async (_trx, notice) => listeners.say(notice),
    hear: listeners.hear,
    [Symbol.asyncDispose]: async () => listeners.forget(),
  }
}

function createListeners() {
  const emitter = new EventEmitter().setMaxListeners(0)
  return {
    say: (notice: Notice | 'all'): void => { emitter.emit('notice', notice) },
    hear: (listener: (notice: Notice | 'all') => void): (() => void) => {
      emitter.on('notice', listener)
      return () => emitter.off('notice', listener)
    },
    forget: (): void => { emitter.removeAllListeners() },
  }
}

const CHANNEL = 'dramatis_notices'
/** A server that went without a word is noticed within these two. */
const HEARTBEAT_MS = 10_000
const ANSWER_MS = 3000
const FIRST_DELAY_MS = 50
const MOST_DELAY_MS = 1000

/**
 * For processes that share a PostgreSQL: one connection of its own, which has to be to the server itself, not to a pooler that lends connections
 * for a transaction. Lost, it comes back by itself, and then says `all`. Rejects with `database_unavailable` where the first attempt fails.
 */
export async function openPostgresNotices({ url, log }: { readonly url: string; readonly log?: Log }): Promise<Notices> {
  const listeners = createListeners()
  const over = new AbortController()
  const first = await listen(url, listeners.say)
  const following = follow(first)

  async function follow(first: Client): Promise<void> {
    for (let client: Client | null = first; client !== null;) {
      await untilLost(client, over.signal)
      await hangUp(client)
      if (over.signal.aborted) return
      log?.warn('notices.lost')
      client = await listenAgain()
      if (client === null) return
      log?.info('notices.heard_again')
      listeners.say('all')
    }
  }

  async function listenAgain(): Promise<Client | null> {
    for (let delayMs = FIRST_DELAY_MS; !over.signal.aborted; delayMs = Math.min(2 * delayMs, MOST_DELAY_MS)) {
      await sleep(delayMs, null, { signal: over.signal }).catch(() => {}) // only the signal ends it early
      const client = over.signal.aborted ? null : await listen(url, listeners.say).catch(() => null) // what it is shows in every query
      if (client !== null) return client
    }
    return null
  }

  return {
    tell: async (trx, { account, objectId }) => { await sql`select pg_notify(${CHANNEL}, ${JSON.stringify([account, objectId])})`.execute(trx) },
    hear: listeners.hear,
    [Symbol.asyncDispose]: async () => {
      over.abort()
      await following
      listeners.forget()
    },
  }
}

async function listen(url: string, say: (notice: Notice | 'all') => void): Promise<Client> {
  const client = new Client({ ...connectionTo(url, { patience: 'much' }), query_timeout: ANSWER_MS })
  client.on('error', () => {}) // its end follows, which is what counts
  client.on('notification', ({ payload }) => say(readNotice(payload)))
  try {
    await client.connect()
    await client.query(`listen ${CHANNEL}`)
    return client
  } catch (error) {
    await hangUp(client)
    throw unavailable(error)
  }
}

/** The channel is open to everybody who may connect. */
function readNotice(payload = ''): Notice | 'all' {
  const [, account, objectId] = /^\["([^"\\]*)","([^"\\]*)"\]$/.exec(payload) ?? []
  return account === undefined ? 'all' : { account, objectId }
}

/** Until it ends, no longer answers, or is no longer wanted. */
async function untilLost(client: Client, signal: AbortSignal): Promise<void> {
  const lost = Promise.withResolvers<void>()
  const heartbeat = setInterval(() => { client.query('select 1').catch(() => lost.resolve()) }, HEARTBEAT_MS)
  client.once('end', lost.resolve)
  signal.addEventListener('abort', () => lost.resolve(), { once: true })
  if (signal.aborted) lost.resolve()
  await lost.promise
  clearInterval(heartbeat)
}

/** What is ended already, or cannot be, is gone too. */
const hangUp = (client: Client): Promise<void> => client.end().catch(() => {})
