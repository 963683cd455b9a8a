import { EventEmitter } from 'node:events'
import type { Database } from './database.ts'

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
  const emitter = new EventEmitter().setMaxListeners(0)
  return {
    tell: async (_trx, notice) => { emitter.emit('notice', notice) },
    hear: (listener) => {
      emitter.on('notice', listener)
      return () => emitter.off('notice', listener)
    },
    [Symbol.asyncDispose]: async () => { emitter.removeAllListeners() },
  }
}
