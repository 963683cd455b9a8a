/** A run of bytes that starts at `start`. */
export interface ByteRun { readonly start: number; readonly bytes: Uint8Array }

export interface ReadOptions {
  readonly signal?: AbortSignal
  /** The caller knows exactly what it needs: fetch this range as it is, without reading ahead. */
  readonly isPlanned?: boolean
}

/** The bytes of one video, read by range; the size is known from the start and every answer is of one version. */
export interface ByteSource extends AsyncDisposable {
  readonly size: number
  /** Bytes taken from the network or disk so far, and in how many requests. */
  readonly bytesRead: number
  readonly requests: number
  /**
   * A run that covers at least `[start, end)`: it may begin earlier and end later where more was at hand.
   * Rejects with an AppError `source_*`; a range outside the source is a `RangeError`.
   */
  read(start: number, end: number, options?: ReadOptions): Promise<ByteRun>
}
