// The process that puts a load on a service: see open-loop.ts.
import { once } from 'node:events'
import { Agent, request, type IncomingMessage } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Answered, Call, Load, Measured, Stream } from './open-loop.ts'

/** What is not answered so long after the last call was due is counted as that. */
const GRACE_MS = 60_000
const MOST_SOCKETS = 4096

interface Tally { readonly latenciesMs: number[]; withRetryAfter: number }

async function run({ url, seconds, streams }: Load): Promise<Measured> {
  const agent = new Agent({ keepAlive: true, maxSockets: MOST_SOCKETS })
  const tallies = new Map<string, Tally>()
  const count = (key: readonly string[], latencyMs: number, hasRetryAfter: boolean): void => {
    const tally = tallies.get(key.join('\t')) ?? { latenciesMs: [], withRetryAfter: 0 }
    tallies.set(key.join('\t'), tally)
    tally.latenciesMs.push(latencyMs)
    if (hasRetryAfter) tally.withRetryAfter++
  }
  const giveUp = new AbortController()
  const startedAtMs = Date.now()
  const start = performance.now()
  let mostLateMs = 0

  const put = async (stream: string, call: Call, dueAt: number): Promise<void> => {
    mostLateMs = Math.max(mostLateMs, performance.now() - dueAt)
    const { answer, hasRetryAfter } = await answerOf(url, call, { agent, signal: giveUp.signal })
    count([stream, call.name, answer], performance.now() - dueAt, hasRetryAfter)
  }
  const putAll = async ({ name, perSecond, calls }: Stream): Promise<void> => {
    const all = Math.round(seconds * perSecond)
    const answers: Promise<void>[] = []
    while (answers.length < all) {
      const due = Math.min(all, Math.floor(((performance.now() - start) / 1000) * perSecond) + 1)
      while (answers.length < due) answers.push(put(name, calls[answers.length % calls.length], start + (answers.length / perSecond) * 1000))
      await sleep(1)
    }
    await Promise.all(answers)
  }
  const timer = setTimeout(() => giveUp.abort(), seconds * 1000 + GRACE_MS)
  await Promise.all(streams.map(putAll))
  clearTimeout(timer)
  agent.destroy()
  return { answered: [...tallies].map(toAnswered), mostLateMs, startedAtMs, endedAtMs: startedAtMs + seconds * 1000 }
}

function toAnswered([key, { latenciesMs, withRetryAfter }]: readonly [string, Tally]): Answered {
  const [stream, call, answer] = key.split('\t')
  return { stream, call, answer, latenciesMs, withRetryAfter }
}

async function answerOf(url: string, { method, path, headers, body }: Call, options: { readonly agent: Agent; readonly signal: AbortSignal }): Promise<{ answer: string; hasRetryAfter: boolean }> {
  try {
    const sent = request(`${url}${path}`, { method, headers: { ...headers, ...(body !== undefined && { 'content-length': Buffer.byteLength(body) }) }, ...options })
    sent.end(body)
    const [response] = await once(sent, 'response') as [IncomingMessage]
    response.resume()
    await once(response, 'end')
    return { answer: String(response.statusCode), hasRetryAfter: response.headers['retry-after'] !== undefined }
  } catch (error) {
    return { answer: error instanceof Error && 'code' in error ? String(error.code) : 'no answer', hasRetryAfter: false }
  }
}

process.once('message', async (load: Load) => { process.send?.(await run(load)) })
