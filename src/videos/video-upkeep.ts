import { claimChore } from '../db/chore-rows.ts'
import type { Database } from '../db/database.ts'
import { listUnfinishedVideos, videosAlive, type UnfinishedVideo } from '../db/video-rows.ts'
import { madeAtMs } from '../domain/identifier.ts'
import type { JobQueue } from '../jobs/job-queue.ts'
import type { ObjectStore } from '../objects/object-store.ts'
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
/** What is stored before its row has an id by the clock of another machine, which may be hours off: what is younger may be on its way. */
const ORPHAN_MS = 24 * HOUR_MS
const RECLAIM_EVERY_MS = 30_000
const COLLECT_EVERY_MS = 600_000
/** Of what a query takes, each id being a parameter. */
const AT_ONCE = 500
/** What was accepted later is on its way into the queue. */
const SETTLED_MS = 10_000

/** Sees to it again and again that whatever is under way is in the queue, and that no objects are kept that nobody needs. */
export class VideoUpkeep {
  readonly #deps: UpkeepDeps
  readonly #over = new AbortController()
  readonly #startedAtMs: number
  readonly #timers: NodeJS.Timeout[] = []
  #going: Promise<void> = Promise.resolve()

  constructor(deps: UpkeepDeps) {
    this.#deps = deps
    this.#startedAtMs = deps.clock()
  }

  /** Resolves when whatever was under way is in the queue; the rest goes on in the background. */
  async start(): Promise<void> {
    const { isAlone, clock } = { ...this.#deps, ...this.#deps.settings }
    await this.#reclaim(Infinity)
    this.#every(RECLAIM_EVERY_MS, () => this.#reclaim(clock() - SETTLED_MS))
    this.#every(COLLECT_EVERY_MS, () => this.#collectHourly())
    // Whatever a process before this one was about to store is nobody's, if there was none beside it.
    this.#inBackground(() => (isAlone ? this.#collect(this.#startedAtMs) : this.#collectHourly()))
  }

  async stop(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    this.#over.abort()
    await this.#going
  }

  #every(ms: number, work: () => Promise<void>): void {
    this.#timers.push(setInterval(() => this.#inBackground(work), ms).unref())
  }

  /** One behind the other. What fails is tried again the next time. */
  #inBackground(work: () => Promise<void>): void {
    this.#going = this.#going.then(async () => {
      if (!this.#over.signal.aborted) await work()
    }).catch((error) => { if (!this.#over.signal.aborted) this.#deps.log.warn('videos.upkeep_failed', { error }) })
  }

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

  /** Only folders of ids that are older: pictures come before their row. */
  async #collect(beforeMs: number): Promise<void> {
    const { objects, log } = this.#deps
    let collected = 0
    for await (const page of objects.listFolders()) {
      const folders = page.map((name) => ({ name, owner: ownerOf(name) })).flatMap(({ name, owner }) => (owner === null ? [] : [{ name, ...owner }]))
      const old = folders.filter(({ id }) => madeAtMs(id) < beforeMs)
      for (let at = 0; at < old.length; at += AT_ONCE) collected += await this.#collectSome(old.slice(at, at + AT_ONCE))
    }
    if (collected > 0) log.info('videos.orphans_collected', { folders: collected })
  }

  /** A folder that is listed before the rows are and has none is nobody's. */
  async #collectSome(folders: readonly { readonly name: string; readonly id: string; readonly isGiven: boolean }[]): Promise<number> {
    const { db, objects, log } = this.#deps
    this.#over.signal.throwIfAborted()
    const alive = await videosAlive(db, folders.map(({ id }) => id))
    const dead = folders.filter(({ id, isGiven }) => !alive.has(id) || (isGiven && alive.get(id) === 'completed'))
    let collected = 0
    for (const { name } of dead) {
      const isGone = await objects.deleteFolder(name).then(() => true, (error) => log.warn('videos.orphan_kept', { folder: name, error }))
      if (isGone) collected++
    }
    return collected
  }
}
