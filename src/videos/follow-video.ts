import { setTimeout as sleep } from 'node:timers/promises'
import type { BackendStatus } from '../backends/backend.ts'
import { AppError } from '../domain/errors.ts'
import { askBackend, isUnavailable } from './ask-backend.ts'
import type { VideoLimits } from './settings.ts'
import type { Running } from './submit-video.ts'

export type Finished = Extract<BackendStatus, { at: 'done' }>

interface Following {
  readonly signal: AbortSignal
  readonly limits: Pick<VideoLimits, 'askMs' | 'mostPollMs' | 'outOfReachMs'>
  readonly onProgress: (percent: number) => Promise<void>
}

/** Each wait is longer by this: so the whole is told late by a tenth of its time at most, and long videos are asked after seldom. */
const SLOWER = 1.1
/** How often a backend may forget a video, and is given it again. */
const MOST_SUBMISSIONS = 2

/** Asks until the video is done, or null when the backend knows nothing of it. Rejects with the error it failed with, or `backend_unavailable` once it was out of reach for too long. */
export async function followVideo({ route: { backend }, operation }: Running, { signal, limits, onProgress }: Following): Promise<Finished | null> {
  let heardAtMs = performance.now()
  for (let waitMs = backend.pollMs; ; waitMs = Math.min(waitMs * SLOWER, Math.max(limits.mostPollMs, backend.pollMs))) {
    const status = await askBackend((waiting) => backend.status(operation, waiting), { signal, mostMs: limits.askMs }).catch((error) => {
      if (!isUnavailable(error) || performance.now() - heardAtMs > limits.outOfReachMs) throw error
      return null
    })
    if (status !== null) heardAtMs = performance.now()
    switch (status?.at) {
      case 'done': return status
      case 'failed': throw status.error
      case 'lost': return null
      case 'running': if (status.progress !== null) await onProgress(status.progress)
    }
    await sleep(waitMs, undefined, { signal })
  }
}

interface Ways { readonly follow: (running: Running) => Promise<Finished | null>; readonly send: () => Promise<Running> }

/** Follows a video to its end; one that its backend forgot is sent once more. Rejects with `backend_lost`. */
export async function followToEnd(first: Running, { follow, send }: Ways): Promise<{ readonly running: Running; readonly finished: Finished }> {
  for (let running = first; ; running = await send()) {
    const finished = await follow(running)
    if (finished !== null) return { running, finished }
    if (running.submissions >= MOST_SUBMISSIONS) throw new AppError('backend_lost')
  }
}
