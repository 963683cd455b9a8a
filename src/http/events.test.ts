import { connect } from 'node:net'
import { once } from 'node:events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { readEvents, type Block, type EventReader } from '../../test/support/event-reader.ts'
import { characterStory } from '../../test/support/happenings.ts'
import { startHttpServer, type TestServer } from '../../test/support/http-server.ts'
import { openMemoryEvents, type MemoryEvents } from '../../test/support/memory-events.ts'
import { AppError } from '../domain/errors.ts'
import type { CharacterId } from '../domain/identifier.ts'

const PATIENTLY = { timeout: 15_000 }

let events: MemoryEvents
let server: TestServer
beforeEach(async () => {
  events = await openMemoryEvents()
  server = await startHttpServer({ events, settings: { isOpen: false } })
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  await events[Symbol.asyncDispose]()
})

const keyed = (headers: Readonly<Record<string, string>> = {}, key = 'drm_alice') => ({ authorization: `Bearer ${key}`, ...headers })

async function follow(path: string, { headers = {}, signal }: { headers?: Readonly<Record<string, string>>; signal?: AbortSignal } = {}): Promise<EventReader> {
  const response = await server.request(path, { headers: keyed(headers), signal })
  expect([response.status, response.headers.get('content-type')]).toEqual([200, 'text/event-stream; charset=utf-8'])
  if (response.body === null) throw new Error('a stream has a body')
  const reader = readEvents(response.body)
  expect(await reader.next()).toEqual({ retry: '2000' })
  return reader
}

/** A character under way, and what may happen to it. */
async function underWay() {
  server.characters.next('wait')
  const response = await server.postJson('/v1/characters', { url: `https://example.com/${Math.random()}.mp4`, timestamps: '1,3' }, keyed({ prefer: 'respond-async' }))
  const { id } = await response.json()
  return characterStory(id as CharacterId, 'alice')
}
const record = (...happenings: Parameters<MemoryEvents['record']>[1][]) => events.db.transaction().execute(async (trx) => { for (const one of happenings) await events.record(trx, one) })

/** Streams repeat what is under way: these are the events themselves. */
async function nextEvent(reader: EventReader): Promise<Block> {
  for (;;) {
    const block = await reader.next()
    if (block === null) throw new Error('the stream is over')
    if (block.id !== undefined || block.event === 'reset') return block
  }
}

describe('the stream of a character', () => {
  test('begins with what happened, goes on with what happens, and ends behind its end', async () => {
    const story = await underWay()
    await record(story.queued, story.progress(20))
    const reader = await follow(`/v1/characters/${story.id}/events`)
    const first = await nextEvent(reader)
    expect(first).toEqual({ id: first.data?.id, event: 'character.queued', data: { id: expect.stringMatching(/^evt_/), object: 'event', created_at: expect.any(Number), type: 'character.queued', data: { id: story.id } } })
    expect(await nextEvent(reader)).toMatchObject({ event: 'character.progress', data: { data: { id: story.id, step: 'see', progress: 20, elapsed_ms: 200 } } })
    await record(story.progress(40), story.failed)
    expect(await nextEvent(reader)).toMatchObject({ data: { data: { progress: 40 } } })
    expect(await nextEvent(reader)).toMatchObject({ event: 'character.failed', data: { data: { error: { code: 'media_no_video', message: expect.any(String) } } } })
    expect(await reader.next()).toBeNull()
  })

  test('tells again what is under way, without an id, with the time that has passed', async () => {
    const story = await underWay()
    await record(story.progress(20))
    const reader = await follow(`/v1/characters/${story.id}/events`)
    const first = await nextEvent(reader)
    const again = await reader.next()
    const oncemore = await reader.next()
    expect(again).toMatchObject({ event: 'character.progress', data: { id: first.data?.id, data: { step: 'see', progress: 20 } } })
    expect(again).not.toHaveProperty('id')
    expect(Number(again?.data?.data.elapsed_ms)).toBeGreaterThan(200)
    expect(Number(oncemore?.data?.data.elapsed_ms)).toBeGreaterThan(Number(again?.data?.data.elapsed_ms))
    expect(await events.db.selectFrom('events').select('id').execute()).toHaveLength(1)
  })

  test('of one whose events are forgotten tells how it stands', async () => {
    const { id, username } = server.characters.plant({}, 'alice')
    const [block, ...more] = await (await follow(`/v1/characters/@${username}/events`)).rest()
    expect(block).toMatchObject({ event: 'character.completed', data: { type: 'character.completed', data: { id, object: 'character', username, status: 'completed', profile_picture_url: expect.stringMatching(/^http/) } } })
    expect(more).toEqual([])
  })

  test('is taken up behind Last-Event-ID; with nothing left to tell it is not taken up at all', async () => {
    const { id } = server.characters.plant({}, 'alice')
    const story = characterStory(id, 'alice')
    await record(story.queued, story.progress(20), story.failed)
    const told = await (await follow(`/v1/characters/${id}/events`)).rest()
    expect(told.map(({ event }) => event)).toEqual(['character.queued', 'character.progress', 'character.failed'])
    const resumed = await follow(`/v1/characters/${id}/events`, { headers: { 'last-event-id': told[0].id ?? '' } })
    expect((await resumed.rest()).map(({ id }) => id)).toEqual([told[1].id, told[2].id])
    const over = await server.request(`/v1/characters/${id}/events`, { headers: keyed({ 'last-event-id': told[2].id ?? '' }) })
    expect([over.status, await over.text()]).toEqual([204, ''])
    const lost = await follow(`/v1/characters/${id}/events`, { headers: { 'last-event-id': 'evt_lost' } })
    expect((await lost.rest()).map(({ event }) => event)).toEqual(['reset', 'character.queued', 'character.progress', 'character.failed'])
  })

  test('is for those who may read it', async () => {
    const { id } = server.characters.plant({}, 'bob')
    expect((await server.request(`/v1/characters/${id}/events`, { headers: keyed() })).status).toBe(404)
    expect((await server.request(`/v1/characters/${id}/events`)).status).toBe(401)
    expect((await server.request('/v1/characters/nobody/events', { headers: keyed() })).status).toBe(404)
    expect((await fetch(`${server.url}/v1/events`, { method: 'HEAD', headers: keyed() })).status).toBe(405)
    })
})

test('the stream of a video', async () => {
  const video = server.videos.plant({ account: 'alice' })
  const of = { account: 'alice', id: video.id }
  await record({ ...of, type: 'video.queued' })
  const reader = await follow(`/v1/videos/${video.id}/events`)
  expect(await nextEvent(reader)).toMatchObject({ event: 'video.queued', data: { data: { id: video.id } } })
  await record({ ...of, type: 'video.progress', progress: 40, elapsedMs: 900 })
  expect(await nextEvent(reader)).toMatchObject({ event: 'video.progress', data: { data: { id: video.id, progress: 40, elapsed_ms: 900 } } })
  await record({ ...of, type: 'video.failed', video: { ...video, state: { at: 'failed', progress: 40, completedAtMs: 1_795_392_001_000, error: new AppError('backend_lost') } } })
  expect(await nextEvent(reader)).toMatchObject({ event: 'video.failed', data: { data: { id: video.id, object: 'video', status: 'failed', error: { code: 'backend_lost' } } } })
  expect(await reader.next()).toBeNull()
  expect((await server.request(`/v1/videos/${video.id}/events`, { headers: keyed({}, 'drm_bob') })).status).toBe(404)
})

describe('the stream of an account', () => {
  test('tells what happens from the moment its answer began, of both kinds', async () => {
    const [earlier, later] = [characterStory(undefined, 'alice'), characterStory(undefined, 'alice')]
    await record(earlier.queued)
    const reader = await follow('/v1/events')
    const video = server.videos.plant({ account: 'alice' })
    await record(later.queued, characterStory(undefined, 'bob').queued, { type: 'video.queued', account: 'alice', id: video.id }, later.failed)
    expect((await nextEvent(reader)).data?.data.id).toBe(later.id)
    expect((await nextEvent(reader)).data?.data.id).toBe(video.id)
    expect((await nextEvent(reader)).event).toBe('character.failed')
  })

  test('needs a key that may read both', async () => {
    const response = await server.request('/v1/events', { headers: keyed({}, 'drm_reader') })
    expect([response.status, (await response.json()).error.details]).toEqual([403, { needed: 'videos:read' }])
  })
})

describe('a connection', () => {
  test('that is closed frees its place', async () => {
    const leaving = Array.from({ length: 64 }, () => new AbortController())
    await Promise.all(leaving.map(({ signal }) => follow('/v1/events', { signal })))
    const refused = await server.request('/v1/events', { headers: keyed() })
    expect([refused.status, (await refused.json()).error.code]).toEqual([429, 'queue_full'])
    expect((await server.request('/v1/events', { headers: keyed({}, 'drm_bob') })).status).toBe(200) // another account has places of its own
    for (const one of leaving) one.abort()
    await vi.waitFor(async () => expect((await server.request('/v1/events', { headers: keyed() })).status).toBe(200), PATIENTLY)
  })

  test('ends when the server closes, by its proper end', async () => {
    const reader = await follow('/v1/events')
    const end = reader.rest()
    await server.close()
    expect(await end).toEqual([])
  })

  test('whose reader takes nothing is closed once it is too far behind', async () => {
    const socket = connect(server.port, '127.0.0.1')
    socket.write('GET /v1/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer drm_alice\r\n\r\n')
    await once(socket, 'readable')
    expect(String(socket.read())).toContain('200 OK')
    socket.pause()
    const character = server.characters.plant({ description: 'x'.repeat(15_000) }, 'alice')
    const of = { type: 'character.updated', account: 'alice', id: character.id, character } as const
    for (let page = 0; page < 60; page++) await record(...Array.from({ length: 50 }, () => of))
    const last = characterStory(undefined, 'alice')
    await record(last.queued)
    let hasLast = false
    socket.setEncoding('latin1').on('data', (text: string) => { hasLast ||= text.includes(last.id) }).on('error', () => {})
    socket.resume()
    await vi.waitFor(() => expect(socket.closed).toBe(true), PATIENTLY)
    expect(hasLast).toBe(false)
  })
})
