import { listUnfinished, UNFINISHED, type UnfinishedRow } from '../db/character-rows.ts'
import { claimChore } from '../db/chore-rows.ts'
import type { Database } from '../db/database.ts'
import type { JobQueue } from '../jobs/job-queue.ts'
import { ORPHAN_MS } from '../objects/collect-folders.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { BackgroundWork } from '../runtime/background-work.ts'
import type { Log } from '../runtime/log.ts'
import { collectOrphans } from './collect-orphans.ts'
import { purgeExpired } from './remove-characters.ts'

interface HouseDeps {
  readonly db: Database
  readonly objects: ObjectStore
  readonly queue: Pick<JobQueue, 'reclaim'>
  readonly log: Log
  readonly clock: () => number
  /** No other process works on this database. */
  readonly isAlone: boolean
}

const HOUR_MS = 3_600_000
const RECLAIM_EVERY_MS = 30_000
const CHORES_EVERY_MS = 600_000
const AT_ONCE = 500
/** What was accepted later is on its way into the queue. */
const SETTLED_MS = 10_000

/** What has to be seen to again and again: that whatever is under way is in the queue, and that nothing is kept that nobody needs. */
export class Housekeeping {
  readonly #deps: HouseDeps
  readonly #startedAtMs: number
  readonly #work: BackgroundWork

  constructor(deps: HouseDeps) {
    this.#deps = deps
    this.#startedAtMs = deps.clock()
    this.#work = new BackgroundWork((error) => deps.log.warn('characters.upkeep_failed', { error }))
  }

  /** Resolves when whatever was under way is in the queue; the rest goes on in the background. */
  async start(): Promise<void> {
    const { isAlone, clock } = this.#deps
    await this.#reclaim(Infinity)
    this.#work.every(RECLAIM_EVERY_MS, () => this.#reclaim(clock() - SETTLED_MS))
    this.#work.every(CHORES_EVERY_MS, () => this.#doChores())
    // Whatever a process before this one was about to store is nobody's, if there was none beside it.
    this.#work.run(isAlone ? async () => { await this.#collect(this.#startedAtMs); await this.#doChores() } : () => this.#doChores())
  }

  stop(): Promise<void> { return this.#work.stop() }

  async #reclaim(beforeMs: number): Promise<void> {
    const { db, queue } = this.#deps
    for (const status of UNFINISHED) {
      let page: readonly UnfinishedRow[] = []
      do {
        page = await listUnfinished(db, status, { after: page.at(-1)?.id ?? '', limit: AT_ONCE })
        const settled = page.filter((row) => row.created_at < beforeMs)
        await queue.reclaim(settled.map(({ id, account, trace_id }) => ({ id, account, traceId: trace_id })))
      } while (page.length === AT_ONCE)
    }
  }

  async #doChores(): Promise<void> {
    const { db, objects, clock } = this.#deps
    const { signal } = this.#work
    if (await claimChore(db, 'characters.purge', HOUR_MS)) await purgeExpired({ db, objects }, { nowMs: clock(), signal })
    if (await claimChore(db, 'characters.orphans', HOUR_MS)) await this.#collect(clock() - ORPHAN_MS)
  }

  async #collect(beforeMs: number): Promise<void> {
    const folders = await collectOrphans(this.#deps, { beforeMs, signal: this.#work.signal })
    if (folders > 0) this.#deps.log.info('characters.orphans_collected', { folders })
  }
}
