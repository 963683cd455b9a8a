const MiB = 1024 * 1024

export interface LensLimits {
  /** What a lens may really allocate, native code included: 1080p and 4K with all models peak at 450 and 670 MB. */
  readonly dataBytes: number
  /** V8's own part of that. */
  readonly heapMiB: number
  /** Over all threads. 20 s of animatic in 1080p take 15; what reads videos is held by {@link workMs}. */
  readonly cpuSeconds: number
  readonly fileBytes: number
  readonly openFiles: number
  /** From the start of the process until its models are loaded. */
  readonly startMs: number
  /**
   * The lens's own working time in one job; waiting for the source does not count, the source has its own deadlines. By the clock, so it leaves room for a lens that steps back on
   * a machine that is full: at five to nine times the load of its processors a short clip needed more than 15 s.
   */
  readonly workMs: number
  /** What one job may read of its source. */
  readonly readBytes: number
  readonly reads: number
  readonly readsAtOnce: number
}

export const LENS_LIMITS: LensLimits = {
  dataBytes: 1536 * MiB, heapMiB: 256, cpuSeconds: 60, fileBytes: 64 * MiB, openFiles: 64,
  startMs: 20_000, workMs: 30_000,
  // Twice the media and tables a window may take, and as many blocks of a stream as that is.
  readBytes: 256 * MiB, reads: 10_000, readsAtOnce: 16,
}
