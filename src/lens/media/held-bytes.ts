import type { ByteRun, ByteSource } from '../../runtime/byte-source.ts'
import { BUDGET, tooLarge } from './budget.ts'

/** Small reads of a stream become one of this size. */
const BLOCK_BYTES = 64 * 1024
/** Planned pieces with at most this between them are one request. */
const SMALL_GAP_BYTES = 64 * 1024
/** Tables, packets and what a stream without an index makes us read on the way to them. */
const MOST_HELD_BYTES = 2 * BUDGET.bytes

export interface ByteRange { readonly start: number; readonly end: number }

export class NotFetchedYet extends Error {
  override readonly name = 'NotFetchedYet'
}

/** The bytes of a source that were asked for so far, kept as long as the job. */
export class HeldBytes {
  readonly size: number
  readonly #source: ByteSource
  readonly #signal: AbortSignal | undefined
  readonly #runs: ByteRun[] = []
  #held = 0
  #refused: ByteRange[] | null = null

  constructor(source: ByteSource, signal?: AbortSignal) {
    this.#source = source
    this.#signal = signal
    this.size = source.size
  }

  async read(start: number, end: number): Promise<Uint8Array> {
    for (let gap = this.#firstGap(start, end); gap !== null; gap = this.#firstGap(start, end)) {
      if (this.#refused) {
        this.#refused.push({ start, end })
        throw new NotFetchedYet()
      }
      const blockEnd = Math.min(this.size, Math.max(end, gap + BLOCK_BYTES))
      // Near the end the block reaches back: that is where an index is read from behind.
      const blockStart = blockEnd === this.size ? Math.min(gap, Math.max(0, this.size - BLOCK_BYTES)) : gap
      await this.#hold(blockStart, blockEnd, false)
    }
    return this.#copy(start, end)
  }

  /** Exactly these ranges, joined across small gaps, in as few requests as that makes. */
  async fetch(ranges: readonly ByteRange[]): Promise<void> {
    for (const range of joined(ranges)) {
      const start = this.#firstGap(range.start, range.end)
      if (start !== null) await this.#hold(start, range.end, true)
    }
  }

  /** Runs `work` while reads of bytes that are not here fail with {@link NotFetchedYet}; the ranges that were asked for. */
  async refusing(work: () => Promise<void>): Promise<readonly ByteRange[]> {
    const refused: ByteRange[] = []
    this.#refused = refused
    try {
      await work()
    } finally {
      this.#refused = null
    }
    return refused
  }

  async #hold(start: number, end: number, isPlanned: boolean): Promise<void> {
    this.#signal?.throwIfAborted()
    if (this.#held + end - start > MOST_HELD_BYTES) throw tooLarge('bytes', this.#held + end - start, MOST_HELD_BYTES)
    const run = await this.#source.read(start, end, { isPlanned, ...(this.#signal && { signal: this.#signal }) })
    this.#runs.push(run)
    this.#held += run.bytes.length
  }

  #firstGap(start: number, end: number): number | null {
    for (let at = start; ;) {
      const holder = this.#runs.findLast((run) => run.start <= at && at < run.start + run.bytes.length)
      if (!holder) return at
      at = holder.start + holder.bytes.length
      if (at >= end) return null
    }
  }

  #copy(start: number, end: number): Uint8Array {
    const whole = this.#runs.findLast((run) => run.start <= start && end <= run.start + run.bytes.length)
    if (whole) return whole.bytes.subarray(start - whole.start, end - whole.start)
    const out = new Uint8Array(end - start)
    for (const run of this.#runs) {
      const from = Math.max(start, run.start)
      const to = Math.min(end, run.start + run.bytes.length)
      if (from < to) out.set(run.bytes.subarray(from - run.start, to - run.start), from - start)
    }
    return out
  }
}

function joined(ranges: readonly ByteRange[]): readonly ByteRange[] {
  const spans: { start: number; end: number }[] = []
  for (const { start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = spans.at(-1)
    if (last && start - last.end <= SMALL_GAP_BYTES) last.end = Math.max(last.end, end)
    else spans.push({ start, end })
  }
  return spans
}
