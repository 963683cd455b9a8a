import { setTimeout as sleep } from 'node:timers/promises'
import type { Notices } from './notices.ts'

/** What is told of one object, from when it was made. */
export interface Changes extends Disposable {
  /** Resolves when something may have changed since it resolved last, or was made; after `mostMs` at the latest. Rejects with the signal's reason. */
  next(options: { readonly mostMs: number; readonly signal: AbortSignal }): Promise<void>
}

/** For who looks at a row again and again until it is as awaited: without this it would be seldom, or dear. */
export function hearOf(notices: Pick<Notices, 'hear'>, objectId: string): Changes {
  let heard = Promise.withResolvers<void>()
  const stopHearing = notices.hear((notice) => { if (notice === 'all' || notice.objectId === objectId) heard.resolve() })
  return {
    next: async ({ mostMs, signal }) => {
      const over = new AbortController()
      try {
        await Promise.race([heard.promise, sleep(mostMs, undefined, { signal: AbortSignal.any([signal, over.signal]) })])
      } catch (error) {
        signal.throwIfAborted()
        throw error
      } finally {
        over.abort()
        heard = Promise.withResolvers()
      }
    },
    [Symbol.dispose]: stopHearing,
  }
}
