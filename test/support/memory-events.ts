import { openDatabase, type Database } from '../../src/db/database.ts'
import { createLocalNotices, type Notices } from '../../src/db/notices.ts'
import { createEvents, type EventSettings } from '../../src/events/event-service.ts'
import type { Events } from '../../src/events/events.ts'
import { eventData } from '../../src/http/event-data.ts'
import { createGuardedPost } from '../../src/net/guarded-post.ts'
import { createLog } from '../../src/runtime/log.ts'

export interface MemoryEvents extends Events, AsyncDisposable { readonly db: Database; readonly logged: readonly string[] }

export interface MemoryEventsOptions extends Partial<EventSettings> {
  readonly clock?: () => number
  readonly random?: () => number
  readonly dnsServers?: readonly string[]
  /** How long a webhook's answer is waited for. */
  readonly answerMs?: number
  /** Of a database that outlives it. */
  readonly file?: string
  /** One that is opened and closed elsewhere. */
  readonly on?: { readonly db: Database; readonly notices: Notices }
  /** False: as a process that only records and streams. */
  readonly delivers?: boolean
  /** The clock of the database, by which deliveries are due; `clock` unless one is given. */
  readonly sharedClock?: () => number
}

/** The real events on a database in memory; webhooks reach the addresses in `allow`, and no others on this machine. */
export async function openMemoryEvents({ clock = Date.now, sharedClock = clock, random = () => 0.5, dnsServers = [], answerMs = 15_000, file = ':memory:', on, delivers = true, allow = [], ...settings }: MemoryEventsOptions = {}): Promise<MemoryEvents> {
  const { db, notices } = on ?? { db: await openDatabase({ file }), notices: createLocalNotices() }
  const logged: string[] = []
  const events = createEvents({
    db, notices, clock, random, sharedClock: async () => sharedClock(),
    describe: (happening) => eventData(happening, { publicUrl: 'http://dramatis.test' }),
    post: createGuardedPost({ allow, dnsServers, limits: { headersMs: answerMs } }),
    log: createLog({ destination: { write: (line) => { logged.push(line) } } }),
    settings: { allow, ...settings },
  })
  if (delivers) await events.resume()
  return {
    ...events, db, logged,
    [Symbol.asyncDispose]: async () => {
      await events.drain()
      if (on === undefined) await db.destroy()
    },
  }
}
