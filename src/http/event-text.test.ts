import { expect, test, vi } from 'vitest'
import { readEvents } from '../../test/support/event-reader.ts'
import { newEventId } from '../domain/identifier.ts'
import type { StoredEvent } from '../events/events.ts'
import { eventText } from './event-text.ts'

const NEVER_MS = 2 ** 30
const event = (facts: Partial<StoredEvent>): StoredEvent => ({ id: newEventId(), type: 'character.progress', objectId: 'char_1', createdAtMs: 1000, data: { id: 'char_1', progress: 20, elapsed_ms: 100 }, ...facts })

/** Events that somebody tells one by one, and what was heard of them. */
function telling(pace: Parameters<typeof eventText>[1]['pace'], clock = () => 1000) {
  const said: (StoredEvent | 'reset' | null)[] = []
  let go = Promise.withResolvers<void>()
  const onFailure = vi.fn<(error: unknown) => void>()
  async function *events(): AsyncGenerator<StoredEvent | 'reset'> {
    for (;;) {
      for (const one of said.splice(0)) {
        if (one === null) return
        yield one
      }
      if (said.length === 0) await go.promise
      go = Promise.withResolvers()
    }
  }
  const say = (one: StoredEvent | 'reset' | null): void => {
    said.push(one)
    go.resolve()
  }
  const text = eventText(events(), { pace, clock, onFailure })
  return {
    text, onFailure, reader: readEvents(text),
    say, end: () => say(null),
  }
}

test('pings while nothing happens, and stops with its end', async () => {
  const { reader, end } = telling({ repeatMs: NEVER_MS, pingMs: 5 })
  expect([await reader.next(), await reader.next(), await reader.next()]).toEqual([{ retry: '2000' }, { comment: 'ping' }, { comment: 'ping' }])
  end()
  await reader.rest()
})

test('repeats what each object is at, with its time, until the object is at something else', async () => {
  let nowMs = 1000
  const { reader, say, end } = telling({ repeatMs: 5, pingMs: NEVER_MS }, () => nowMs)
  await reader.next()
  const [first, second] = [event({}), event({ objectId: 'char_2', data: { id: 'char_2', progress: 40, elapsed_ms: 500 } })]
  say(first)
  say(second)
  expect([(await reader.next())?.id, (await reader.next())?.id]).toEqual([first.id, second.id])
  nowMs = 1750
  expect(await reader.next()).toMatchObject({ event: 'character.progress', data: { id: first.id, data: { progress: 20, elapsed_ms: 850 } } })
  expect(await reader.next()).toMatchObject({ data: { id: second.id, data: { progress: 40, elapsed_ms: 1250 } } })
  const last = event({ type: 'character.failed', data: { id: 'char_1' } })
  say(last)
  let block = await reader.next()
  while (block?.id !== last.id) block = await reader.next()
  for (let i = 0; i < 3; i++) expect((await reader.next())?.data?.id).toBe(second.id)
  say(event({ objectId: 'char_2', type: 'character.completed', data: { id: 'char_2' } }))
  end()
  expect((await reader.rest()).at(-1)).toMatchObject({ event: 'character.completed' })
})

test('says reset as an event without an id', async () => {
  const { reader, say, end } = telling({ repeatMs: NEVER_MS, pingMs: NEVER_MS })
  say('reset')
  end()
  expect(await reader.rest()).toEqual([{ retry: '2000' }, { event: 'reset', data: {} }])
})

async function *failing(): AsyncGenerator<StoredEvent> {
  yield event({})
  throw new Error('the disk is gone')
}

test('tells of events that cannot be read, but not of a reader who went away', async () => {
  const broken = vi.fn<(error: unknown) => void>()
  const text = eventText(failing(), { onFailure: broken })
  await expect(readEvents(text).rest()).rejects.toThrow('the disk is gone')
  await vi.waitFor(() => expect(broken).toHaveBeenCalledTimes(1))
  const { text: left, onFailure, reader } = telling({ repeatMs: 5, pingMs: 5 })
  await reader.next()
  left.destroy()
  await new Promise((resolve) => { left.once('close', resolve) })
  expect(onFailure).not.toHaveBeenCalled()
})
