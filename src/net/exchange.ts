import { request as requestHttp, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { AppError } from '../domain/errors.ts'
import type { Connector } from './connector.ts'
import { MOST_HEADER_BYTES, MOST_HEADERS, MOST_INFORMATION, type FetchLimits } from './limits.ts'

/** What a server answered. Disposed, its connection is closed unless the body was read to its end. */
export interface Answer extends Disposable {
  readonly url: URL
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** To be read once. Rejects with an AppError `source_*`, or the signal's reason. */
  readonly body: AsyncIterable<Uint8Array>
}

/** What a stranger's server is asked, and how long it is listened to. */
export interface Asking {
  readonly connector: Connector
  readonly limits: FetchLimits
  readonly method: 'GET' | 'POST'
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | null
  readonly signal: AbortSignal
  /** Called for each request that is sent. */
  readonly onRequest?: () => void
}

const HEADERS = { 'user-agent': 'Dramatis', accept: '*/*', 'accept-encoding': 'identity' } as const

/**
 * One request and its answer, whatever its status. Rejects with `url_not_allowed` or `source_*`, or the signal's reason.
 * A kept connection may have been closed by the server just before it was used again: then, and only then, once more on a new one.
 */
export async function askOnce(url: URL, asking: Asking): Promise<Answer> {
  return await new Exchange(url, asking).answer.catch((error: unknown) => {
    if (error instanceof StaleConnection) return new Exchange(url, asking).answer
    throw error
  })
}

class StaleConnection extends Error {}

/** One request and its answer. The first thing that goes wrong ends both, whoever reports it. */
class Exchange {
  readonly answer: Promise<Answer>
  readonly #asking: Asking
  readonly #request: ClientRequest
  readonly #answered = Promise.withResolvers<Answer>()
  #failure: unknown = null
  #response: IncomingMessage | null = null
  #headerTimer: NodeJS.Timeout | undefined
  #informationCount = 0

  constructor(url: URL, asking: Asking) {
    this.answer = this.#answered.promise
    this.#asking = asking
    const { connector, method, headers, body, onRequest } = asking
    const [send, agent] = url.protocol === 'https:' ? [requestHttps, connector.https] : [requestHttp, connector.http]
    this.#request = send(url, { agent, method, headers: { ...HEADERS, ...headers }, maxHeaderSize: MOST_HEADER_BYTES })
    this.#request.maxHeadersCount = 0 // none dropped: they are counted
    onRequest?.()
    this.#listen(url)
    this.#request.end(body ?? undefined)
  }

  #listen(url: URL): void {
    const { signal, limits } = this.#asking
    const onAbort = (): void => this.#fail(signal.reason)
    if (signal.aborted) onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    this.#request
      .on('socket', () => { this.#headerTimer = setTimeout(() => this.#fail(new AppError('source_timeout')), limits.headersMs) })
      .on('information', () => { if (++this.#informationCount > MOST_INFORMATION) this.#fail(new AppError('source_protocol_error')) })
      .on('upgrade', () => this.#fail(new AppError('source_protocol_error')))
      .on('response', (response: IncomingMessage) => this.#onResponse(response, url))
      .on('error', (error) => this.#fail(this.#translate(error)))
      .on('close', () => {
        clearTimeout(this.#headerTimer)
        signal.removeEventListener('abort', onAbort)
        if (this.#response === null) this.#fail(new AppError('source_unreachable'))
      })
  }

  #onResponse(response: IncomingMessage, url: URL): void {
    clearTimeout(this.#headerTimer)
    this.#response = response
    response.on('error', (error) => this.#fail(this.#translate(error)))
    if (response.rawHeaders.length > 2 * MOST_HEADERS) this.#fail(new AppError('source_protocol_error'))
    this.#answered.resolve({
      url,
      status: response.statusCode ?? 0,
      headers: response.headers,
      body: this.#body(response),
      [Symbol.dispose]: () => { if (!response.readableEnded) this.#request.destroy() },
    })
  }

  async *#body(response: IncomingMessage): AsyncGenerator<Uint8Array> {
    const meter = startMeter(this.#asking.limits, () => this.#fail(new AppError('source_timeout')))
    try {
      for await (const chunk of response as AsyncIterable<Uint8Array>) {
        meter.count(chunk.length)
        yield chunk
      }
    } catch (error) {
      throw this.#failure ?? error
    } finally {
      meter[Symbol.dispose]()
    }
    if (this.#failure !== null) throw this.#failure
  }

  #fail(failure: unknown): void {
    this.#failure ??= failure
    this.#answered.reject(this.#failure)
    this.#request.destroy()
  }

  /** By code: `HPE_` is Node's parser. An answer that breaks off is incomplete; without an answer nobody was reached. */
  #translate(error: Error): Error {
    if (error instanceof AppError) return error
    const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
    if (code.startsWith('HPE_')) return new AppError('source_protocol_error', { cause: error })
    if (this.#response !== null) return new AppError('source_incomplete', { cause: error })
    if (this.#request.reusedSocket && code === 'ECONNRESET') return new StaleConnection()
    return new AppError('source_unreachable', { cause: error })
  }
}

interface Meter extends Disposable { count(bytes: number): void }

/** Watches a body over the last `slowMs`, in fifths. */
function startMeter({ slowMs, leastBytesPerSecond }: FetchLimits, onSlow: () => void): Meter {
  const least = (leastBytesPerSecond * slowMs) / 1000
  const samples = [0]
  let received = 0
  const timer = setInterval(() => {
    samples.push(received)
    if (samples.length > 5 && received - (samples.shift() ?? 0) < least) onSlow()
  }, slowMs / 5)
  return { count: (bytes) => { received += bytes }, [Symbol.dispose]: () => clearInterval(timer) }
}
