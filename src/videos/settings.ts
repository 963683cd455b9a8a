const MiB = 1024 * 1024
const MINUTE_MS = 60_000

/** What bounds the making of a video. */
export interface VideoLimits {
  /** For a backend to take a shot with all its references. */
  readonly submitMs: number
  /** For one question after a status, or for a cancellation. */
  readonly askMs: number
  /** For the finished video to arrive. */
  readonly fetchMs: number
  /** How long a backend may be out of reach while its video is followed. */
  readonly outOfReachMs: number
  /** How often a call is made that could not be answered, before the next backend is tried or the video given up. */
  readonly mostTries: number
  /** How often is tried what our own database or store does not take, before the video is handed back or given up: for a minute. */
  readonly awayTries: number
  /** Before the second try; doubled before each further one. */
  readonly retryMs: number
  /** The longest wait between two questions after a status. */
  readonly mostPollMs: number
  /** How often it is looked whether a character that came along is finished, where no notice says so before. */
  readonly pendingPollMs: number
  /** A lens's own working time on one video. */
  readonly lensMs: number
  readonly outputBytes: number
  /** One picture of the caller's. */
  readonly pictureBytes: number
}

export const VIDEO_LIMITS: VideoLimits = {
  submitMs: 2 * MINUTE_MS, askMs: 30_000, fetchMs: 10 * MINUTE_MS, outOfReachMs: 2 * MINUTE_MS,
  mostTries: 3, awayTries: 7, retryMs: 1000, mostPollMs: 15_000, pendingPollMs: 2000, lensMs: 60_000,
  outputBytes: 512 * MiB, pictureBytes: 20 * MiB,
}

export interface VideoSettings {
  /** No other process works on this database. */
  readonly isAlone: boolean
  /** How long what runs may go on when the service ends; it is taken up by another process, or at the next start. */
  readonly drainMs: number
  readonly limits?: Partial<VideoLimits>
}
