import type { EventsOf } from '../db/event-rows.ts'
import type { Notice, Notices } from '../db/notices.ts'

/** Somebody who reads along. */
export interface Reader {
  /** To be called before the events are looked up: what was told until now is in what is found. */
  lookUp(): void
  /** Resolves when there may be more: at once where something was told since the last look, else then, or after a while, or with the signal. */
  more(): Promise<void>
  leave(): void
}

interface ReaderOptions extends EventsOf { readonly signal: AbortSignal; readonly onOverrun: () => void }

type Tell = (objectId: string | null) => void

/** A reader further behind than this is not waited for. */
const MOST_BEHIND = 256

/** Wakes those who read along when something was recorded, in whatever process. They look it up themselves. */
export class EventReaders {
  readonly #readers = new Map<string, Set<Tell>>()
  readonly #recheckMs: number
  readonly #unhear: () => void

  /** `recheckMs`: how soon events are seen that no notice came of. */
  constructor({ notices, recheckMs }: { readonly notices: Pick<Notices, 'hear'>; readonly recheckMs: number }) {
    this.#recheckMs = recheckMs
    this.#unhear = notices.hear((notice) => this.#announce(notice))
  }

  get count(): number { return [...this.#readers.values()].reduce((sum, { size }) => sum + size, 0) }

  join({ account, objectId, signal, onOverrun }: ReaderOptions): Reader {
    let unread = 0
    let wake: (() => void) | null = null
    const tell: Tell = (changed) => {
      if (objectId !== null && changed !== null && objectId !== changed) return
      if (++unread > MOST_BEHIND) onOverrun()
      wake?.()
    }
    const readers = this.#readers.get(account) ?? new Set()
    this.#readers.set(account, readers.add(tell))
    const leave = (): void => {
      wake?.()
      readers.delete(tell)
      if (readers.size === 0 && this.#readers.get(account) === readers) this.#readers.delete(account)
    }
    signal.addEventListener('abort', leave, { once: true })
    return {
      lookUp: () => { unread = 0 },
      more: async () => {
        if (unread > 0 || signal.aborted) return
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, this.#recheckMs)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      },
      leave: () => {
        signal.removeEventListener('abort', leave)
        leave()
      },
    }
  }

  /** Nobody is woken any more. */
  close(): void { this.#unhear() }

  #announce(notice: Notice | 'all'): void {
    if (notice === 'all') for (const readers of this.#readers.values()) tellAll(readers, null)
    else tellAll(this.#readers.get(notice.account) ?? [], notice.objectId)
  }
}

function tellAll(readers: Iterable<Tell>, objectId: string | null): void {
  for (const tell of readers) tell(objectId)
}
