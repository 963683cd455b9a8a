import { AppError } from '../domain/errors.ts'
import { createConnector, type Connector } from './connector.ts'
import { startDeadline } from './deadline.ts'
import { guardedGet, type Answer } from './guarded-request.ts'
import { FETCH_LIMITS, type FetchLimits, type FetchSettings } from './limits.ts'

/** All traffic for one source: its connections, and its bounds in bytes and in time spent waiting. */
export class Wire implements Disposable {
  requests = 0
  bytesRead = 0
  #url: URL
  #waitedMs = 0
  readonly #settings: FetchSettings
  readonly #limits: FetchLimits
  readonly #connector: Connector

  constructor(url: URL, settings: FetchSettings) {
    this.#url = url
    this.#settings = settings
    this.#limits = { ...FETCH_LIMITS, ...settings.limits }
    this.#connector = createConnector(settings, this.#limits)
  }

  /** One GET; what `use` has not read of the answer when it settles is dropped. Later ones start where redirects led to. */
  async get<T>(headers: Readonly<Record<string, string>>, { signal, use }: { signal: AbortSignal; use: (answer: Answer) => Promise<T> }): Promise<T> {
    const started = performance.now()
    using deadline = startDeadline(this.#limits.totalMs - this.#waitedMs, () => new AppError('source_timeout'), [signal])
    try {
      using answer = await guardedGet(this.#url, {
        connector: this.#connector, allow: this.#settings.allow, limits: this.#limits, headers, signal: deadline.signal,
        onRequest: () => { this.requests++ },
      })
      this.#url = answer.url
      return await use({ ...answer, body: this.#counted(answer.body) })
    } finally {
      this.#waitedMs += performance.now() - started
    }
  }

  /** Throws `source_too_large` before bytes are asked for that would not be taken. */
  assertRoomFor(bytes: number): void {
    const { maxBytes } = this.#settings
    if (this.bytesRead + bytes > maxBytes) throw new AppError('source_too_large', { details: { max_bytes: maxBytes } })
  }

  async *#counted(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      this.bytesRead += chunk.length
      this.assertRoomFor(0)
      yield chunk
    }
  }

  [Symbol.dispose](): void {
    this.#connector[Symbol.dispose]()
  }
}
