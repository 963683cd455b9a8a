import { spawn } from 'node:child_process'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test, vi } from 'vitest'
import { startDnsServer } from '../../test/support/dns-server.ts'
import { DATABASES, openTestDatabase } from '../../test/support/databases.ts'
import { characterStory } from '../../test/support/happenings.ts'
import { openMemoryEvents, type MemoryEvents, type MemoryEventsOptions } from '../../test/support/memory-events.ts'
import { startRawOrigin } from '../../test/support/origins.ts'
import { startWebhookReceiver, type Received } from '../../test/support/webhook-receiver.ts'
import { WEBHOOK_EVENT_TYPES } from '../domain/happening.ts'
import type { WebhookDelivery } from './events.ts'
import { boundAccounts, forgetOld } from './forget-events.ts'

const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000]
const START_MS = 1_795_392_000_000
const PATIENTLY = { timeout: 15_000 }

/** Events with one endpoint at a receiver, and a clock that stands still. */
async function openRig(answer: Parameters<typeof startWebhookReceiver>[0] = () => 200, options: MemoryEventsOptions = {}) {
  const receiver = await startWebhookReceiver(answer)
  const time = { nowMs: START_MS }
  const events = await openMemoryEvents({ clock: () => time.nowMs, allow: [receiver.pair], ...options })
  const endpoint = await events.webhooks.create('local', { name: 'hooks', url: receiver.url, eventTypes: WEBHOOK_EVENT_TYPES })
  return {
    events, receiver, time, endpoint,
    [Symbol.asyncDispose]: async () => {
      await receiver[Symbol.asyncDispose]()
      await events[Symbol.asyncDispose]()
    },
  }
}

const deliveries = async (events: MemoryEvents, order: 'asc' | 'desc' = 'asc'): Promise<readonly WebhookDelivery[]> => (await events.webhooks.deliveries('local', { limit: 100, order })).deliveries
const verify = ({ headers, body }: Received, secret: string): string =>
  `v1,${createHmac('sha256', Buffer.from(secret.replace('whsec_', ''), 'base64')).update(`${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`).digest('base64')}`

describe('an event', () => {
  test('is sent to those who asked for its type, signed, with its id', async () => {
    await using rig = await openRig()
    await using other = await startWebhookReceiver()
    const { events, receiver, endpoint } = rig
    const story = characterStory()
    for (const happening of [story.queued, story.progress(20), characterStory(undefined, 'bob').failed, story.failed]) await events.record(events.db, happening)
    await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ endpointId: endpoint.id, eventType: 'character.failed', status: 'delivered', attempts: 1, lastStatus: 200, lastError: null, nextAtMs: null }])
    const [one] = receiver.received
    expect(receiver.received).toHaveLength(1)
    expect(one.event).toMatchObject({ object: 'event', type: 'character.failed', created_at: START_MS / 1000, data: { id: story.id, status: 'failed', error: { code: 'media_no_video' } } })
    expect(one.headers).toMatchObject({ 'webhook-id': one.event.id, 'webhook-timestamp': String(START_MS / 1000), 'content-type': 'application/json' })
    expect(one.headers['webhook-signature']).toBe(verify(one, endpoint.secret))
    expect(other.received).toHaveLength(0)
  })

  test('of a type that an endpoint did not ask for is not sent to it', async () => {
    await using rig = await openRig()
    const { events, endpoint } = rig
    await events.webhooks.update('local', endpoint.id, { eventTypes: ['character.deleted'] })
    const story = characterStory()
    await events.record(events.db, story.failed)
    await events.record(events.db, story.deleted)
    await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ eventType: 'character.deleted', status: 'delivered' }])
  })

  test('of a transaction that is rolled back is never sent', async () => {
    await using rig = await openRig()
    const { events, receiver } = rig
    await expect(events.db.transaction().execute(async (trx) => {
      await events.record(trx, characterStory().failed)
      throw new Error('no')
    })).rejects.toThrow('no')
    await events.record(events.db, characterStory().deleted)
    await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ eventType: 'character.deleted', status: 'delivered' }])
    expect(receiver.received).toHaveLength(1)
  })
})

test('an endpoint that is changed while its secret is rotated keeps the new one', async () => {
  await using rig = await openRig()
  const { webhooks } = rig.events
  const [rotated, changed] = await Promise.all([
    webhooks.rotateSecret('local', rig.endpoint.id, { keepsOldSecret: false }), webhooks.update('local', rig.endpoint.id, { name: 'other' }),
  ])
  expect(await webhooks.find('local', rig.endpoint.id)).toMatchObject({ secret: rotated.secret, name: 'other' })
  expect(changed.secret).toBe(rotated.secret)
})

describe('what is not taken', () => {
  test('is sent again at 5 s, 5 min, 30 min, 2, 5, 10, 14, 20 and 24 h after the try before, and then given up', async () => {
    await using rig = await openRig(() => 500)
    const { events, receiver, time } = rig
    await events.record(events.db, characterStory().failed)
    const delays = [5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR]
    for (const [index, delayMs] of delays.entries()) {
      const attempts = index + 1
      await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ status: 'pending', attempts, lastStatus: 500, lastError: 'http_error', nextAtMs: time.nowMs + delayMs }])
      time.nowMs += delayMs - 1
      await events.resume()
      time.nowMs += 1
      await events.resume()
    }
    await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ status: 'failed', attempts: 10, nextAtMs: null }])
    expect(receiver.received).toHaveLength(10)
    const timestamps = receiver.received.map(({ headers }) => Number(headers['webhook-timestamp']) - START_MS / 1000)
    expect(timestamps).toEqual(delays.reduce<number[]>((times, delayMs) => [...times, (times.at(-1) ?? 0) + delayMs / 1000], [0]))
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  })

  test.each([[0, 4500], [1, 5500]])('comes back up to a tenth sooner or later: with %d after %d ms', async (random, delayMs) => {
    await using rig = await openRig(() => 503, { random: () => random })
    await rig.events.record(rig.events.db, characterStory().failed)
    await expect.poll(() => deliveries(rig.events), PATIENTLY).toMatchObject([{ status: 'pending', nextAtMs: START_MS + delayMs }])
  })

  test.each([[302, 'http_error'], [404, 'http_error'], [null, 'timeout']])('may be answered with %s', async (status, lastError) => {
    await using rig = await openRig(() => status, { answerMs: status === null ? 200 : 15_000 })
    await rig.events.record(rig.events.db, characterStory().failed)
    await expect.poll(() => deliveries(rig.events), PATIENTLY).toMatchObject([{ status: 'pending', attempts: 1, lastStatus: status, lastError }])
  })

  test('is delivered at a later try, which needs no nudge', async () => {
    await using rig = await openRig((_received, count) => (count === 1 ? 500 : 204))
    const { events, time } = rig
    await events.record(events.db, characterStory().failed)
    await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ status: 'pending', attempts: 1 }])
    const [{ nextAtMs }] = await deliveries(events)
    time.nowMs = Number(nextAtMs) - 20
    await events.resume()
    time.nowMs += 20
    await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ status: 'delivered', attempts: 2, lastStatus: 204, lastError: null }])
  })

  test('does not keep what was answered', async () => {
    await using rig = await openRig(() => 500)
    await rig.events.record(rig.events.db, characterStory().failed)
    await expect.poll(() => deliveries(rig.events), PATIENTLY).toMatchObject([{ attempts: 1 }])
    expect(JSON.stringify(await rig.events.db.selectFrom('webhook_deliveries').selectAll().execute())).not.toContain('not for keeping')
    expect(rig.events.logged.join('')).not.toContain(rig.receiver.pair)
  })
})

test('what happens to one object is delivered in order, whatever happens to others', async () => {
  const refused: string[] = []
  await using rig = await openRig(({ event }) => {
    if (event.type !== 'character.failed' || refused.length > 0) return 200
    refused.push(event.id)
    return 500
  })
  const { events, receiver, time } = rig
  const [slow, quick] = [characterStory(), characterStory()]
  await events.record(events.db, slow.failed)
  await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ status: 'pending', attempts: 1 }])
  await events.record(events.db, slow.deleted)
  await events.record(events.db, quick.deleted)
  await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ status: 'pending', attempts: 1 }, { status: 'pending', attempts: 0 }, { status: 'delivered' }])
  time.nowMs += 6 * SECOND
  await events.resume()
  await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ status: 'delivered' }, { status: 'delivered' }, { status: 'delivered' }])
  expect(receiver.received.filter(({ event }) => event.data.id === slow.id).map(({ event }) => event.type)).toEqual(['character.failed', 'character.failed', 'character.deleted'])
})

test('one that is held back follows once the one before it is given up', async () => {
  await using rig = await openRig(({ event }) => (event.type === 'character.failed' ? 500 : 200))
  const { events, time } = rig
  const story = characterStory()
  await events.record(events.db, story.failed)
  await events.record(events.db, story.deleted)
  for (let attempts = 1; attempts < 10; attempts++) {
    await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ attempts }, { status: 'pending', attempts: 0 }])
    time.nowMs += 25 * HOUR
    await events.resume()
  }
  await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ status: 'failed' }, { status: 'delivered', attempts: 1 }])
})

test('an endpoint that is gone is sent nothing more until it is changed', async () => {
  await using rig = await openRig((_received, count) => (count === 1 ? 500 : count === 2 ? 410 : 200))
  const { events, receiver, endpoint, time } = rig
  const [waiting, last, later] = [characterStory(), characterStory(), characterStory()]
  await events.record(events.db, waiting.failed)
  await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ status: 'pending' }])
  await events.record(events.db, last.failed)
  await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ status: 'failed', lastError: 'endpoint_gone' }, { status: 'failed', lastStatus: 410, lastError: 'endpoint_gone' }])
  expect(await events.webhooks.find('local', endpoint.id)).toMatchObject({ isDisabled: true })
  await events.record(events.db, later.failed)
  time.nowMs += HOUR
  await events.resume()
  expect(await deliveries(events)).toHaveLength(2)
  expect(await events.webhooks.update('local', endpoint.id, {})).toMatchObject({ isDisabled: false })
  await events.record(events.db, later.deleted)
  await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{}, {}, { status: 'delivered', eventType: 'character.deleted' }])
  expect(receiver.received).toHaveLength(3)
})

describe('secrets', () => {
  test('the old one signs beside the new one for a day, if it is to be kept', async () => {
    await using rig = await openRig()
    const { events, receiver, endpoint, time } = rig
    const rotated = await events.webhooks.rotateSecret('local', endpoint.id, { keepsOldSecret: true })
    expect(rotated.secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/)
    expect(rotated.secret).not.toBe(endpoint.secret)
    await events.record(events.db, characterStory().failed)
    await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ status: 'delivered' }])
    const [first] = receiver.received
    expect(first.headers['webhook-signature']).toBe(`${verify(first, rotated.secret)} ${verify(first, endpoint.secret)}`)
    time.nowMs += 24 * HOUR
    await events.record(events.db, characterStory().failed)
    await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{}, { status: 'delivered' }])
    expect(receiver.received[1].headers['webhook-signature']).toBe(verify(receiver.received[1], rotated.secret))
  })

  test('the old one is over at once, if it is not', async () => {
    await using rig = await openRig()
    const { events, receiver, endpoint } = rig
    const rotated = await events.webhooks.rotateSecret('local', endpoint.id, { keepsOldSecret: false })
    await events.record(events.db, characterStory().failed)
    await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ status: 'delivered' }])
    expect(receiver.received[0].headers['webhook-signature']).toBe(verify(receiver.received[0], rotated.secret))
  })
})

describe('where it may lead', () => {
  test('is judged at each try: a name that leads to a private address is not connected to', async () => {
    await using canary = await startRawOrigin(() => {})
    await using dns = await startDnsServer({ 'hooks.test': [['127.0.0.1'], ['10.1.2.3'], ['192.168.1.1']] })
    const time = { nowMs: START_MS }
    await using events = await openMemoryEvents({ clock: () => time.nowMs, dnsServers: [dns.server] })
    await events.webhooks.create('local', { name: 'hooks', url: `https://hooks.test:${canary.port}/`, eventTypes: ['character.failed'] })
    await events.record(events.db, characterStory().failed)
    for (let attempts = 1; attempts <= 3; attempts++) {
      await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ status: 'pending', attempts, lastStatus: null, lastError: 'url_not_allowed' }])
      time.nowMs += 25 * HOUR
      await events.resume()
    }
    expect(canary.connections).toHaveLength(0)
  })

  test('an address that is not exempt any more is not reached, though its endpoint was made while it was', async () => {
    await using rig = await openRig()
    const { events, endpoint, receiver } = rig
    await events.db.updateTable('webhook_endpoints').set({ url: receiver.url.replace('127.0.0.1', '127.0.0.2') }).where('id', '=', endpoint.id).execute()
    await events.record(events.db, characterStory().failed)
    await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ status: 'pending', lastError: 'url_not_allowed' }])
    expect(await events.webhooks.test('local', endpoint.id, 'video.completed')).toEqual({ status: null, error: 'url_not_allowed' })
  })

  test.each(['http://hooks.example/', 'https://10.0.0.1/', 'https://localhost.:1/', 'not a url'])('is judged when an endpoint is made or changed: %s', async (url) => {
    await using rig = await openRig()
    const { webhooks } = rig.events
    const refusal = { code: expect.stringMatching(/^(?:url_not_allowed|invalid_url)$/), param: 'url' }
    await expect(webhooks.create('local', { name: 'hooks', url, eventTypes: ['video.completed'] })).rejects.toMatchObject(refusal)
    await expect(webhooks.update('local', rig.endpoint.id, { url })).rejects.toMatchObject(refusal)
  })
})

describe('over restarts', () => {
  test('what was committed is delivered, and what was under way is sent again', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dramatis-webhooks-'))
    const file = join(folder, 'dramatis.db')
    await using receiver = await startWebhookReceiver((_received, count) => (count === 1 ? null : 200))
    const [cut, unsent] = [characterStory(), characterStory()]
    {
      const events = await openMemoryEvents({ file, allow: [receiver.pair] })
      await events.webhooks.create('local', { name: 'hooks', url: receiver.url, eventTypes: ['character.failed', 'character.deleted'] })
      await events.record(events.db, cut.failed)
      await vi.waitFor(() => expect(receiver.received).toHaveLength(1), PATIENTLY)
      const ending = events.drain()
      await events.record(events.db, unsent.deleted)
      await ending
      await events.db.destroy()
    }
    await using events = await openMemoryEvents({ file, allow: [receiver.pair], clock: () => Date.now() + MINUTE })
    expect(receiver.received).toHaveLength(1)
    await events.resume()
    await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ eventType: 'character.failed', status: 'delivered' }, { eventType: 'character.deleted', status: 'delivered', attempts: 1 }])
    expect(receiver.received.map(({ event }) => event.type).toSorted()).toEqual(['character.deleted', 'character.failed', 'character.failed'])
    await events.drain()
    await rm(folder, { recursive: true })
  })

  test('what was committed right before the process was killed is delivered', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'dramatis-webhooks-'))
    const file = join(folder, 'dramatis.db')
    await using receiver = await startWebhookReceiver()
    const story = characterStory()
    {
      await using events = await openMemoryEvents({ file, allow: [receiver.pair] })
      await events.webhooks.create('local', { name: 'hooks', url: receiver.url, eventTypes: ['character.deleted'] })
    }
    const program = `
      import { openMemoryEvents } from ${JSON.stringify(new URL('../../test/support/memory-events.ts', import.meta.url).href)}
      const events = await openMemoryEvents({ file: ${JSON.stringify(file)}, allow: [${JSON.stringify(receiver.pair)}] })
      await events.db.transaction().execute((trx) => events.record(trx, ${JSON.stringify(story.deleted)}))
      process.kill(process.pid, 'SIGKILL')`
    const killed = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: ['ignore', 'ignore', 'inherit'] })
    expect(await once(killed, 'exit')).toEqual([null, 'SIGKILL'])
    {
      await using events = await openMemoryEvents({ file, allow: [receiver.pair] })
      await events.resume()
      await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ eventType: 'character.deleted', status: 'delivered' }])
    }
    expect(receiver.received.at(-1)?.event).toMatchObject({ type: 'character.deleted', data: { id: story.id } })
    await rm(folder, { recursive: true })
  })
})

test('what is committed while the service ends is not sent', async () => {
  await using rig = await openRig()
  const { events, receiver } = rig
  const [recorded, held] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const recording = events.db.transaction().execute(async (trx) => {
    await events.record(trx, characterStory().deleted)
    recorded.resolve()
    await held.promise
  })
  await recorded.promise
  const ending = events.drain()
  held.resolve()
  await Promise.all([recording, ending])
  await sleep(50) // for what must not come
  expect([receiver.received, events.logged]).toEqual([[], []])
  expect(await deliveries(events)).toMatchObject([{ status: 'pending', attempts: 0 }])
})

describe('an endpoint that hangs', () => {
  test('holds only four deliveries at a time, and nobody else', async () => {
    const stuck = Promise.withResolvers<number>()
    await using rig = await openRig(() => stuck.promise)
    await using other = await startWebhookReceiver()
    await using events = await openMemoryEvents({ allow: [rig.receiver.pair, other.pair] })
    const types = ['character.failed'] as const
    for (const { url } of [rig.receiver, other]) await events.webhooks.create('local', { name: 'hooks', url, eventTypes: types })
    for (let i = 0; i < 20; i++) await events.record(events.db, characterStory().failed)
    await vi.waitFor(() => expect(other.received).toHaveLength(20), PATIENTLY)
    expect(rig.receiver.received).toHaveLength(4)
    stuck.resolve(200)
    await vi.waitFor(() => expect(rig.receiver.received.length).toBeGreaterThanOrEqual(20), PATIENTLY)
  })
})

describe('sending again', () => {
  test('makes a new delivery of one that ended, with the same event', async () => {
    await using rig = await openRig()
    const { events, receiver } = rig
    await events.record(events.db, characterStory().failed)
    await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ status: 'delivered' }])
    const [first] = await deliveries(events)
    const again = await events.webhooks.redeliver('local', first.id)
    expect(again).toMatchObject({ status: 'pending', eventId: first.eventId, attempts: 0 })
    expect(again.id).not.toBe(first.id)
    await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ status: 'delivered' }, { id: again.id, status: 'delivered' }])
    expect(receiver.received[1].body).toBe(receiver.received[0].body)
    await expect(events.webhooks.redeliver('bob', first.id)).rejects.toMatchObject({ code: 'not_found' })
  })

  test('tries one that waits at once', async () => {
    await using rig = await openRig((_received, count) => (count === 1 ? 500 : 200))
    const { events } = rig
    await events.record(events.db, characterStory().failed)
    await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ status: 'pending', attempts: 1 }])
    const [first] = await deliveries(events)
    expect(await events.webhooks.redeliver('local', first.id)).toMatchObject({ id: first.id, nextAtMs: START_MS })
    await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ id: first.id, status: 'delivered', attempts: 2 }])
  })
})

test('deliveries go with their endpoint; ended ones after a week, and beyond the most of an account', async () => {
  await using rig = await openRig((_received, count) => (count > 4 ? 500 : 200))
  const { events, time, endpoint } = rig
  for (let i = 0; i < 4; i++) await events.record(events.db, characterStory().failed)
  await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject(Array.from({ length: 4 }, () => ({ status: 'delivered' })))
  await boundAccounts(events.db, { events: 100, deliveries: 2 })
  expect(await deliveries(events)).toHaveLength(2)
  time.nowMs += 8 * 24 * HOUR
  await forgetOld(events.db, time.nowMs)
  expect(await deliveries(events)).toHaveLength(0)
  await events.record(events.db, characterStory().failed)
  await expect.poll(() => deliveries(events), PATIENTLY).toMatchObject([{ status: 'pending' }])
  await events.webhooks.remove('local', endpoint.id)
  expect(await deliveries(events)).toHaveLength(0)
})


describe.each(DATABASES)('several processes on %s', (kind) => {
  /** Two processes that deliver, one that only records, one clock for all and a receiver. On SQLite they share their one connection: in one process two would wait for each other. */
  async function openProcesses(answer: Parameters<typeof startWebhookReceiver>[0] = () => 200) {
    await using stack = new AsyncDisposableStack()
    const receiver = stack.use(await startWebhookReceiver(answer))
    const database = stack.use(await openTestDatabase(kind))
    const time = { nowMs: START_MS }
    const open = async (delivers: boolean) => stack.use(await openMemoryEvents({ on: kind === 'sqlite' ? database : await database.another(), delivers, sharedClock: () => time.nowMs, allow: [receiver.pair] }))
    const [one, two, recorder] = [await open(true), await open(true), await open(false)]
    await recorder.webhooks.create('local', { name: 'hooks', url: receiver.url, eventTypes: WEBHOOK_EVENT_TYPES })
    const opened = stack.move()
    return { one, two, recorder, receiver, time, [Symbol.asyncDispose]: () => opened.disposeAsync() }
  }

  test('what one records another delivers, each once and in order, whoever it is', async () => {
    await using processes = await openProcesses()
    const { recorder, receiver } = processes
    const stories = Array.from({ length: 10 }, () => characterStory())
    for (const story of stories) await recorder.record(recorder.db, story.failed)
    for (const story of stories) await recorder.record(recorder.db, story.deleted)
    await expect.poll(async () => (await deliveries(recorder)).filter(({ status }) => status === 'delivered').length, PATIENTLY).toBe(20)
    expect(receiver.received).toHaveLength(20)
    for (const { id } of stories) expect(receiver.received.filter(({ event }) => event.data.id === id).map(({ event }) => event.type)).toEqual(['character.failed', 'character.deleted'])
    expect((await recorder.figures()).attempts.delivered).toBe(0)
    const figures = [await processes.one.figures(), await processes.two.figures()]
    expect(figures.map(({ attempts }) => attempts.delivered).reduce((sum, count) => sum + count)).toBe(20)
  })

  test('one that is under way is left to who has it, and taken up behind its time; what that one writes late has no effect', async () => {
    const stuck = Promise.withResolvers<number>()
    await using processes = await openProcesses((_received, count) => (count === 1 ? stuck.promise : 200))
    const { one, two, recorder, receiver, time } = processes
    const story = characterStory()
    await recorder.record(recorder.db, story.failed)
    await vi.waitFor(() => expect(receiver.received).toHaveLength(1), PATIENTLY)
    await recorder.record(recorder.db, story.deleted)
    const [{ id }] = await deliveries(recorder)
    await recorder.webhooks.redeliver('local', id)
    time.nowMs += 59 * SECOND
    for (const events of [one, two]) await events.resume()
    await sleep(50) // for what must not come
    expect(receiver.received).toHaveLength(1)
    time.nowMs += SECOND
    for (const events of [one, two]) await events.resume()
    await expect.poll(() => deliveries(recorder), PATIENTLY).toMatchObject([{ status: 'delivered', attempts: 1 }, { status: 'delivered' }])
    stuck.resolve(410)
    await vi.waitFor(() => expect([one, two].flatMap(({ logged }) => logged).filter((line) => line.includes('webhook.'))).toHaveLength(3), PATIENTLY)
    expect(await deliveries(recorder)).toMatchObject([{ status: 'delivered', attempts: 1, lastStatus: 200 }, { status: 'delivered' }])
    expect(receiver.received).toHaveLength(3)
    expect((await recorder.webhooks.list('local', { limit: 10, order: 'asc' })).endpoints).toMatchObject([{ isDisabled: false }])
  })

  test('an endpoint that goes while something happens takes nothing with it', async () => {
    await using database = await openTestDatabase(kind)
    await using events = await openMemoryEvents({ on: database, delivers: false, allow: ['127.0.0.1:1'] })
    const endpoints = await Promise.all(Array.from({ length: 10 }, (_, index) => events.webhooks.create('local', { name: `hooks ${index}`, url: 'http://127.0.0.1:1/', eventTypes: WEBHOOK_EVENT_TYPES })))
    await Promise.all(endpoints.flatMap(({ id }) => [events.webhooks.remove('local', id), events.record(events.db, characterStory().failed)]))
    expect(await deliveries(events)).toEqual([])
    expect(await events.db.selectFrom('events').select('id').execute()).toHaveLength(10)
  })
})
