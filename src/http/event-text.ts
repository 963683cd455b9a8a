import { PassThrough, type Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { StoredEvent } from '../events/events.ts'
import { eventBody } from '../events/event-body.ts'

/** How often what is under way is told again, half a second being promised, and how often a line keeps the connection alive. */
const PACE = { repeatMs: 400, pingMs: 15_000 } as const

const RETRY = 'retry: 2000\n\n'
const PING = ': ping\n\n'
const RESET = 'event: reset\ndata: {}\n\n'

interface TextOptions {
  readonly clock?: () => number
  readonly pace?: { readonly repeatMs: number; readonly pingMs: number }
  /** Of an event that could not be read; a reader that went away is none. */
  readonly onFailure: (error: unknown) => void
}

/** Server-sent events, as they come. It ends when they do; destroyed, it reads no more of them. */
export function eventText(events: AsyncIterable<StoredEvent | 'reset'>, { clock = Date.now, pace = PACE, onFailure }: TextOptions): Readable {
  const text = new PassThrough()
  const underWay = new Map<string, StoredEvent>()
  const say = (words: string): void => { if (!text.writableNeedDrain && !text.writableEnded) text.write(words) }
  const repeat = setInterval(() => { for (const event of underWay.values()) say(repeated(event, clock())) }, pace.repeatMs)
  const ping = setInterval(() => say(PING), pace.pingMs)
  text.once('close', () => {
    clearInterval(repeat)
    clearInterval(ping)
  })
  pipeline(wordsOf(events, underWay), text).catch((error: unknown) => { if (!isPrematureClose(error)) onFailure(error) })
  return text
}

async function *wordsOf(events: AsyncIterable<StoredEvent | 'reset'>, underWay: Map<string, StoredEvent>): AsyncGenerator<string> {
  yield RETRY
  for await (const event of events) {
    if (event === 'reset') yield RESET
    else {
      if (isProgress(event)) underWay.set(event.objectId, event)
      else underWay.delete(event.objectId)
      yield `id: ${event.id}\n${block(event)}`
    }
  }
}

const isProgress = ({ type }: StoredEvent): boolean => type === 'character.progress' || type === 'video.progress'

const block = (event: StoredEvent): string => `event: ${event.type}\ndata: ${eventBody(event)}\n\n`

/** Without a line for the id: it is no event of its own. */
const repeated = (event: StoredEvent, nowMs: number): string =>
  block({ ...event, data: { ...event.data, elapsed_ms: Number(event.data.elapsed_ms) + Math.max(0, nowMs - event.createdAtMs) } })

const isPrematureClose = (error: unknown): boolean => error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'
