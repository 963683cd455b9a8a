import OpenAI, { InvalidWebhookSignatureError } from 'openai'
import OpenAI6 from 'openai-6'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { characterStory } from '../support/happenings.ts'
import { startHttpServer, type TestServer } from '../support/http-server.ts'
import { openMemoryEvents, type MemoryEvents } from '../support/memory-events.ts'
import { startWebhookReceiver, type Received, type WebhookReceiver } from '../support/webhook-receiver.ts'

// The official SDK, as it is, manages endpoints and checks what they are sent.

let receiver: WebhookReceiver
let events: MemoryEvents
let server: TestServer
let client: OpenAI
beforeEach(async () => {
  receiver = await startWebhookReceiver()
  events = await openMemoryEvents({ allow: [receiver.pair] })
  server = await startHttpServer({ events, settings: { isOpen: false } })
  client = new OpenAI({ apiKey: 'drm_alice', baseURL: `${server.url}/v1`, maxRetries: 0 })
})
afterEach(async () => {
  await receiver[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
  await events[Symbol.asyncDispose]()
})

type EventTypes = Parameters<OpenAI['webhooks']['create']>[0]['event_types']
/** Its types list OpenAI's own events alone. */
const types = (...names: readonly string[]): EventTypes => names as unknown as EventTypes
const create = (name = 'hooks') => client.webhooks.create({ name, url: receiver.url, event_types: types('character.failed', 'video.completed') })

/** The next webhook, once it has come. */
async function received(count: number): Promise<Received> {
  return await vi.waitFor(() => {
    const one = receiver.received[count - 1]
    if (one === undefined) throw new Error('not yet')
    return one
  }, { timeout: 15_000 })
}
const headersOf = ({ headers }: Received): Headers => new Headers(Object.entries(headers).map(([name, value]) => [name, String(value)]))

test('create, retrieve, update, list over pages, and delete', async () => {
  const made = await create()
  expect(made.signing_secret).toMatch(/^whsec_/)
  expect(await client.webhooks.retrieve(made.id)).toMatchObject({ id: made.id, name: 'hooks', object: 'webhook_endpoint' })
  const updated = await client.webhooks.update(made.id, { name: 'renamed', event_types: types('video.failed') })
  expect(updated).toMatchObject({ name: 'renamed', event_types: ['video.failed'], url: receiver.url })
  expect(updated).not.toHaveProperty('signing_secret')
  const others = [await create('second'), await create('third')]
  const listed: string[] = []
  for await (const { id } of client.webhooks.list({ limit: 1 })) listed.push(id)
  expect(listed).toEqual([others[1].id, others[0].id, made.id])
  expect(await client.webhooks.delete(made.id)).toEqual({ id: made.id, object: 'webhook_endpoint.deleted', deleted: true })
  await expect(client.webhooks.retrieve(made.id)).rejects.toMatchObject({ status: 404, code: 'not_found' })
  expect((await client.webhooks.eventTypes.list()).data).toContain('character.completed')
})

test('a delivered webhook unwraps, with the old secret and the new one after a rotation', async () => {
  const made = await create()
  const story = characterStory(undefined, 'alice')
  await events.record(events.db, story.failed)
  const first = await received(1)
  const unwrapped: unknown = await client.webhooks.unwrap(first.body, headersOf(first), made.signing_secret)
  expect(unwrapped).toMatchObject({ object: 'event', type: 'character.failed', id: first.headers['webhook-id'], data: { id: story.id, error: { code: 'media_no_video' } } })
  await expect(client.webhooks.unwrap(`${first.body} `, headersOf(first), made.signing_secret)).rejects.toThrow(InvalidWebhookSignatureError)

  const kept = await client.webhooks.rotateSecret(made.id, { keep_old_secret_active_for_24_hours: true })
  await events.record(events.db, characterStory(undefined, 'alice').failed)
  const second = await received(2)
  for (const secret of [made.signing_secret, kept.signing_secret]) {
    expect(await client.webhooks.unwrap(second.body, headersOf(second), secret)).toMatchObject({ type: 'character.failed' })
  }

  const rotated = await client.webhooks.rotateSecret(made.id)
  await events.record(events.db, characterStory(undefined, 'alice').failed)
  const third = await received(3)
  expect(await client.webhooks.unwrap(third.body, headersOf(third), rotated.signing_secret)).toMatchObject({ type: 'character.failed' })
  for (const old of [made, kept]) await expect(client.webhooks.unwrap(third.body, headersOf(third), old.signing_secret)).rejects.toThrow(InvalidWebhookSignatureError)
})

test('the previous major version of the SDK unwraps it too', async () => {
  const made = await create()
  await events.record(events.db, characterStory(undefined, 'alice').failed)
  const one = await received(1)
  const earlier = new OpenAI6({ apiKey: 'drm_alice', baseURL: `${server.url}/v1`, webhookSecret: made.signing_secret })
  expect(await earlier.webhooks.unwrap(one.body, headersOf(one))).toMatchObject({ object: 'event', type: 'character.failed' })
})

test('a test says how the endpoint answered', async () => {
  const { id, signing_secret } = await create()
  const [event_type] = types('video.completed')
  expect(await client.webhooks.test(id, { event_type } as Parameters<OpenAI['webhooks']['test']>[1])).toMatchObject({ object: 'webhook_endpoint.test', webhook_endpoint_id: id, status_code: 200, success: true })
  const one = await received(1)
  expect(await client.webhooks.unwrap(one.body, headersOf(one), signing_secret)).toMatchObject({ type: 'video.completed' })
})
