import { phrase } from '../../domain/phrase.ts'
import { invalidOutput, refusal, textOf, unanswered } from '../../net/service-call.ts'
import type { Scrub } from '../../net/service-words.ts'

/** What one call of a package may do on the network. */
export interface ProviderCall {
  /** Everything goes there: packages also ask for addresses that an answer named, with the key. */
  readonly origin: string
  readonly maxAnswerBytes: number
  readonly scrub: Scrub
  readonly signal: AbortSignal
  /** Sees each body before it leaves; what it throws keeps it here. */
  readonly inspect: (body: string) => void
}

/** A `fetch` for a package, and the first thing that went wrong with it: packages wrap what they are thrown in errors of their own. */
export interface ProviderFetch { readonly fetch: typeof fetch; readonly trouble: { failure: unknown; isAsked: boolean } }

export function createProviderFetch(call: ProviderCall): ProviderFetch {
  const trouble: ProviderFetch['trouble'] = { failure: null, isAsked: false }
  return {
    trouble,
    fetch: async (address, init = {}) => {
      trouble.isAsked = true
      try {
        return await ask(new URL(address instanceof Request ? address.url : address), init, call)
      } catch (error) {
        trouble.failure ??= error
        throw error
      }
    },
  }
}

async function ask(url: URL, init: RequestInit, { origin, inspect, signal, scrub, maxAnswerBytes }: ProviderCall): Promise<Response> {
  if (url.origin !== origin) throw invalidOutput(phrase('its answer leads to another host', '应答指向另一台主机'))
  if (init.body !== undefined && init.body !== null) inspect(textToSend(init.body))
  const response = await fetch(url, { ...init, redirect: 'manual', signal }).catch((error: unknown) => { throw unanswered(error, signal) })
  if (!response.ok) throw await refusal(response, { scrub, signal })
  const text = await textOf(response, { maxBytes: maxAnswerBytes, signal })
  // 202 is the one status of success that a package tells from others.
  return new Response(text, { status: response.status === 202 ? 202 : 200, headers: { 'content-type': response.headers.get('content-type') ?? '' } })
}

function textToSend(body: BodyInit): string {
  if (typeof body === 'string') return body
  throw invalidOutput(phrase('its package sends something that cannot be read before it leaves', '其软件包发送的内容无法在发出前检查'))
}
