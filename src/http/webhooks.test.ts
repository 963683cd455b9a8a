import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { characterStory } from '../../test/support/happenings.ts'
import { startHttpServer, type TestServer } from '../../test/support/http-server.ts'
import { openMemoryEvents, type MemoryEvents } from '../../test/support/memory-events.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../../test/support/webhook-receiver.ts'

let receiver: WebhookReceiver
let events: MemoryEvents
let server: TestServer
let status = 200
beforeEach(async () => {
  status = 200
  receiver = await startWebhookReceiver(() => status)
  events = await openMemoryEvents({ allow: [receiver.pair] })
  server = await startHttpServer({ events, settings: { isOpen: false } })
})
afterEach(async () => {
  await receiver[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
  await events[Symbol.asyncDispose]()
})

const headersOf = (key: string) => ({ authorization: `Bearer ${key}` })
const get = async (path: string, key = 'drm_alice') => {
  const response = await server.request(path, { headers: headersOf(key) })
  return { status: response.status, body: await response.json() }
}
const post = async (path: string, body: unknown, key = 'drm_alice') => {
  const response = await server.postJson(path, body, headersOf(key))
  return { status: response.status, body: await response.json() }
}
const newEndpoint = async (facts: object = {}) => (await post('/v1/webhook_endpoints', { name: 'hooks', url: receiver.url, event_types: ['character.failed', 'character.failed'], ...facts })).body
const delivered = (query: string) => vi.waitFor(async () => {
  const { body } = await get(`/v1/webhook_deliveries?${query}`)
  expect(body.data).not.toEqual([])
  return body.data
}, { timeout: 15_000 })

describe('an endpoint', () => {
  test('shows its secret when it is made, and its last four characters from then on', async () => {
    const made = await newEndpoint()
    expect(made).toEqual({
      id: expect.stringMatching(/^whe_[0-9a-f]{32}$/), object: 'webhook_endpoint', created_at: expect.any(Number), updated_at: expect.any(Number), name: 'hooks', url: receiver.url, event_types: ['character.failed'],
      signing_secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/), signing_secret_hint: `whsec_…${made.signing_secret.slice(-4)}`, disabled: false,
    })
    const { signing_secret: _secret, ...shown } = made
    expect((await get(`/v1/webhook_endpoints/${made.id}`)).body).toEqual(shown)
    expect((await get('/v1/webhook_endpoints')).body).toEqual({ object: 'list', data: [shown], first_id: made.id, last_id: made.id, has_more: false })
    const rotated = await post(`/v1/webhook_endpoints/${made.id}/rotate_secret`, {})
    expect(rotated.body.signing_secret).not.toBe(made.signing_secret)
    expect(server.logged.join('') + events.logged.join('')).not.toContain('whsec_')
  })

  test('is changed in part, and goes', async () => {
    const { id } = await newEndpoint()
    expect((await post(`/v1/webhook_endpoints/${id}`, { name: 'other', event_types: ['video.completed'] })).body).toMatchObject({ id, name: 'other', url: receiver.url, event_types: ['video.completed'] })
    const gone = await server.request(`/v1/webhook_endpoints/${id}`, { method: 'DELETE', headers: headersOf('drm_alice') })
    expect(await gone.json()).toEqual({ id, object: 'webhook_endpoint.deleted', deleted: true })
    expect((await get(`/v1/webhook_endpoints/${id}`)).body.error).toMatchObject({ code: 'not_found', hint: 'See GET /v1/webhook_endpoints.' })
  })

  test.each<[string, object, string]>([
    ['no name', { name: undefined }, 'name'], ['an unknown type', { event_types: ['character.queued'] }, 'event_types.0'], ['no types', { event_types: [] }, 'event_types'],
    ['a private address', { url: 'https://10.0.0.1/' }, 'url'], ['no TLS', { url: 'http://example.com/' }, 'url'], ['no address', { url: 'hooks' }, 'url'],
  ])('with %s is refused', async (_what, facts, param) => {
    expect(await post('/v1/webhook_endpoints', { name: 'hooks', url: receiver.url, event_types: ['character.failed'], ...facts })).toMatchObject({ status: 400, body: { error: { param } } })
  })

  test('is one of at most 64', async () => {
    const made = await Promise.all(Array.from({ length: 65 }, () => post('/v1/webhook_endpoints', { name: 'hooks', url: receiver.url, event_types: ['character.failed'] })))
    expect(made.filter(({ status }) => status === 200)).toHaveLength(64)
    expect(made.find(({ status }) => status !== 200)).toMatchObject({ status: 400, body: { error: { code: 'invalid_parameter' } } })
    const { body } = await get('/v1/webhook_endpoints?limit=40')
    const rest = await get(`/v1/webhook_endpoints?limit=40&after=${body.last_id}`)
    expect([body.data.length, body.has_more, rest.body.data.length, rest.body.has_more]).toEqual([40, true, 24, false])
  })

  test('is there for its account alone, with a key for webhooks', async () => {
    const { id } = await newEndpoint()
    for (const [path, body] of [[`/v1/webhook_endpoints/${id}`, {}], [`/v1/webhook_endpoints/${id}/rotate_secret`, {}], [`/v1/webhook_endpoints/${id}/test`, { event_type: 'video.completed' }]] as const) {
      expect((await post(path, body, 'drm_bob')).status).toBe(404)
      expect((await post(path, body, 'drm_reader')).status).toBe(403)
    }
    expect((await get(`/v1/webhook_endpoints/${id}`, 'drm_bob')).status).toBe(404)
    expect((await server.request(`/v1/webhook_endpoints/${id}`, { method: 'DELETE', headers: headersOf('drm_bob') })).status).toBe(404)
    expect((await get('/v1/webhook_endpoints', 'drm_bob')).body.data).toEqual([])
    expect(receiver.received).toHaveLength(0)
  })
})

describe('a test', () => {
  test('sends a made-up event and says how it was answered', async () => {
    const { id } = await newEndpoint()
    status = 418
    expect((await post(`/v1/webhook_endpoints/${id}/test`, { event_type: 'video.completed' })).body).toEqual({ object: 'webhook_endpoint.test', webhook_endpoint_id: id, event_type: 'video.completed', status_code: 418, success: true })
    expect(receiver.received[0].event).toMatchObject({ object: 'event', type: 'video.completed', data: { test: true } })
    expect((await get('/v1/webhook_deliveries')).body.data).toEqual([])
  })

  test('of an endpoint that does not answer is refused with the reason', async () => {
    const { id } = await newEndpoint()
    await receiver[Symbol.asyncDispose]()
    const { status, body } = await post(`/v1/webhook_endpoints/${id}/test`, { event_type: 'video.completed' })
    expect([status, body.error.param, body.error.message]).toEqual([400, 'url', 'url cannot be used: the endpoint gave no answer (unreachable).'])
    receiver = await startWebhookReceiver()
  })
})

describe('deliveries', () => {
  test('are listed by endpoint and status, and sent again', async () => {
    const [one, other] = [await newEndpoint(), await newEndpoint()]
    const story = characterStory(undefined, 'alice')
    await events.record(events.db, story.failed)
    const [first] = await delivered(`endpoint=${one.id}&status=delivered`)
    expect(first).toEqual({
      id: expect.stringMatching(/^whd_/), object: 'webhook_delivery', webhook_endpoint_id: one.id, event_id: receiver.received[0].event.id, event_type: 'character.failed', status: 'delivered', attempts: 1,
      last_status_code: 200, last_error: null, next_attempt_at: null, created_at: expect.any(Number),
    })
    await delivered(`endpoint=${other.id}&status=delivered`)
    expect((await get('/v1/webhook_deliveries')).body.data).toHaveLength(2)
    expect((await get('/v1/webhook_deliveries?status=failed')).body.data).toEqual([])
    expect((await get('/v1/webhook_deliveries', 'drm_bob')).body.data).toEqual([])
    const again = await server.request(`/v1/webhook_deliveries/${first.id}/redeliver`, { method: 'POST', headers: headersOf('drm_alice') })
    expect(await again.json()).toMatchObject({ event_id: first.event_id, status: 'pending', attempts: 0 })
    await vi.waitFor(() => expect(receiver.received).toHaveLength(3), { timeout: 15_000 })
    expect((await server.request(`/v1/webhook_deliveries/${first.id}/redeliver`, { method: 'POST', headers: headersOf('drm_bob') })).status).toBe(404)
  })

  test('that wait say when they are tried next', async () => {
    await newEndpoint()
    status = 500
    await events.record(events.db, characterStory(undefined, 'alice').failed)
    await vi.waitFor(async () => expect((await get('/v1/webhook_deliveries')).body.data).toMatchObject([{ status: 'pending', attempts: 1, last_status_code: 500, last_error: 'http_error', next_attempt_at: expect.any(Number) }]), { timeout: 15_000 })
  })
})

test('the types that can be sent are listed', async () => {
  expect((await get('/v1/webhook_event_types')).body).toEqual({
    object: 'list',
    data: ['character.completed', 'character.failed', 'character.updated', 'character.deleted', 'character.restored', 'video.completed', 'video.failed', 'video.deleted'],
  })
})
