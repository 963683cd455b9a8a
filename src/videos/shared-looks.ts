import type { VideoId } from '../domain/identifier.ts'
import type { Verification } from '../domain/verification.ts'

interface Look { readonly found: Promise<Verification>; readonly stopping: AbortController; waiting: number }

/** Looks at videos that are going on: whoever asks for the same meanwhile waits for the same one, so that it occupies one lens. */
export class SharedLooks {
  readonly #looks = new Map<VideoId, Look>()

  /** Rejects as `look` does, or with the signal's reason; a look for which nobody waits any more is stopped. */
  async join(id: VideoId, { look, signal }: { readonly look: (signal: AbortSignal) => Promise<Verification>; readonly signal: AbortSignal }): Promise<Verification> {
    signal.throwIfAborted()
    const shared = this.#looks.get(id) ?? this.#start(id, look)
    shared.waiting++
    const { promise: left, reject } = Promise.withResolvers<never>()
    const leave = (): void => reject(signal.reason)
    signal.addEventListener('abort', leave)
    try {
      return await Promise.race([shared.found, left])
    } finally {
      signal.removeEventListener('abort', leave)
      if (--shared.waiting === 0) this.#end(id, shared)
    }
  }

  #start(id: VideoId, look: (signal: AbortSignal) => Promise<Verification>): Look {
    const stopping = new AbortController()
    const started = { found: look(stopping.signal), stopping, waiting: 0 }
    started.found.catch(() => {}) // it is told to those who wait
    this.#looks.set(id, started)
    return started
  }

  #end(id: VideoId, { stopping }: Look): void {
    this.#looks.delete(id)
    stopping.abort()
  }
}
