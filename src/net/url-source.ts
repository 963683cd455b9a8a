import { hash } from 'node:crypto'
import { AppError } from '../domain/errors.ts'
import type { ByteRun, ByteSource, ReadOptions } from '../runtime/byte-source.ts'
import { Blocks, endOf, joinBlocks } from './blocks.ts'
import { contentLength, isHolding, readContentRange, receive, type Received } from './content-range.ts'
import { assertRange } from './file-source.ts'
import type { Answer } from './guarded-request.ts'
import { FIRST_READ_BYTES, MOST_CACHED_BYTES, READ_AHEAD_BYTES, type FetchSettings } from './limits.ts'
import { spool } from './spool.ts'
import { Wire } from './wire.ts'

export interface OpenUrlSource {
  readonly settings: FetchSettings
  /** Where a server without ranges is spooled to; it must outlive the source. */
  readonly scratchFolder: string
  /** Ends opening and every read. */
  readonly signal: AbortSignal
}

/**
 * The video at `url`, which {@link parseSourceUrl} has passed, read by range over guarded connections; where the server does not
 * answer ranges, read whole once. Rejects with `url_not_allowed`, `source_*`, or the signal's reason.
 */
export async function openUrlSource(url: URL, options: OpenUrlSource): Promise<ByteSource> {
  const source = new UrlSource(url, options)
  try {
    await source.open()
    return source
  } catch (error) {
    await source[Symbol.asyncDispose]()
    throw error
  }
}

class UrlSource implements ByteSource {
  size = 0
  readonly #wire: Wire
  readonly #scratchFolder: string
  readonly #closing = new AbortController()
  readonly #signal: AbortSignal
  readonly #blocks = new Blocks(MOST_CACHED_BYTES)
  /** Of everything handed out: a later whole answer must be the same version. */
  readonly #handedOut: { readonly start: number; readonly end: number; readonly sha256: string }[] = []
  #etag: string | undefined
  #whole: ByteSource | null = null
  #readAheadBytes: number = READ_AHEAD_BYTES.first
  #lastEnd = 0
  /** Reads take turns: one request at a time. */
  #turn: Promise<unknown> = Promise.resolve()

  constructor(url: URL, { settings, scratchFolder, signal }: OpenUrlSource) {
    this.#wire = new Wire(url, settings)
    this.#scratchFolder = scratchFolder
    this.#signal = AbortSignal.any([this.#closing.signal, signal])
  }

  get bytesRead(): number { return this.#wire.bytesRead }
  get requests(): number { return this.#wire.requests }

  async open(): Promise<void> {
    const signal = this.#signal
    const headers = { range: `bytes=0-${FIRST_READ_BYTES - 1}` }
    const isOpen = await this.#wire.get(headers, { signal, use: (answer) => this.#openFrom(answer) })
    if (!isOpen) await this.#wire.get({}, { signal, use: (answer) => this.#takeWhole(answer) })
  }

  async read(start: number, end: number, { signal, isPlanned = false }: ReadOptions = {}): Promise<ByteRun> {
    assertRange(start, end, this.size)
    const either = signal ? AbortSignal.any([this.#signal, signal]) : this.#signal
    const run = this.#turn.then(() => this.#readNow(start, end, { signal: either, isPlanned }))
    this.#turn = run.catch(() => {}) // whoever waits for the run hears of it
    return await run
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    this.#wire[Symbol.dispose]()
    await this.#turn
    this.#blocks.clear()
    await this.#whole?.[Symbol.asyncDispose]()
  }

  /** False where the server's ranges cannot be used, and it must be asked for the whole. */
  async #openFrom(answer: Answer): Promise<boolean> {
    this.#etag = answer.headers.etag
    if (answer.status === 200) {
      await this.#takeWhole(answer)
      return true
    }
    const { total } = readContentRange(answer)
    if (total === null || !isHolding(answer, { start: 0, end: Math.min(FIRST_READ_BYTES, total) })) return false
    this.size = total
    this.#keep(await receive(answer, { start: 0, end: Math.min(FIRST_READ_BYTES, total) }))
    return true
  }

  async #readNow(start: number, end: number, { signal, isPlanned }: { signal: AbortSignal; isPlanned: boolean }): Promise<ByteRun> {
    signal.throwIfAborted()
    const found: ByteRun[] = []
    for (let at = start; at < end && this.#whole === null;) {
      const block = this.#blocks.at(at) ?? await this.#fetch(at, this.#fetchEnd(at, end, isPlanned), signal)
      if (block === null) break
      found.push(block)
      at = endOf(block)
    }
    if (this.#whole !== null) return await this.#whole.read(start, end, { signal, isPlanned })
    return found.length > 0 ? joinBlocks(found) : { start, bytes: new Uint8Array(0) }
  }

  /** Planned: what is missing, as it is. Otherwise further ahead with every read that goes on where the last one ended. */
  #fetchEnd(start: number, end: number, isPlanned: boolean): number {
    const holeEnd = Math.min(this.#blocks.nextStart(start), this.size)
    if (isPlanned) return Math.min(end, holeEnd)
    const isSequel = start === this.#lastEnd
    this.#readAheadBytes = isSequel ? Math.min(this.#readAheadBytes * 2, READ_AHEAD_BYTES.most) : READ_AHEAD_BYTES.first
    return Math.min(Math.max(end, start + this.#readAheadBytes), holeEnd)
  }

  /** Null where the server turned to answering with the whole, which is then at hand. */
  async #fetch(start: number, end: number, signal: AbortSignal): Promise<ByteRun | null> {
    this.#wire.assertRoomFor(end - start)
    const isStrong = this.#etag?.startsWith('"') // a weak one never matches in If-Range
    const headers = { range: `bytes=${start}-${end - 1}`, ...(isStrong && { 'if-range': this.#etag }) }
    return await this.#wire.get(headers, {
      signal,
      use: async (answer) => {
        this.#assertSameVersion(answer)
        if (answer.status === 200) {
          await this.#takeWhole(answer)
          return null
        }
        if (!isHolding(answer, { start, end })) throw new AppError('source_protocol_error')
        return this.#keep(await receive(answer, { start, end }))
      },
    })
  }

  #keep({ block, sha256 }: Received): ByteRun {
    this.#blocks.add(block)
    this.#lastEnd = endOf(block)
    this.#handedOut.push({ start: block.start, end: endOf(block), sha256 })
    return block
  }

  #assertSameVersion(answer: Answer): void {
    const { etag } = answer.headers
    const total = answer.status === 200 ? contentLength(answer) : readContentRange(answer).total
    const isSameEtag = etag === undefined || this.#etag === undefined || etag === this.#etag
    if (!isSameEtag || (total !== null && total !== this.size)) throw new AppError('source_changed')
  }

  async #takeWhole(answer: Answer): Promise<void> {
    if (answer.status !== 200) throw new AppError('source_protocol_error')
    this.#wire.assertRoomFor(contentLength(answer) ?? 0)
    const whole = await spool(answer.body, this.#scratchFolder)
    if (!await this.#continues(whole)) {
      await whole[Symbol.asyncDispose]()
      throw new AppError('source_changed')
    }
    this.#whole = whole
    this.size = whole.size
    this.#blocks.clear()
  }

  /** Whether `whole` is what was read by ranges so far. */
  async #continues(whole: ByteSource): Promise<boolean> {
    if (this.#handedOut.length > 0 && whole.size !== this.size) return false
    for (const { start, end, sha256 } of this.#handedOut) {
      const { bytes } = await whole.read(start, end, { isPlanned: true })
      if (hash('sha256', bytes) !== sha256) return false
    }
    return true
  }
}
