import { claimChore } from '../db/chore-rows.ts'
import type { Database } from '../db/database.ts'
import { listUnfinishedVideos, videosAlive, type UnfinishedVideo } from '../db/video-rows.ts'
import type { JobQueue } from '../jobs/job-queue.ts'
import { collectFolders, ORPHAN_MS } from '../objects/collect-folders.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { BackgroundWork } from '../runtime/background-work.ts'
import type { Log } from '../runtime/log.ts'
import { ownerOf } from './video-files.ts'

interface UpkeepDeps {
  readonly db: Database
  readonly objects: Pick<ObjectStore, 'listFolders' | 'deleteFolder'>
  readonly queue: Pick<JobQueue, 'reclaim'>
  readonly log: Log
  readonly clock: () => number
  readonly settings: { readonly isAlone: boolean }
}

const HOUR_MS = 3_600_000
const RECLAIM_EVERY_MS = 30_000
const COLLECT_EVERY_MS = 600_000
const AT_ONCE = 500
/** What was accepted later is on its way into the queue. */
const SETTLED_MS = 10_000

/** Sees to it again and again that whatever is under way is in the queue, and that no objects are kept that nobody needs. */
export class VideoUpkeep {
  readonly #deps: UpkeepDeps
  readonly #startedAtMs: number
  readonly #work: BackgroundWork

  constructor(deps: UpkeepDeps) {
    this.#deps = deps
    this.#startedAtMs = deps.clock()
    this.#work = new BackgroundWork((error) => deps.log.warn('videos.upkeep_failed', { error }))
  }

  /** Resolves when whatever was under way is in the queue; the rest goes on in the background. */
  async start(): Promise<void> {
    const { settings: { isAlone }, clock } = this.#deps
    await this.#reclaim(Infinity)
    this.#work.every(RECLAIM_EVERY_MS, () => this.#reclaim(clock() - SETTLED_MS))
    this.#work.every(COLLECT_EVERY_MS, () => this.#collectHourly())
    // Whatever a process before this one was about to store is nobody's, if there was none beside it.
    this.#work.run(() => (isAlone ? this.#collect(this.#startedAtMs) : this.#collectHourly()))
  }

  stop(): Promise<void> { return this.#work.stop() }

  async #reclaim(beforeMs: number): Promise<void> {
    const { db, queue } = this.#deps
    for (let after = '', page: readonly UnfinishedVideo[] | undefined; page === undefined || page.length === AT_ONCE; after = page.at(-1)?.id ?? after) {
      page = await listUnfinishedVideos(db, { after, limit: AT_ONCE })
      const settled = page.filter((row) => row.created_at < beforeMs)
      await queue.reclaim(settled.map(({ id, account, trace_id }) => ({ id, account, traceId: trace_id })))
    }
  }

  async #collectHourly(): Promise<void> {
    const { db, clock } = this.#deps
    if (await claimChore(db, 'videos.orphans', HOUR_MS)) await this.#collect(clock() - ORPHAN_MS)
  }

  async #collect(beforeMs: number): Promise<void> {
    const { db, objects, log } = this.#deps
    const folders = await collectFolders(objects, {
      beforeMs, ownerOf, signal: this.#work.signal,
      statesOf: (ids) => videosAlive(db, ids),
      onKept: (folder, error) => log.warn('videos.orphan_kept', { folder, error }),
    })
    if (folders > 0) log.info('videos.orphans_collected', { folders })
  }
}
