import { AppError } from '../domain/errors.ts'
import { phrase, type Phrase } from '../domain/phrase.ts'
import { startDeadline } from './deadline.ts'
import { createScrub, whatItSaid, type Scrub } from './service-words.ts'

const MOST_ANSWER_BYTES = 4 * 1024 * 1024
const MOST_ERROR_BYTES = 64 * 1024
/** Statuses below 500 that may pass. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429])
const GONE: ReadonlySet<number> = new Set([404, 410])

/** A service of the operator's choice. */
export interface ServiceSettings {
  /** Absolute, without a trailing slash; paths are put behind it. */
  readonly url: string
  /** Sent along with everything. What they hold is secret. */
  readonly headers: Readonly<Record<string, string>>
  /** For an answer; while a file is read, for its next bytes. */
  readonly timeoutMs: number
}

interface Call {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  /** Sent as multipart or as JSON. */
  readonly body?: FormData | Readonly<Record<string, unknown>>
  readonly signal: AbortSignal
}

/**
 * Calls to a configured service. They reject with `backend_unavailable` where nobody answered, or with 429 or 5xx; `backend_rejected` with its own words for
 * other refusals ({@link isGone} tells a 404); `output_invalid` for an answer that makes no sense; or with the signal's reason. No key and no full URL is in any of them.
 */
export interface Service {
  /** The JSON of the answer, whatever it says it is. */
  ask(path: string, call: Call & { readonly maxAnswerBytes?: number }): Promise<unknown>
  /** For calls whose answer says nothing. */
  tell(path: string, call: Call): Promise<void>
  /** A file, to be read once: the connection is held until it was, or until the signal. Beyond `maxBytes` reading rejects with `output_invalid`. */
  open(path: string, options: { readonly signal: AbortSignal; readonly maxBytes: number }): Promise<AsyncIterable<Uint8Array>>
  /** Fit to be shown: control characters, addresses and this service's secrets are taken out; at most 300 characters. */
  readonly scrub: Scrub
}

/** Whether the service said that it has no such thing. */
export const isGone = (error: unknown): boolean => error instanceof AppError && error.code === 'backend_rejected' && GONE.has(Number(error.details.status))

export const tooLarge = (maxBytes: number): Phrase => phrase(`it is larger than ${maxBytes} bytes`, `超过 ${maxBytes} 字节`)
export const invalidOutput = (reason: Phrase, cause?: unknown): AppError => new AppError('output_invalid', { details: { reason }, cause })

export function createService({ url, headers, timeoutMs }: ServiceSettings): Service {
  const scrub = createScrub(Object.values(headers))
  const send = async (path: string, { method, body, signal }: Call): Promise<Response> => {
    const response = await fetch(`${url}${path}`, { method: method ?? 'GET', redirect: 'manual', signal, ...await encoded(body, headers) }).catch((error: unknown) => { throw unanswered(error, signal) })
    if (!response.ok) throw await refusal(response, { scrub, signal })
    return response
  }
  return {
    scrub,
    ask: async (path, { maxAnswerBytes = MOST_ANSWER_BYTES, ...call }) => {
      using deadline = startDeadline(timeoutMs, tooSlow, [call.signal])
      const response = await send(path, { ...call, signal: deadline.signal })
      return parseAnswer(await textOf(response, { maxBytes: maxAnswerBytes, signal: deadline.signal }), scrub)
    },
    tell: async (path, call) => {
      using deadline = startDeadline(timeoutMs, tooSlow, [call.signal])
      const response = await send(path, { ...call, signal: deadline.signal })
      await response.body?.cancel()
    },
    open: async (path, { signal, maxBytes }) => {
      const stall = startStallTimer(timeoutMs, signal)
      try {
        return readFile(await send(path, { signal: stall.signal }), { stall, maxBytes })
      } catch (error) {
        stall[Symbol.dispose]()
        throw error
      }
    },
  }
}

async function encoded(body: Call['body'], headers: ServiceSettings['headers']): Promise<RequestInit> {
  if (body === undefined) return { headers }
  if (!(body instanceof FormData)) return { body: JSON.stringify(body), headers: { ...headers, 'content-type': 'application/json' } }
  // Whole: a form that is still being streamed when its call is aborted ends in a rejection that nobody can catch.
  const form = new Response(body)
  return { body: await form.arrayBuffer(), headers: { ...headers, 'content-type': form.headers.get('content-type') ?? '' } }
}

export const tooSlow = (): AppError => new AppError('backend_unavailable', { details: { reason: 'timeout' } })

/** What a failed `fetch` comes to: a signal's reason as it is; everything else is of one type. */
export const unanswered = (error: unknown, signal: AbortSignal): unknown => (signal.aborted ? signal.reason : new AppError('backend_unavailable', { cause: error }))

/** What an answer that is not of success comes to: `backend_unavailable` or `backend_rejected`. Its body is used up. */
export async function refusal(response: Response, { scrub, signal }: { scrub: Scrub; signal: AbortSignal }): Promise<AppError> {
  const { status } = response
  if (status < 400) return new AppError('backend_rejected', { details: { said: phrase('it redirects elsewhere', '请求被重定向到别处'), status } }) // nothing that holds a key follows
  if (status >= 500 || PASSING.has(status)) {
    await response.body?.cancel()
    return new AppError('backend_unavailable', { details: { status } })
  }
  const text = await textOf(response, { maxBytes: MOST_ERROR_BYTES, signal }).catch((error: unknown) => {
    if (error instanceof AppError && error.code === 'output_invalid') return '' // a refusal too long to read is a refusal all the same
    throw error
  })
  return new AppError('backend_rejected', { details: { said: scrub(whatItSaid(text) ?? `HTTP ${status}`), status } })
}

/** Rejects with `output_invalid` beyond `maxBytes`, `backend_unavailable` where it breaks off, or the signal's reason. */
export async function textOf({ body }: Response, { maxBytes, signal }: { maxBytes: number; signal: AbortSignal }): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  try {
    for await (const chunk of body ?? []) {
      bytes += chunk.length
      if (bytes > maxBytes) throw invalidOutput(phrase(`its answer is longer than ${maxBytes} bytes`, `应答超过 ${maxBytes} 字节`))
      text += decoder.decode(chunk, { stream: true })
    }
  } catch (error) {
    throw error instanceof AppError ? error : unanswered(error, signal)
  }
  return text + decoder.decode()
}

function parseAnswer(text: string, scrub: Scrub): unknown {
  const answer = parseJson(text)
  if (answer === undefined) throw invalidOutput(isHtml(text) ? phrase('its answer is an HTML page', '返回的是网页') : phrase('its answer is not JSON', '返回的不是 JSON'))
  if (isErrorBody(answer)) throw invalidOutput(errorInSuccess(scrub(whatItSaid(text) ?? '')))
  return answer
}

function errorInSuccess(said: string): Phrase {
  return said === ''
    ? phrase('its answer of success is an error', '成功的应答里是错误')
    : phrase(`its answer of success is an error: ${said}`, `成功的应答里是错误：${said}`)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined // no JSON is an answer to that question
  }
}

const isHtml = (text: string): boolean => /^\s*<(?:!doctype|html|head|body)/i.test(text)

/** A job that failed has an error too, but a status beside it. */
const isErrorBody = (answer: unknown): boolean => typeof answer === 'object' && answer !== null && !('status' in answer) && 'error' in answer && Boolean(answer.error)

interface StallTimer extends Disposable { readonly signal: AbortSignal; restart(): void }

function startStallTimer(ms: number, signal: AbortSignal): StallTimer {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(tooSlow()), ms)
  return { signal: AbortSignal.any([controller.signal, signal]), restart: () => { timer.refresh() }, [Symbol.dispose]: () => clearTimeout(timer) }
}

function readFile(response: Response, options: { stall: StallTimer; maxBytes: number }): AsyncIterable<Uint8Array> {
  const type = response.headers.get('content-type') ?? ''
  if (/^(?:text\/|application\/(?:problem\+)?json)/i.test(type)) throw refuse(response, phrase(`it is ${type.split(';')[0]}, not a video`, `是 ${type.split(';')[0]}，不是视频`))
  if (Number(response.headers.get('content-length') ?? 0) > options.maxBytes) throw refuse(response, tooLarge(options.maxBytes))
  return chunksOf(response, options)
}

function refuse(response: Response, reason: Phrase): AppError {
  void response.body?.cancel().catch(() => {}) // it is not wanted, however it ends
  return invalidOutput(reason)
}

async function *chunksOf({ body }: Response, { stall, maxBytes }: { stall: StallTimer; maxBytes: number }): AsyncGenerator<Uint8Array> {
  let bytes = 0
  try {
    for await (const chunk of body ?? []) {
      stall.restart()
      bytes += chunk.length
      if (bytes > maxBytes) throw invalidOutput(tooLarge(maxBytes))
      yield chunk
      stall.restart()
    }
  } catch (error) {
    throw error instanceof AppError ? error : unanswered(error, stall.signal)
  } finally {
    stall[Symbol.dispose]()
  }
}
