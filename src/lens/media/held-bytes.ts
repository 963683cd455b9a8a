import type { ByteRun, ByteSource } from '../../runtime/byte-source.ts'
import { BUDGET, tooLarge } from './budget.ts'

/** Small reads of a stream become one of this size. */
const BLOCK_BYTES = 64 * 1024
/**
 * Planned pieces become few requests: the smallest gaps are read along until so many requests are left, where a gap costs no more than
 * another request would; then as long as all that is read along stays below this share of all that is read.
 */
const JOINING = { mostRequests: 2, gapBytes: 512 * 1024, wastedShare: 0.05 } as const
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
    for (let missing = this.#missing(start, end); missing; missing = this.#missing(start, end)) {
      if (this.#refused) {
        this.#refused.push({ start, end })
        throw new NotFetchedYet()
      }
      await this.#hold(this.#blockAround(missing), false)
    }
    return this.#copy(start, end)
  }

  /** Exactly these ranges, joined across small gaps, in as few requests as that makes. */
  async fetch(ranges: readonly ByteRange[]): Promise<void> {
    for (const range of joined(ranges, this.#held)) {
      const missing = this.#missing(range.start, range.end)
      if (missing) await this.#hold(missing, true)
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

  async #hold({ start, end }: ByteRange, isPlanned: boolean): Promise<void> {
    this.#signal?.throwIfAborted()
    if (this.#held + end - start > MOST_HELD_BYTES) throw tooLarge('bytes', this.#held + end - start, MOST_HELD_BYTES)
    const run = await this.#source.read(start, end, { isPlanned, ...(this.#signal && { signal: this.#signal }) })
    this.#runs.push(run)
    this.#held += run.bytes.length
  }

  #blockAround({ start, end }: ByteRange): ByteRange {
    const blockEnd = Math.min(this.size, Math.max(end, start + BLOCK_BYTES))
    // Near the end the block reaches back: that is where an index is read from behind.
    const blockStart = blockEnd === this.size ? Math.min(start, Math.max(0, this.size - BLOCK_BYTES)) : start
    return this.#missing(blockStart, blockEnd) ?? { start, end }
  }

  /** What lies between the first and the last byte of a range that are not here. */
  #missing(rangeStart: number, rangeEnd: number): ByteRange | null {
    let [start, end] = [rangeStart, rangeEnd]
    for (let run = this.#holding(start); run && start < end; run = this.#holding(start)) start = endOf(run)
    if (start >= end) return null
    for (let run = this.#holding(end - 1); run; run = this.#holding(end - 1)) end = run.start
    return { start, end }
  }

  #holding(at: number): ByteRun | undefined { return this.#runs.findLast((run) => run.start <= at && at < endOf(run)) }

  #copy(start: number, end: number): Uint8Array {
    const whole = this.#runs.findLast((run) => run.start <= start && end <= endOf(run))
    if (whole) return whole.bytes.subarray(start - whole.start, end - whole.start)
    const out = new Uint8Array(end - start)
    for (const run of this.#runs) {
      const from = Math.max(start, run.start)
      const to = Math.min(end, endOf(run))
      if (from < to) out.set(run.bytes.subarray(from - run.start, to - run.start), from - start)
    }
    return out
  }
}

const endOf = ({ start, bytes }: ByteRun): number => start + bytes.length

function joined(ranges: readonly ByteRange[], held: number): readonly ByteRange[] {
  const spans = joinedOver(ranges, 0)
  const gaps = spans.slice(1).map(({ start }, i) => start - (spans[i]?.end ?? start)).toSorted((a, b) => a - b)
  let affordable = spans.reduce((sum, { start, end }) => sum + end - start, held) * JOINING.wastedShare
  let largest = 0
  for (const [i, gap] of gaps.entries()) {
    affordable -= gap
    const isTooMany = spans.length - i > JOINING.mostRequests && gap <= JOINING.gapBytes
    if (affordable >= 0 || isTooMany) largest = gap
  }
  return joinedOver(spans, largest)
}

function joinedOver(ranges: readonly ByteRange[], most: number): readonly ByteRange[] {
  const spans: { start: number; end: number }[] = []
  for (const { start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
    const last = spans.at(-1)
    if (last && start - last.end <= most) last.end = Math.max(last.end, end)
    else spans.push({ start, end })
  }
  return spans
}
