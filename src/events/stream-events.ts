import type { Database } from '../db/database.ts'
import { latestEventId, listEvents, typesUpTo, type EventsOf } from '../db/event-rows.ts'
import type { Happening } from '../domain/happening.ts'
import { eventOf } from './event-body.ts'
import type { EventReaders, Reader } from './event-readers.ts'
import type { StoredEvent, StreamRequest } from './events.ts'

export interface StreamDeps {
  readonly db: Database
  readonly readers: EventReaders
  readonly describe: (happening: Happening) => StoredEvent['data']
  readonly clock: () => number
}

/** Before every id. */
const FROM_THE_BEGINNING = ''
const PAGE = 100

const isLast = (type: string): boolean => /[.](?:completed|failed|deleted)$/.test(type)

/** Where a stream begins. */
interface Place {
  readonly cursor: string
  readonly isReset: boolean
  /** The object came to its end at or before the cursor. */
  readonly isOver: boolean
  /** What stands in for events that are no longer kept. */
  readonly standIn: StoredEvent | null
}

export async function streamEvents(request: StreamRequest, deps: StreamDeps): Promise<AsyncIterable<StoredEvent | 'reset'>> {
  const overrun = new AbortController()
  const signal = AbortSignal.any([request.signal, overrun.signal])
  const onOverrun = (): void => {
    if (signal.aborted) return
    overrun.abort()
    request.onOverrun?.()
  }
  const of = { account: request.account, objectId: request.objectId }
  const reader = deps.readers.join({ ...of, signal, onOverrun })
  try {
    return follow(of, await placeOf(request, deps), { db: deps.db, reader, signal })
  } catch (error) {
    reader.leave()
    throw error
  }
}

async function placeOf({ account, objectId, standing, after }: StreamRequest, { db, describe, clock }: StreamDeps): Promise<Place> {
  const standIn = standing && standInFor(standing, { describe, nowMs: clock() })
  const isEnded = standing !== null && isLast(standing.type)
  // The stand-in was the last thing told: nothing of it needs to be told again.
  if (after !== null && after === standIn?.id) return { cursor: FROM_THE_BEGINNING, isReset: false, isOver: isEnded, standIn: null }
  const types = after === null ? null : await typesUpTo(db, { account, objectId }, after)
  if (after !== null && types !== null) return { cursor: after, isReset: false, isOver: isEnded || types.some(isLast), standIn: null }
  const cursor = objectId === null ? await latestEventId(db, account) : null
  return { cursor: cursor ?? FROM_THE_BEGINNING, isReset: after !== null, isOver: isEnded, standIn }
}

/** Has an id of its own, always the same, so that a stream can be taken up again behind it. */
const standInFor = (standing: Happening, { describe, nowMs }: { readonly describe: StreamDeps['describe']; readonly nowMs: number }): StoredEvent =>
  ({ id: `evt_${standing.id.replace(/^\w+_/, '')}`, type: standing.type, objectId: standing.id, createdAtMs: nowMs, data: describe(standing) })

async function *follow(of: EventsOf, place: Place, { db, reader, signal }: { readonly db: Database; readonly reader: Reader; readonly signal: AbortSignal }): AsyncGenerator<StoredEvent | 'reset'> {
  let { cursor, isOver, standIn } = place
  try {
    if (place.isReset) yield 'reset'
    while (!signal.aborted) {
      reader.lookUp()
      const rows = await listEvents(db, of, { after: cursor, limit: PAGE })
      for (const row of rows) {
        if (signal.aborted) return
        yield eventOf(row)
        cursor = row.id
        isOver ||= isLast(row.type)
      }
      if (rows.length === 0 && standIn !== null) yield standIn
      standIn = null
      if (rows.length === PAGE) continue
      if (of.objectId !== null && isOver) return
      await reader.more()
    }
  } finally {
    reader.leave()
  }
}
