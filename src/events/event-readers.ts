import type { EventsOf } from '../db/event-rows.ts'

/** Somebody who reads along. */
export interface Reader {
  /** To be called before the events are looked up: what was announced until now is in what is found. */
  lookUp(): void
  /** Resolves when there may be more: at once where something was announced since the last look, else then, or after a while, or with the signal. */
  more(): Promise<void>
  leave(): void
}

interface ReaderOptions extends EventsOf { readonly signal: AbortSignal; readonly onOverrun: () => void }

/** A reader further behind than this is not waited for. */
const MOST_BEHIND = 256

/** Tells those who read along that something was recorded. They look it up themselves, so telling them before it is committed does no harm. */
export class EventReaders {
  readonly #readers = new Map<string, Set<(objectId: string) => void>>()
  readonly #recheckMs: number

  /** `recheckMs`: how soon events of other processes are seen. */
  constructor({ recheckMs }: { readonly recheckMs: number }) { this.#recheckMs = recheckMs }

  announce({ account, objectId }: { readonly account: string; readonly objectId: string }): void {
    for (const tell of this.#readers.get(account) ?? []) tell(objectId)
  }

  join({ account, objectId, signal, onOverrun }: ReaderOptions): Reader {
    let unread = 0
    let wake: (() => void) | null = null
    const tell = (changed: string): void => {
      if (objectId !== null && objectId !== changed) return
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
}
