import { setTimeout as sleep } from 'node:timers/promises'
import type { JsonObject } from '../backends/backend.ts'
import type { Backends, Route } from '../backends/backends.ts'
import type { VideoRow } from '../db/video-rows.ts'
import type { Log } from '../runtime/log.ts'
import { askBackend } from './ask-backend.ts'
import type { VideoLimits } from './settings.ts'
import { runningOf } from './submit-video.ts'

interface ReleaseDeps { readonly backends: Backends; readonly limits: Pick<VideoLimits, 'askMs'>; readonly log: Log }

/** Lets backends forget what nobody needs any more: best effort, in the background. */
export class BackendReleases {
  readonly #deps: ReleaseDeps
  readonly #going = new Set<Promise<void>>()

  constructor(deps: ReleaseDeps) { this.#deps = deps }

  release({ backend }: Route, operation: JsonObject): void {
    const { log, limits } = this.#deps
    const release = askBackend((waiting) => backend.cancel(operation, waiting), { signal: new AbortController().signal, mostMs: limits.askMs })
      .catch((error) => log.warn('video.not_released', { backend: backend.name, error }))
      .finally(() => this.#going.delete(release))
    this.#going.add(release)
  }

  /** What a row says is at a backend. */
  releaseOf(row: VideoRow): void {
    const { backends } = this.#deps
    if (row.operation === null || backends.find(row.backend, row.model) === null) return // where it is not in the settings any more there is nobody to tell
    const running = runningOf(row, backends)
    if (running) this.release(running.route, running.operation)
  }

  /** They are told, for so long at most. */
  async settle(mostMs: number): Promise<void> {
    await Promise.race([Promise.all(this.#going), sleep(mostMs, undefined, { ref: false })])
  }
}
