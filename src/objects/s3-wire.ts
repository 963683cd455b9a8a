import { createHash } from 'node:crypto'
import { Agent as HttpAgent, request as requestHttp, type IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { ReadableStream } from 'node:stream/web'
import { setTimeout as sleep } from 'node:timers/promises'
import { unlessAborted } from '../runtime/unless-aborted.ts'

export interface S3Limits {
  /** Until there is a connection. */
  readonly connectMs: number
  /** Without a byte in either direction. */
  readonly idleMs: number
  /** For one exchange, and its bytes at the least speed on top of it. */
  readonly exchangeMs: number
  readonly leastBytesPerSecond: number
  /** For whoever reads an object to ask for more of it; its connection is held for as long. */
  readonly readerMs: number
  readonly tries: number
  /** Before the second try, more or less by half; twice as long before each one after it. */
  readonly pauseMs: number
  /** No further try begins later than this after the first. */
  readonly retryWithinMs: number
}

export const S3_LIMITS: S3Limits = { connectMs: 3000, idleMs: 10_000, exchangeMs: 30_000, leastBytesPerSecond: 50_000, readerMs: 300_000, tries: 4, pauseMs: 200, retryWithinMs: 8000 }

const MOST_ANSWER_BYTES = 16 * 1024 * 1024
const MOST_ERROR_BYTES = 64 * 1024
const PASSING: ReadonlySet<number | null> = new Set([null, 408, 429, 500, 502, 503, 504])

/** An answer that is none of success, or no answer: `status` is null then. */
export class S3Fault extends Error {
  override readonly name = 'S3Fault'
  /** s3mini wraps errors of some codes; with this one it leaves them as they are. */
  readonly code = 'S3_FAULT'
  readonly status: number | null
  /** The error code of S3, or of the system. */
  readonly reason: string
  constructor({ status = null, reason, cause }: { status?: number | null; reason: string; cause?: unknown }) {
    super(status === null ? `no answer from S3: ${reason}` : `S3 answered ${status} ${reason}`, cause === undefined ? {} : { cause })
    this.status = status
    this.reason = reason
  }
}

export interface S3Wire {
  /** A `fetch` for s3mini. Rejects with {@link S3Fault} where the answer is not of success, after several tries; with the reason of the signal once it has fired. */
  fetch(signal: AbortSignal | undefined): typeof fetch
}

interface Exchange { readonly url: URL; readonly method: string; readonly headers: Record<string, string>; readonly body: Uint8Array; readonly signal: AbortSignal | undefined }

/** HTTP to one S3 server. Node's own fetch knows neither a time to connect nor the difference between a slow server and a slow reader. */
export function createS3Wire(limits: S3Limits): S3Wire {
  // How many are open at once is bounded by who asks: a limit here would let slow readers keep everybody else waiting.
  const agents = { 'http:': new HttpAgent({ keepAlive: true, maxFreeSockets: 32 }), 'https:': new HttpsAgent({ keepAlive: true, maxFreeSockets: 32 }) }
  const exchangeOnce = ({ url, method, headers, body, signal }: Exchange): Promise<Response> => {
    const isSecure = url.protocol === 'https:'
    const request = (isSecure ? requestHttps : requestHttp)(url, { method, headers, agent: agents[isSecure ? 'https:' : 'http:'] })
    return exchange(request, { body, limits, signal, isObject: method === 'GET' && url.search === '', connected: isSecure ? 'secureConnect' : 'connect' })
  }
  return {
    fetch: (signal) => async (input, init = {}) => {
      const url = new URL(String(input))
      const body = bytesOf(init.body)
      const headers: Record<string, string> = { ...init.headers as Record<string, string>, 'content-length': String(body.length) }
      // Servers older than SHA-256 checksums want this one of a batch of keys to delete.
      if (url.search.startsWith('?delete')) headers['content-md5'] = createHash('md5').update(body).digest('base64')
      return await again(() => exchangeOnce({ url, method: init.method ?? 'GET', headers, body, signal }), { limits, signal })
    },
  }
}

function bytesOf(body: unknown): Uint8Array {
  if (body === undefined || body === null) return new Uint8Array()
  if (typeof body === 'string') return Buffer.from(body)
  if (body instanceof Uint8Array) return body
  throw new TypeError('only bytes and text can be sent a second time')
}

/** Every request of the store can be sent twice: nobody else writes its keys. */
async function again<T>(work: () => Promise<T>, { limits, signal }: { limits: S3Limits; signal: AbortSignal | undefined }): Promise<T> {
  const startedMs = performance.now()
  for (let tried = 1; ; tried++) {
    try {
      return await work()
    } catch (error) {
      const isPassing = error instanceof S3Fault && PASSING.has(error.status)
      if (!isPassing || tried >= limits.tries || performance.now() - startedMs >= limits.retryWithinMs) throw error
    }
    await sleep(limits.pauseMs * 2 ** (tried - 1) * (0.5 + Math.random()), undefined, { signal }).catch(() => signal?.throwIfAborted())
  }
}

interface ExchangeOptions {
  readonly body: Uint8Array
  readonly limits: S3Limits
  readonly signal: AbortSignal | undefined
  /** Its answer is read by the caller, at its own speed; every other one is read here. */
  readonly isObject: boolean
  readonly connected: 'connect' | 'secureConnect'
}

async function exchange(request: ReturnType<typeof requestHttp>, { body, limits, signal, isObject, connected }: ExchangeOptions): Promise<Response> {
  const ending = new AbortController()
  const end = (reason: unknown): void => { ending.abort(reason); request.destroy() }
  const late = (reason: string) => (): void => end(new S3Fault({ reason }))
  const onAbort = (): void => end(signal?.reason)
  const release = (): void => { signal?.removeEventListener('abort', onAbort) }
  signal?.addEventListener('abort', onAbort, { once: true })
  if (signal?.aborted) onAbort()
  const deadline = setTimeout(late('TooSlow'), limits.exchangeMs + (body.length / limits.leastBytesPerSecond) * 1000)
  try {
    const answer = await unlessAborted(answerTo(request, { body, limits, connected, late }), ending.signal)
    const isFine = (answer.statusCode ?? 0) >= 200 && (answer.statusCode ?? 0) < 300
    if (isObject && isFine) {
      request.setTimeout(0)
      return toResponse(answer, ReadableStream.from(paced(answer, { limits, ending: ending.signal, late, release })))
    }
    const bytes = await unlessAborted(readWhole(answer, isFine ? MOST_ANSWER_BYTES : MOST_ERROR_BYTES), ending.signal)
    if (!isFine || isError(bytes)) throw faultIn(answer, bytes)
    release()
    return toResponse(answer, answer.statusCode === 204 ? null : bytes)
  } catch (error) {
    release()
    request.destroy()
    throw ending.signal.aborted ? ending.signal.reason : toFault(error)
  } finally {
    clearTimeout(deadline)
  }
}

type Late = (reason: string) => () => void

function answerTo(request: ReturnType<typeof requestHttp>, { body, limits, connected, late }: Pick<ExchangeOptions, 'body' | 'limits' | 'connected'> & { late: Late }): Promise<IncomingMessage> {
  request.on('socket', (socket) => {
    if (!socket.connecting) return
    const connecting = setTimeout(late('ConnectTimeout'), limits.connectMs)
    socket.once(connected, () => clearTimeout(connecting)).once('close', () => clearTimeout(connecting))
  })
  request.setTimeout(limits.idleMs, late('Stalled'))
  return new Promise((resolve, reject) => { request.on('response', resolve).on('error', reject).end(body) })
}

interface Pace { readonly limits: S3Limits; readonly ending: AbortSignal; readonly late: Late; release(): void }

/** The bytes of an object. Only the waiting for the server counts, not what the reader does between two pieces. No generator: one that was never begun could not be closed. */
function paced(answer: IncomingMessage, { limits, ending, late, release }: Pace): AsyncIterableIterator<Uint8Array> {
  const reading: AsyncIterator<Buffer> = answer[Symbol.asyncIterator]()
  const left = setTimeout(late('NotRead'), limits.readerMs).unref()
  let [waitedMs, received] = [0, 0]
  const close = (): IteratorResult<Uint8Array> => {
    clearTimeout(left)
    release()
    if (!answer.complete) answer.destroy()
    return { done: true, value: undefined }
  }
  const next = async (): Promise<IteratorResult<Uint8Array>> => {
    left.refresh()
    const startedMs = performance.now()
    const stalled = setTimeout(late('Stalled'), limits.idleMs)
    try {
      const { done, value } = await unlessAborted(reading.next(), ending)
      if (done) return close()
      waitedMs += performance.now() - startedMs
      received += value.length
      if (waitedMs > limits.exchangeMs + (received / limits.leastBytesPerSecond) * 1000) throw new S3Fault({ reason: 'TooSlow' })
      return { done: false, value }
    } catch (error) {
      close()
      throw ending.aborted ? ending.reason : toFault(error)
    } finally {
      clearTimeout(stalled)
    }
  }
  return { next, return: async () => close(), [Symbol.asyncIterator]() { return this } }
}

async function readWhole(answer: IncomingMessage, mostBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Buffer[] = []
  let bytes = 0
  for await (const piece of answer as AsyncIterable<Buffer>) {
    bytes += piece.length
    if (bytes > mostBytes) throw new S3Fault({ status: answer.statusCode, reason: 'AnswerTooLong' })
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

/** A multipart upload can fail long after the status line was sent: its answer is then an error of status 200. */
const isError = (bytes: Uint8Array): boolean => /^\s*(?:<\?xml[^>]*>\s*)?<Error[\s>]/.test(Buffer.from(bytes.subarray(0, 1000)).toString())

function faultIn({ statusCode = 0, headers }: IncomingMessage, bytes: Uint8Array): S3Fault {
  const said = /<Code>(\w[\w.-]{0,60})<\/Code>/.exec(Buffer.from(bytes).toString())?.[1] ?? headers['x-amz-error-code']
  return new S3Fault({ status: statusCode < 300 ? 500 : statusCode, reason: String(said ?? 'Unknown') })
}

function toFault(error: unknown): unknown {
  if (error instanceof S3Fault) return error
  return new S3Fault({ reason: error instanceof Error && 'code' in error ? String(error.code) : 'Unknown', cause: error })
}

/** The types of streams in Node and in browsers do not know each other. */
function toResponse({ statusCode, headers }: IncomingMessage, body: ReadableStream | Uint8Array<ArrayBuffer> | null): Response {
  const told = Object.entries(headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value] as [string, string]] : []))
  return new Response(body as BodyInit | null, { status: statusCode, headers: told })
}
