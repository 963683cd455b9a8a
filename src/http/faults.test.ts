import { connect } from 'node:net'
import { Registry } from 'prom-client'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorOf, formOf, nothingLeft, startHttpServer, type TestServer } from '../../test/support/http-server.ts'
import { AppError } from '../domain/errors.ts'
import { createLog } from '../runtime/log.ts'
import { createServiceServer } from './server.ts'

const RETRY_AFTER_SECONDS = 3
const gone = (): never => { throw new AppError('database_unavailable', { details: { retryAfterSeconds: RETRY_AFTER_SECONDS } }) }
const never = (): Promise<never> => new Promise(() => {})

/** Every method of it, however deep, finds no database. */
const broken = new Proxy({}, { get: () => new Proxy(async () => gone(), { get: () => async () => gone() }) }) as never

interface Operation { readonly requestBody?: unknown; readonly security?: unknown }
/** Something that fits every route far enough to be looked up. */
const PARAMS: Readonly<Record<string, string>> = { ref: 'char_00000000000000000000000000000000', id: 'video_00000000000000000000000000000000', token: 'aaaaaaaaaaaaaaaaaaaaaa', name: 'portrait.webp', n: '1', username: 'misty_otter', code: 'not_found' }
const CLIP = { url: 'https://example.com/a.mp4', timestamps: '1,3' }
/** By address; the doors of others ignore what they do not know. */
const BODIES: Readonly<Record<string, unknown>> = {
  '/v1/characters': CLIP, '/v1/characters/detect': CLIP, '/v1/characters/{ref}': { description: 'd' }, '/v1/videos/characters': { ...CLIP, name: 'n' }, '/v1/prompts/resolve': { prompt: 'p' },
  '/v1/webhook_endpoints': { name: 'n', url: 'https://example.com/hook', event_types: ['video.completed'] }, '/v1/webhook_endpoints/{id}': { name: 'n' }, '/v1/webhook_endpoints/{id}/rotate_secret': {}, '/v1/webhook_endpoints/{id}/test': { event_type: 'video.completed' },
}
const ANY_BODY = { ...CLIP, prompt: 'p', video: PARAMS.id }
/** Those that need no database. */
const WITHOUT = /^\/(?:healthz|readyz|metrics|openapi\.json|docs\/.*|assets\/.*|profile\/.*|v1\/backends.*|v1\/webhook_event_types|v1\/characters\/import)$/

async function sendEverywhere(server: TestServer, headers: Readonly<Record<string, string>> = {}): Promise<ReadonlyMap<string, Response>> {
  const { paths }: { paths: Readonly<Record<string, Readonly<Record<string, Operation>>>> } = await (await server.request('/openapi.json')).json()
  const sent = Object.entries(paths).flatMap(([path, methods]) => Object.keys(methods).map(async (method) => {
    const address = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => PARAMS[name])
    const hasBody = methods[method].requestBody !== undefined
    const response = await server.request(address, { method: method.toUpperCase(), headers: { ...headers, ...(hasBody && { 'content-type': 'application/json' }) }, ...(hasBody && { body: JSON.stringify(BODIES[path] ?? ANY_BODY) }) })
    return [`${method} ${path}`, response] as const
  }))
  return new Map(await Promise.all(sent))
}

const as = (key: string) => ({ authorization: `Bearer ${key}` })
const form = () => formOf({ video: new Blob(['film']), timestamps: '1,3' })

const refusalOf = (response: Response) => ({ status: response.status, retryAfter: response.headers.get('retry-after'), shouldRetry: response.headers.get('x-should-retry') })
const UNAVAILABLE = { status: 503, retryAfter: String(RETRY_AFTER_SECONDS), shouldRetry: null }

describe('a database out of reach', () => {
  test('is 503 with the time to come again on every route that asks it, and 500 on none', async () => {
    await using server = await startHttpServer({ deps: { characters: broken, videos: broken, events: broken } })
    const answers = await sendEverywhere(server)
    const asking = [...answers].filter(([route]) => !WITHOUT.test(route.replace(/^\w+ /, '')))
    expect(asking.length).toBeGreaterThan(40)
    expect(asking.map(([route, response]) => [route, refusalOf(response)])).toEqual(asking.map(([route]) => [route, UNAVAILABLE]))
    for (const [route, response] of answers) expect([route, response.status]).not.toEqual([route, 500])
  })

  test('is told in the envelope to programs, and as a page to people', async () => {
    await using server = await startHttpServer({ deps: { characters: broken } })
    expect(await errorOf(await server.request('/v1/characters'))).toMatchObject({ code: 'database_unavailable', type: 'server_error', hint: 'Wait 3 s and send it again.' })
    const page = await server.request('/', { headers: { accept: 'text/html' } })
    expect([refusalOf(page), page.headers.get('content-type')]).toEqual([UNAVAILABLE, 'text/html; charset=utf-8'])
  })

  test('is told before anything else where keys lie in it', async () => {
    await using server = await startHttpServer({ settings: { isOpen: false }, deps: { authenticate: async () => gone() } })
    const answers = await sendEverywhere(server, { authorization: 'Bearer drm_alice' })
    const keyed = [...answers].filter(([, { status }]) => status >= 500).map(([route, response]) => [route, refusalOf(response)])
    expect(keyed).toEqual(keyed.map(([route]) => [route, UNAVAILABLE]))
    expect(keyed.length).toBeGreaterThan(35)
  })

  test('with a key that is claimed in it', async () => {
    await using server = await startHttpServer({ idempotency: { claim: async () => gone() } })
    expect(refusalOf(await server.postJson('/v1/characters', CLIP, { 'idempotency-key': 'k' }))).toEqual(UNAVAILABLE)
  })
})

describe('whether it is ready', () => {
  test('is answered within a second and a bit, whatever it waits for', async () => {
    await using server = await startHttpServer({ deps: { readiness: never } })
    const start = performance.now()
    const response = await server.request('/readyz')
    expect(performance.now() - start).toBeLessThan(1500)
    expect([response.status, await response.json()]).toEqual([503, { ready: false, facts: { answered: false } }])
    expect((await server.request('/healthz')).status).toBe(200)
  })
})

describe('a queue that is full', () => {
  let server: TestServer
  beforeAll(async () => { server = await startHttpServer({ settings: { isOpen: false }, deps: { refusalOf: async (account) => (account === 'alice' ? new AppError('queue_full') : null) } }) })
  afterAll(() => server[Symbol.asyncDispose]())

  test('refuses an upload before it has come', async () => {
    const socket = connect(server.port, '127.0.0.1')
    socket.write('POST /v1/characters HTTP/1.1\r\nhost: x\r\nauthorization: Bearer drm_alice\r\ncontent-type: multipart/form-data; boundary=b\r\ncontent-length: 900000\r\n\r\n--b\r\n')
    const answer = await new Promise<string>((resolve) => { socket.once('data', (bytes) => resolve(String(bytes))) })
    socket.destroy()
    expect(answer).toMatch(/^HTTP\/1\.1 429 /)
    expect(answer).toMatch(/\r\nretry-after: \d+\r\n/i)
    expect(answer).toContain('queue_full')
    await nothingLeft(server)
  })

  test('but not that of who still has a place, nor what may have been answered before', async () => {
    expect((await server.request('/v1/characters', { method: 'POST', headers: as('drm_bob'), body: form() })).status).toBe(201)
    expect((await server.request('/v1/characters', { method: 'POST', headers: { ...as('drm_alice'), 'idempotency-key': 'k' }, body: form() })).status).toBe(201)
    expect((await server.postJson('/v1/characters', CLIP, as('drm_alice'))).status).toBe(201)
  })
})

describe('a process that takes no requests', () => {
  test('says how it is, and nothing else', async () => {
    const app = await createServiceServer({
      settings: { publicUrl: 'http://dramatis.test', syncBudgetMs: 1000, uploadMaxBytes: 1, isOpen: true, isMetricsPublic: false },
      log: createLog({ level: 'silent' }), metrics: new Registry(), readiness: () => ({ isReady: true, facts: { role: 'worker' } }),
    })
    const url = await app.listen({ host: '127.0.0.1', port: 0 })
    const statusOf = async (path: string, method = 'GET') => (await fetch(`${url}${path}`, { method })).status
    expect(await Promise.all(['/healthz', '/readyz', '/metrics', '/openapi.json', '/', '/v1/characters', '/docs/errors'].map((path) => statusOf(path)))).toEqual([200, 200, 200, 404, 404, 404, 404])
    expect(await statusOf('/v1/characters', 'POST')).toBe(404)
    const missing = await fetch(`${url}/v1/characters`)
    expect(missing.headers.get('x-request-id')).toMatch(/^req_/)
    expect((await missing.json()).error.code).toBe('not_found')
    app.announceClosing()
    expect(await statusOf('/readyz')).toBe(503)
    await app.close()
  })
})
