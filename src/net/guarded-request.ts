import { request as requestHttp, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { AppError } from '../domain/errors.ts'
import type { Connector } from './connector.ts'
import { MOST_HEADER_BYTES, MOST_HEADERS, MOST_INFORMATION, MOST_REDIRECTS, type FetchLimits } from './limits.ts'
import { parseSourceUrl } from './source-url.ts'

/** What a server answered after its redirects: 200, 206 or 416. Disposed, its connection is closed unless the body was read to its end. */
export interface Answer extends Disposable {
  readonly url: URL
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** To be read once. Rejects with an AppError `source_*`, or the signal's reason. */
  readonly body: AsyncIterable<Uint8Array>
}

export interface GuardedGet {
  readonly connector: Connector
  readonly allow: readonly string[]
  readonly limits: FetchLimits
  /** `Range`, `If-Range`. */
  readonly headers: Readonly<Record<string, string>>
  readonly signal: AbortSignal
  /** Called for each request that is sent, redirects included. */
  readonly onRequest: () => void
}

const HEADERS = { 'user-agent': 'Dramatis/0.1', accept: '*/*', 'accept-encoding': 'identity' } as const
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308])
const ANSWERS: ReadonlySet<number> = new Set([200, 206, 416])

/**
 * One GET of a stranger's `url`, each redirect judged like the first address. Rejects with `url_not_allowed` or `source_*`;
 * nothing the server wrote is part of an error but its status.
 */
export async function guardedGet(url: URL, options: GuardedGet): Promise<Answer> {
  let target = url
  for (let hops = 0; hops <= MOST_REDIRECTS; hops++) {
    const answer = await askOnce(target, options)
    if (!REDIRECTS.has(answer.status)) return accepted(answer)
    answer[Symbol.dispose]()
    target = redirectTarget(answer, options.allow)
  }
  throw new AppError('source_redirect')
}

function accepted(answer: Answer): Answer {
  const encoding = answer.headers['content-encoding'] || 'identity'
  const isStatusKnown = ANSWERS.has(answer.status)
  if (isStatusKnown && encoding === 'identity') return answer
  answer[Symbol.dispose]()
  throw isStatusKnown ? new AppError('source_protocol_error') : new AppError('source_http_error', { details: { status: answer.status } })
}

function redirectTarget({ url, headers }: Answer, allow: readonly string[]): URL {
  if (!headers.location) throw new AppError('source_redirect')
  // Servers send UTF-8 where the standard wants percent signs; Node reads header bytes as Latin-1.
  const target = URL.parse(Buffer.from(headers.location, 'latin1').toString('utf8'), url)
  if (target === null) throw new AppError('source_redirect')
  try {
    return parseSourceUrl(target.href, allow)
  } catch (error) {
    // What would be the caller's mistake is the server's here.
    throw error instanceof AppError && error.code === 'invalid_url' ? new AppError('source_redirect') : error
  }
}

/** A kept connection may have been closed by the server just before it was used again: then, and only then, once more on a new one. */
async function askOnce(url: URL, options: GuardedGet): Promise<Answer> {
  return await new Exchange(url, options).answer.catch((error: unknown) => {
    if (error instanceof StaleConnection) return new Exchange(url, options).answer
    throw error
  })
}

class StaleConnection extends Error {}

/** One request and its answer. The first thing that goes wrong ends both, whoever reports it. */
class Exchange {
  readonly answer: Promise<Answer>
  readonly #options: GuardedGet
  readonly #request: ClientRequest
  readonly #answered = Promise.withResolvers<Answer>()
  #failure: unknown = null
  #response: IncomingMessage | null = null
  #headerTimer: NodeJS.Timeout | undefined
  #informationCount = 0

  constructor(url: URL, options: GuardedGet) {
    this.answer = this.#answered.promise
    this.#options = options
    const { connector, headers, onRequest } = options
    const [send, agent] = url.protocol === 'https:' ? [requestHttps, connector.https] : [requestHttp, connector.http]
    this.#request = send(url, { agent, headers: { ...HEADERS, ...headers }, maxHeaderSize: MOST_HEADER_BYTES })
    this.#request.maxHeadersCount = 0 // none dropped: they are counted
    onRequest()
    this.#listen(url)
    this.#request.end()
  }

  #listen(url: URL): void {
    const { signal, limits } = this.#options
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
    const meter = startMeter(this.#options.limits, () => this.#fail(new AppError('source_timeout')))
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
