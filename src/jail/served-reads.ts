import type { FromLens, FromService } from '../lens/protocol.ts'
import type { ByteRun, ByteSource } from '../runtime/byte-source.ts'
import { LensDied } from './lens-died.ts'
import type { LensLimits } from './limits.ts'

type Read = Extract<FromLens, { type: 'read' }>

/** Where the source had more at hand, this much of it is sent along: it saves the lens the next question. */
const MOST_RUN_BYTES = 1024 * 1024

interface ServedReadsOptions {
  readonly limits: LensLimits
  /** Resolves when the pipe has taken it. */
  readonly send: (message: FromService) => Promise<void>
  readonly onChange: () => void
  readonly onFailure: (error: unknown) => void
}

/** Answers what one job's lens asks of its source: ranges inside it, within the job's budget, few at once. */
export class ServedReads {
  readonly #source: ByteSource
  readonly #options: ServedReadsOptions
  readonly #stopped = new AbortController()
  #reads = 0
  #bytes = 0
  #underWay = 0

  constructor(source: ByteSource, options: ServedReadsOptions) {
    this.#source = source
    this.#options = options
  }

  /** Reads that the lens still waits for. */
  get underWay(): number { return this.#underWay }

  serve(read: Read): void {
    const wrong = this.#whatIsWrongWith(read)
    if (wrong !== null) return this.#options.onFailure(new LensDied(wrong))
    this.#reads++
    this.#change(1)
    this.#answer(read).catch((error: unknown) => this.#options.onFailure(error)).finally(() => this.#change(-1))
  }

  stop(): void { this.#stopped.abort() }

  async #answer({ id, start, end, isPlanned }: Read): Promise<void> {
    const whole = await this.#source.read(start, end, { isPlanned, signal: this.#stopped.signal })
    const run = whole.bytes.length > Math.max(MOST_RUN_BYTES, end - start) ? trim(whole, start, Math.max(end, start + MOST_RUN_BYTES)) : whole
    this.#bytes += run.bytes.length
    await this.#options.send({ type: 'bytes', id, start: run.start, bytes: run.bytes })
  }

  #whatIsWrongWith({ start, end }: Read): string | null {
    const { reads, readBytes, readsAtOnce } = this.#options.limits
    if (start >= end || end > this.#source.size) return `asked for [${start}, ${end}) of ${this.#source.size} bytes`
    if (this.#bytes + end - start > readBytes) return `asked for more than ${readBytes} bytes`
    if (this.#reads >= reads) return `asked more than ${reads} times`
    if (this.#underWay >= readsAtOnce) return `asked ${readsAtOnce} times at once`
    return null
  }

  #change(by: number): void {
    this.#underWay += by
    this.#options.onChange()
  }
}

const trim = (run: ByteRun, start: number, end: number): ByteRun => ({ start, bytes: run.bytes.subarray(start - run.start, end - run.start) })
