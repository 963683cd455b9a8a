import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { DATABASES, openTestDatabase, type TestDatabase } from '../../test/support/databases.ts'
import { characterStory } from '../../test/support/happenings.ts'
import { openMemoryEvents, type MemoryEvents } from '../../test/support/memory-events.ts'
import { forgetObjects } from '../db/event-rows.ts'
import { createLocalNotices } from '../db/notices.ts'
import { newEventId } from '../domain/identifier.ts'
import type { StoredEvent, StreamRequest } from './events.ts'
import { boundAccounts, forgetOld } from './forget-events.ts'

const HOUR_MS = 3_600_000
let nowMs = 1_795_392_000_000
let database: TestDatabase
let events: MemoryEvents

const ask = (request: Partial<StreamRequest> = {}): StreamRequest => ({ account: 'local', objectId: null, standing: null, after: null, signal: AbortSignal.timeout(20_000), ...request })
type Told = StoredEvent | 'reset'
const label = (event: Told): string => (event === 'reset' ? event : event.type)

async function recordOld(from: MemoryEvents): Promise<void> {
  await from.record(from.db, characterStory().queued)
  nowMs += 25 * HOUR_MS
}
async function all(stream: AsyncIterable<Told>): Promise<Told[]> {
  const told: Told[] = []
  for await (const event of stream) told.push(event)
  return told
}
const allOf = async (request: Partial<StreamRequest>): Promise<string[]> => (await all(await events.stream(ask(request)))).map(label)

/** Reads one by one, as somebody who waits for each. */
async function reading(request: Partial<StreamRequest>, from: MemoryEvents = events) {
  const iterator = (await from.stream(ask(request)))[Symbol.asyncIterator]()
  return async (): Promise<string> => {
    const { value, done } = await iterator.next()
    return done ? 'end' : label(value)
  }
}

describe.each(DATABASES)('on %s', (kind) => {
  beforeEach(async () => {
    database = await openTestDatabase(kind)
    events = await openMemoryEvents({ on: database, clock: () => nowMs, allow: ['127.0.0.1:1'] })
  })
  afterEach(async () => {
    await events[Symbol.asyncDispose]()
    await database[Symbol.asyncDispose]()
  })

  describe('a stream of one object', () => {
    test('tells what happened to it, then what happens, and ends behind its end', async () => {
      const story = characterStory()
      await events.record(events.db, story.queued)
      await events.record(events.db, characterStory().queued)
      await events.record(events.db, story.progress(20))
      const next = await reading({ objectId: story.id })
      expect([await next(), await next()]).toEqual(['character.queued', 'character.progress'])
      const later = next()
      await events.record(events.db, characterStory().progress(30))
      await events.record(events.db, story.failed)
      expect(await later).toBe('character.failed')
      expect(await next()).toBe('end')
      expect(await allOf({ objectId: story.id })).toEqual(['character.queued', 'character.progress', 'character.failed'])
    })

    test('keeps the order in which events were recorded, also within a millisecond and over pages', async () => {
      const story = characterStory()
      await events.db.transaction().execute(async (trx) => {
        for (let progress = 0; progress < 250; progress++) await events.record(trx, story.progress(progress))
      })
      await events.record(events.db, story.deleted)
      const told = await all(await events.stream(ask({ objectId: story.id })))
      expect(told.map((event) => (event === 'reset' ? event : event.data.progress))).toEqual([...Array.from({ length: 250 }, (_, progress) => progress), undefined])
      expect(new Set(told.map((event) => (event === 'reset' ? event : event.id))).size).toBe(251)
    })

    test('goes on behind the event that was told last', async () => {
      const story = characterStory()
      for (const happening of [story.queued, story.progress(20), story.progress(40), story.failed]) await events.record(events.db, happening)
      const told = await all(await events.stream(ask({ objectId: story.id })))
      const ids = told.map((event) => (event === 'reset' ? '' : event.id))
      expect(await allOf({ objectId: story.id, after: ids[1] })).toEqual(['character.progress', 'character.failed'])
      expect(await allOf({ objectId: story.id, after: ids[3] })).toEqual([])
    })

    test.each(['evt_nonsense', newEventId()])('says reset where the last event, %s, is not kept, and begins again', async (after) => {
      const story = characterStory()
      await events.record(events.db, story.failed)
      expect(await allOf({ objectId: story.id, after })).toEqual(['reset', 'character.failed'])
    })

    test("does not go on behind another account's or another object's event", async () => {
      const [mine, theirs] = [characterStory(), characterStory(undefined, 'bob')]
      await events.record(events.db, mine.failed)
      await events.record(events.db, theirs.failed)
      const [told] = await all(await events.stream(ask({ account: 'bob', objectId: theirs.id })))
      const after = told === 'reset' ? '' : told.id
      expect(await allOf({ objectId: mine.id, after })).toEqual(['reset', 'character.failed'])
      expect(await allOf({ account: 'bob', objectId: mine.id, standing: theirs.failed })).toEqual(['character.failed']) // the stand-in, not the event
    })

    test('whose events are forgotten tells how it stands, once', async () => {
      const story = characterStory()
      await events.record(events.db, story.failed)
      nowMs += 25 * HOUR_MS
      await forgetOld(events.db, nowMs)
      const [event] = await all(await events.stream(ask({ objectId: story.id, standing: story.failed })))
      expect(event).toMatchObject({ type: 'character.failed', objectId: story.id, data: { id: story.id, error: { code: 'media_no_video' } } })
      const after = event === 'reset' ? '' : event.id
      expect(await allOf({ objectId: story.id, standing: story.failed, after })).toEqual([])
    })

    test('that is still under way does not end with how it stands', async () => {
      const story = characterStory()
      const next = await reading({ objectId: story.id, standing: story.progress(10) })
      expect(await next()).toBe('character.progress')
      await events.record(events.db, story.failed)
      expect([await next(), await next()]).toEqual(['character.failed', 'end'])
    })
  })

  describe('a stream of an account', () => {
    test('tells everything from the moment it was asked for, of this account alone', async () => {
      const [before, during] = [characterStory(), characterStory()]
      await events.record(events.db, before.queued)
      const next = await reading({})
      await events.record(events.db, characterStory(undefined, 'bob').queued)
      for (const happening of [during.queued, during.failed, before.deleted]) await events.record(events.db, happening)
      expect([await next(), await next(), await next()]).toEqual(['character.queued', 'character.failed', 'character.deleted'])
    })

    test('goes on behind the last event, or says reset and goes on from now', async () => {
      const story = characterStory()
      await events.record(events.db, story.queued)
      const first = await events.db.selectFrom('events').select('id').executeTakeFirstOrThrow()
      await events.record(events.db, story.progress(20))
      expect(await (await reading({ after: first.id }))()).toBe('character.progress')
      const next = await reading({ after: newEventId() })
      expect(await next()).toBe('reset')
      await events.record(events.db, story.failed)
      expect(await next()).toBe('character.failed')
    })

    test('ends with its signal, and with the service', async () => {
      const leaving = new AbortController()
      const [leaves, stays] = [await reading({ signal: leaving.signal }), await reading({})]
      const [left, stayed] = [leaves(), stays()]
      leaving.abort()
      expect(await left).toBe('end')
      await events.record(events.db, characterStory().queued)
      expect(await stayed).toBe('character.queued')
      const last = stays()
      await events.drain()
      expect(await last).toBe('end')
    })
  })

  describe('a transaction', () => {
    test('that is rolled back leaves no event, and readers hear of the next', async () => {
      const story = characterStory()
      const next = await reading({})
      const told = next()
      await expect(events.db.transaction().execute(async (trx) => {
        await events.record(trx, story.queued)
        throw new Error('something else went wrong')
      })).rejects.toThrow('something else')
      await events.record(events.db, story.failed)
      expect(await told).toBe('character.failed')
    })

    test('is told of when it is committed', async () => {
      const story = characterStory()
      const next = await reading({})
      let isCommitted = false
      const told = next().then(() => isCommitted)
      await events.db.transaction().execute(async (trx) => {
        await events.record(trx, story.queued)
        await new Promise((resolve) => { setTimeout(resolve, 50) })
        isCommitted = true
      })
      expect(await told).toBe(true)
    })
  })

  test('a reader who falls 256 events behind is not waited for', async () => {
    const onOverrun = vi.fn<() => void>()
    const next = await reading({ onOverrun })
    await events.record(events.db, characterStory().queued)
    expect(await next()).toBe('character.queued')
    const record = (count: number) => events.db.transaction().execute(async (trx) => { for (let i = 0; i < count; i++) await events.record(trx, characterStory().queued) })
    await record(250)
    expect(onOverrun).not.toHaveBeenCalled()
    await record(100)
    await vi.waitFor(() => expect(onOverrun).toHaveBeenCalledTimes(1))
    expect(await next()).toBe('end')
  })

  test('events go after a day, and beyond the most of an account, the oldest first', async () => {
    const bounds = { events: 5, deliveries: 5 }
    await using bounded = await openMemoryEvents({ on: database, delivers: false, clock: () => nowMs, bounds })
    const [old, recent] = [characterStory(), characterStory()]
    await bounded.record(bounded.db, old.queued)
    nowMs += 23 * HOUR_MS
    await bounded.record(bounded.db, recent.queued)
    nowMs += 2 * HOUR_MS
    await forgetOld(bounded.db, nowMs)
    const kept = () => bounded.db.selectFrom('events').select('object_id').orderBy('id').execute()
    expect(await kept()).toEqual([{ object_id: recent.id }])
    const [many, others] = [characterStory(), characterStory(undefined, 'bob')]
    await bounded.record(bounded.db, others.queued)
    // Counted now and then only: it is dearer than a record.
    await bounded.db.transaction().execute(async (trx) => { for (let i = 3; i < 1000; i++) await bounded.record(trx, many.progress(i)) })
    await bounded.record(bounded.db, many.progress(100))
    await vi.waitFor(async () => expect((await kept()).length).toBeLessThan(20), { timeout: 15_000 })
    expect((await kept()).filter(({ object_id }) => object_id === others.id)).toHaveLength(1)
    await boundAccounts(bounded.db, bounds)
    expect((await kept()).filter(({ object_id }) => object_id !== others.id)).toEqual(Array.from({ length: 5 }, () => ({ object_id: many.id })))
  })

  test('who begins to deliver lets go of what is over its time, and others leave that to it', async () => {
    await using other = await openTestDatabase(kind)
    const kept = async () => (await other.db.selectFrom('events').select('object_id').execute()).length
    await using first = await openMemoryEvents({ on: other, delivers: false, clock: () => nowMs })
    await recordOld(first)
    await first.resume()
    await expect.poll(kept, { timeout: 15_000 }).toBe(0)
    await recordOld(first)
    await using second = await openMemoryEvents({ on: other, clock: () => nowMs })
    await second.drain()
    expect(await kept()).toBe(1)
  })

  test('deliveries that are asked for again and again are bounded as well', async () => {
    await using bounded = await openMemoryEvents({ on: database, delivers: false, clock: () => nowMs, allow: ['127.0.0.1:1'], bounds: { events: 5, deliveries: 5 } })
    await bounded.webhooks.create('local', { name: 'gone', url: 'http://127.0.0.1:1/', eventTypes: ['character.failed'] })
    await bounded.record(bounded.db, characterStory().failed)
    const [first] = (await bounded.webhooks.deliveries('local', { limit: 1, order: 'asc' })).deliveries
    await bounded.db.updateTable('webhook_deliveries').set({ status: 'failed', next_at: null }).execute()
    for (let i = 1; i < 1000; i++) await bounded.webhooks.redeliver('local', first.id)
    await vi.waitFor(async () => expect((await bounded.webhooks.deliveries('local', { limit: 100, order: 'asc' })).deliveries).toHaveLength(5), { timeout: 15_000 })
  })

  test('what was told of an object that is gone for good goes with it', async () => {
    const [gone, stays] = [characterStory(), characterStory()]
    await events.webhooks.create('local', { name: 'hooks', url: 'http://127.0.0.1:1/', eventTypes: ['character.failed'] })
    const waiting = () => events.db.selectFrom('webhook_deliveries').select('object_id').execute()
    await events.db.transaction().execute(async (trx) => {
      for (const { failed } of [gone, stays]) await events.record(trx, failed)
      await forgetObjects(trx, [gone.id])
    })
    expect(await waiting()).toEqual([{ object_id: stays.id }])
    expect(await allOf({ objectId: gone.id, standing: gone.deleted })).toEqual(['character.deleted'])
    expect(await allOf({ objectId: stays.id })).toEqual(['character.failed'])
  })

  test('what another process records comes through, with a notice or without', async () => {
    const { db } = await database.another()
    await using deaf = await openMemoryEvents({ on: { db, notices: createLocalNotices() }, delivers: false, recheckMs: 20 })
    await using heard = await openMemoryEvents({ on: await database.another(), delivers: false, recheckMs: 60_000 })
    const readers = [await reading({}, deaf), await reading({}, heard)]
    const told = readers.map((next) => next())
    await events.record(events.db, characterStory().queued)
    expect(await Promise.all(told)).toEqual(['character.queued', 'character.queued'])
  })

  test('a transaction that gets its event first and is committed last hides none from a reader', async () => {
    // Two connections of one process to a file would wait for each other for ever: there it is one.
    await using other = await openMemoryEvents({ on: kind === 'sqlite' ? database : await database.another(), delivers: false, clock: () => nowMs + 60_000 })
    const next = await reading({})
    const [first, second] = [characterStory(), characterStory()]
    const [recorded, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const slow = events.db.transaction().execute(async (trx) => {
      await events.record(trx, first.queued)
      recorded.resolve()
      await held.promise
    })
    await recorded.promise
    const told = next()
    const quick = other.record(other.db, second.failed)
    await sleep(50) // in which the quick one would be through, were it not kept waiting
    held.resolve()
    await Promise.all([slow, quick])
    expect([await told, await next()]).toEqual(['character.queued', 'character.failed'])
  })

  test('a clock that is set back, here or between processes, does not disturb the order, also when the last object is forgotten', async () => {
    const next = await reading({})
    const told = async (from: MemoryEvents, happening: Parameters<MemoryEvents['record']>[1]) => {
      await from.record(from.db, happening)
      return next()
    }
    const story = characterStory()
    expect(await told(events, story.queued)).toBe('character.queued')
    await using back = await openMemoryEvents({ on: await database.another(), delivers: false, clock: () => nowMs - HOUR_MS })
    expect(await told(back, story.progress(1))).toBe('character.progress')
    expect(await told(events, story.failed)).toBe('character.failed')
    await back.db.transaction().execute(async (trx) => {
      await back.record(trx, story.deleted)
      await forgetObjects(trx, [story.id])
    })
    expect(await next()).toBe('character.deleted')
    expect(await told(back, characterStory().queued)).toBe('character.queued')
  })
})
