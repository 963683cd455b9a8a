import { sql } from 'kysely'
import type { Database } from '../db/database.ts'
import type { Readiness } from '../http/deps.ts'
import type { Lenses } from '../jail/lenses.ts'
import type { JobQueue } from '../jobs/job-queue.ts'
import { ObjectNotFound, type ObjectStore } from '../objects/object-store.ts'
import type { Config } from './config.ts'

interface ReadinessDeps {
  readonly role: Config['ROLE']
  readonly db: Database
  readonly objects: Pick<ObjectStore, 'get'>
  readonly queue: JobQueue
  /** Null where this process has none. */
  readonly lenses: Lenses | null
}

const LOOK_EVERY_MS = 10_000
/** No object has this key. */
const NOWHERE = 'nobody/nothing'

/** Whether this process can work, and what it has to say of itself. Without the database it cannot; without the objects it can still tell what it knows. */
export function watchReadiness({ role, db, objects, queue, lenses }: ReadinessDeps): { ask(): Promise<Readiness> } & Disposable {
  let areObjectsThere = true // they were tried at start
  const look = setInterval(async () => { areObjectsThere = await canReach(objects) }, LOOK_EVERY_MS).unref()
  return {
    ask: async () => {
      const [isDatabaseThere, figures] = await Promise.all([
        sql`select 1`.execute(db).then(() => true, () => false),
        queue.figures().catch(() => null), // as little as the database
      ])
      return {
        isReady: isDatabaseThere,
        facts: {
          role, database: isDatabaseThere, objects: areObjectsThere,
          ...(lenses && { jail: lenses.jail.kind, jail_summary: lenses.jail.summary, lenses_idle: lenses.stats.idle }),
          ...(figures && { queue_waiting: figures.waiting, queue_running: figures.running }),
        },
      }
    },
    [Symbol.dispose]: () => clearInterval(look),
  }
}

const canReach = ({ get }: Pick<ObjectStore, 'get'>): Promise<boolean> => get(NOWHERE).then(() => true, (error) => error instanceof ObjectNotFound)
