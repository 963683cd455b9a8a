import type { Character } from '../domain/character.ts'
import { AppError } from '../domain/errors.ts'
import type { CharacterId } from '../domain/identifier.ts'
import { findCharacter, listUnfinishedOf } from '../db/character-rows.ts'
import type { Database } from '../db/database.ts'
import type { Notices } from '../db/notices.ts'
import { characterOf } from '../db/stored-character.ts'
import { readError } from '../db/stored-error.ts'
import type { Log } from '../runtime/log.ts'
import { notFound } from './read-characters.ts'

interface EndsDeps {
  readonly db: Database
  readonly notices: Pick<Notices, 'hear'>
  readonly log: Log
  /** How soon an end is found that no notice came of. */
  readonly recheckMs?: number
}

const RECHECK_MS = 1500
/** Each is a parameter of a query. */
const AT_ONCE = 500

/**
 * Who waits for the end of a character, which is made in this process or another: its row tells. What the row cannot tell (yet) of one that
 * is made here, they are told directly.
 */
export class CharacterEnds {
  readonly #deps: EndsDeps
  readonly #waiting = new Map<string, PromiseWithResolvers<Character>>()
  /** Under way in this process, with the end that the row does not tell. */
  readonly #here = new Map<string, AppError | null>()
  readonly #unhear: () => void
  readonly #recheck: NodeJS.Timeout
  #onEmpty = (): void => {}
  #isClosed = false

  constructor(deps: EndsDeps) {
    this.#deps = deps
    this.#unhear = deps.notices.hear((notice) => {
      if (notice === 'all') this.lookInBackground([...this.#waiting.keys()])
      else if (this.#waiting.has(notice.objectId)) this.lookInBackground([notice.objectId])
    })
    this.#recheck = setInterval(() => this.lookInBackground([...this.#waiting.keys()]), deps.recheckMs ?? RECHECK_MS).unref()
  }

  /** Its end, from now on; {@link lookInBackground} finds one that was before. Nobody need listen. Rejects with what it failed with, or `shutting_down`. */
  of(id: CharacterId): Promise<Character> {
    const unwritten = this.#here.get(id) ?? (this.#isClosed ? shuttingDown() : null)
    if (unwritten !== null) return unheard(Promise.reject(unwritten))
    const waiting = this.#waiting.get(id) ?? Promise.withResolvers<Character>()
    this.#waiting.set(id, waiting)
    return unheard(waiting.promise)
  }

  /** Tells those who wait for these if they are at their end. */
  lookInBackground(ids: readonly string[]): void {
    // It is looked again, and what keeps the database from answering is told by everything else.
    this.#look(ids).catch((error) => this.#deps.log.warn('characters.look_failed', { error }))
  }

  /** This process works on it. */
  begin(id: CharacterId): void { this.#here.set(id, null) }

  /** It no longer does. */
  finish(id: CharacterId): void { this.#here.delete(id) }

  /** What no row tells: to those who wait now, and who come before this process is done with it. */
  tell(id: CharacterId, error: AppError): void {
    this.#here.set(id, error)
    this.#settle(id, ({ reject }) => reject(error))
  }

  /** Whoever waits for what is not under way here is told that the process ends: for one that has its database to itself. */
  refuseWaiting(): void {
    for (const id of this.#waiting.keys()) if (!this.#here.has(id)) this.#settle(id, ({ reject }) => reject(shuttingDown()))
  }

  /** Resolves when nobody waits any more; whoever still does after `graceMs` is told that the process ends. */
  async drain({ graceMs }: { readonly graceMs: number }): Promise<void> {
    this.#isClosed = true
    const { promise: isEmpty, resolve } = Promise.withResolvers<void>()
    this.#onEmpty = resolve
    const timer = setTimeout(resolve, graceMs)
    if (this.#waiting.size > 0) await isEmpty
    clearTimeout(timer)
    for (const id of this.#waiting.keys()) this.#settle(id, ({ reject }) => reject(shuttingDown()))
    clearInterval(this.#recheck)
    this.#unhear()
  }

  async #look(ids: readonly string[]): Promise<void> {
    for (let at = 0; at < ids.length; at += AT_ONCE) {
      const page = ids.slice(at, at + AT_ONCE)
      const unfinished = await listUnfinishedOf(this.#deps.db, page)
      for (const id of page) if (!unfinished.has(id)) await this.#readEnd(id)
    }
  }

  async #readEnd(id: string): Promise<void> {
    const { db } = this.#deps
    const row = await findCharacter(db, id)
    const shown = row?.same_as ? await findCharacter(db, row.same_as) : row
    this.#settle(id, ({ resolve, reject }) => {
      if (!shown) reject(notFound())
      else if (shown.status === 'failed') reject(readError(shown.error))
      else resolve(characterOf(shown))
    })
  }

  #settle(id: string, tell: (waiting: PromiseWithResolvers<Character>) => void): void {
    const waiting = this.#waiting.get(id)
    if (waiting === undefined) return
    this.#waiting.delete(id)
    tell(waiting)
    if (this.#waiting.size === 0) this.#onEmpty()
  }
}

const shuttingDown = (): AppError => new AppError('shutting_down', { details: { retryAfterSeconds: 5 } })

function unheard<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => {}) // the row tells as well
  return promise
}
