import OpenAI from 'openai'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startHttpServer, type TestServer } from '../../test/support/http-server.ts'
import { AppError } from '../domain/errors.ts'

const SEED = '/sora/v1/characters'
const clip = { url: 'https://example.com/clip.mp4', timestamps: '1,3' }

async function errorOf(response: Response): Promise<{ code: string; param: string | null; message: string; hint?: string; details?: Record<string, unknown> }> {
  const { error } = await response.json()
  return error
}

describe('the seed door', () => {
  test.each([SEED, '/v1/sora/characters', '/v1/sora/v1/characters', `${SEED}/`])('answers at %s with four keys, in order, without spaces', async (path) => {
    await using server = await startHttpServer()
    const response = await server.postJson(path, clip)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
    const text = await response.text()
    expect(text).toMatch(/^\{"id":"char_[0-9a-f]{32}","username":"[a-z_0-9]+","permalink":"http:\/\/dramatis\.test\/@[a-z_0-9]+","profile_picture_url":"http:\/\/dramatis\.test\/media\/[\w-]{22}\/portrait\.webp"\}$/)
    expect(response.headers.get('location')).toBe(`/v1/characters/${JSON.parse(text).id}`)
  })

  test('asks for the window and the serialised URL', async () => {
    await using server = await startHttpServer()
    await server.postJson(SEED, { url: 'HTTPS://Example.com/a b.mp4', timestamps: '1.5，3.25' })
    expect(server.characters.created[0]).toMatchObject({ account: 'local', source: { type: 'url', url: 'https://example.com/a%20b.mp4' }, window: { startMs: 1500, endMs: 3250 }, isForced: false })
  })

  test('ignores model and every other key', async () => {
    await using server = await startHttpServer()
    const response = await server.postJson(SEED, { ...clip, model: 'sora-2-character', username: 'mine', nonsense: { deep: [1] } })
    expect(response.status).toBe(200)
    expect(server.characters.created[0].options.username).toBeNull()
  })

  test('the same body is the same character, force is another', async () => {
    await using server = await startHttpServer()
    const [first, second, forced] = [await server.postJson(SEED, clip), await server.postJson(SEED, clip), await server.postJson(SEED, { ...clip, force: true })]
    const [a, b, c] = [await first.text(), await second.text(), await forced.text()]
    expect(b).toBe(a)
    expect(second.headers.get('idempotent-replayed')).toBe('true')
    expect(first.headers.get('idempotent-replayed')).toBeNull()
    expect(c).not.toBe(a)
  })

  test('past the budget it is 504 with a place to look, the job goes on, and the same body attaches', async () => {
    await using server = await startHttpServer({ settings: { syncBudgetMs: 60 } })
    server.characters.next('wait')
    const late = await server.postJson(SEED, clip)
    expect(late.status).toBe(504)
    expect(late.headers.get('retry-after')).toBe('2')
    expect(late.headers.get('x-should-retry')).toBeNull()
    const location = late.headers.get('location') ?? ''
    expect(await errorOf(late)).toMatchObject({ code: 'character_processing_timeout', type: 'server_error', param: null })

    const waiting = await server.request(location)
    expect(waiting.headers.get('openai-poll-after-ms')).toBe('1000')
    expect(await waiting.json()).toMatchObject({ status: 'queued', username: null, permalink: null, error: null })

    const again = server.postJson(SEED, clip)
    setTimeout(() => server.characters.finish(), 20)
    expect((await again).status).toBe(200)
    expect((await again).headers.get('location')).toBe(location)
  })

  test('Prefer: respond-async answers at once with the native object', async () => {
    await using server = await startHttpServer()
    server.characters.next('wait')
    const response = await server.postJson(SEED, clip, { prefer: 'wait=5, respond-async' })
    expect(response.status).toBe(202)
    expect(Object.fromEntries(response.headers)).toMatchObject({ 'preference-applied': 'respond-async', 'retry-after': '1', 'openai-poll-after-ms': '1000' })
    const body = await response.json()
    expect(body).toMatchObject({ object: 'character', status: 'queued' })
    expect(response.headers.get('location')).toBe(`/v1/characters/${body.id}`)
  })

  test('what the source turned out to be is the answer, and is final', async () => {
    await using server = await startHttpServer()
    server.characters.next(new AppError('timestamps_out_of_range', { param: 'timestamps', details: { start: 3, end: 5, duration: 2.4 } }))
    const response = await server.postJson(SEED, clip)
    expect(response.status).toBe(422)
    expect(response.headers.get('x-should-retry')).toBe('false')
    const body = await response.json()
    expect(Object.keys(body.error)).toEqual(['message', 'type', 'param', 'code', 'hint', 'docs_url', 'request_id', 'details'])
    expect(body.error).toMatchObject({
      message: 'The window 3–5 s is not inside the video, which is 2.4 s long.', type: 'invalid_request_error', param: 'timestamps', code: 'timestamps_out_of_range',
      hint: 'Choose a window inside 0–2.4 s.', docs_url: 'http://dramatis.test/docs/errors/timestamps_out_of_range', request_id: response.headers.get('x-request-id'), details: { duration: 2.4 },
    })
  })

  test('a full queue says when to come back', async () => {
    await using server = await startHttpServer()
    server.characters.next(new AppError('queue_full', { details: { retryAfterSeconds: 90 } }))
    const response = await server.postJson(SEED, clip)
    expect(response.status).toBe(429)
    expect(response.headers.get('retry-after')).toBe('60')
  })

  test.each([
    [{ timestamps: '1,3' }, 'missing_required_parameter', 'url'],
    [{ url: null, timestamps: '1,3' }, 'missing_required_parameter', 'url'],
    [{ url: clip.url }, 'missing_required_parameter', 'timestamps'],
    [{ url: clip.url, timestamps: null }, 'missing_required_parameter', 'timestamps'],
    [{}, 'missing_required_parameter', 'url'],
    [{ url: 5, timestamps: '1,3' }, 'invalid_parameter', 'url'],
    [{ url: '', timestamps: '1,3' }, 'invalid_url', 'url'],
    [{ url: 'ftp://example.com/clip.mp4', timestamps: '1,3' }, 'url_not_allowed', 'url'],
    [{ ...clip, force: 'yes' }, 'invalid_parameter', 'force'],
  ])('%j is %s at %s', async (body, code, param) => {
    await using server = await startHttpServer()
    const response = await server.postJson(SEED, body)
    expect(response.status).toBe(400)
    expect(await errorOf(response)).toMatchObject({ code, param })
    expect(server.characters.created).toEqual([])
  })

})

describe('timestamps through the door', () => {
  let server: TestServer
  beforeAll(async () => { server = await startHttpServer() })
  afterAll(() => server[Symbol.asyncDispose]())

  test.each([
    '1,3', '1, 3', '1，3', '１，３', '1、3', '1;3', '1；3', '1-3', '1–3', '1~3', '1～3', '1 3', '1 to 3', '1至3', '1到3秒', ' 1,3\n', '‘1,3’', '“1,3”', '[1,3]', '(1,3)',
    '1.,3', '1s,3s', '1 s,3 s', '1秒,3秒', '0:01,0:03', '00:00:01,00:00:03', [1, 3], ['1', '3'], { start: 1, end: 3 },
  ])('%j is the window from 1 to 3', async (timestamps) => {
    const response = await server.postJson(SEED, { url: clip.url, timestamps })
    expect(response.status).toBe(200)
    expect(server.characters.created.at(-1)?.window).toEqual({ startMs: 1000, endMs: 3000 })
  })

  test.each([
    ['', 'syntax'], ['1,', 'syntax'], ['1', 'count'], ['1,2,3', 'count'], ['1,5,3,5', 'count'], ['1e0,3', 'syntax'], ['0x1,3', 'syntax'], ['NaN,3', 'syntax'], ['①,③', 'syntax'], ['0:61,0:63', 'syntax'],
    ['-1,1', 'negative'], ['3,1', 'reversed'], ['1,1.999', 'too_short'], ['1,4.001', 'too_long'], [13, 'type'], [1.3, 'type'], [true, 'type'], [[1, 2, 3], 'count'], [{}, 'count'],
  ])('%j is refused: %s', async (timestamps, rule) => {
    const before = server.characters.created.length
    const response = await server.postJson(SEED, { url: clip.url, timestamps })
    expect(response.status).toBe(400)
    expect(await errorOf(response)).toMatchObject({ code: 'invalid_timestamps', param: 'timestamps', details: { rule } })
    expect(server.characters.created).toHaveLength(before)
  })
})

const clientOf = (url: string): OpenAI => new OpenAI({ apiKey: 'drm_alice', baseURL: `${url}/v1`, maxRetries: 2 })

describe('the official SDK', () => {
  test('reaches the seed door from its base URL', async () => {
    await using server = await startHttpServer({ settings: { isOpen: false } })
    const made = await clientOf(server.url).post('/../sora/v1/characters', { body: clip })
    expect(Object.keys(made as object)).toEqual(['id', 'username', 'permalink', 'profile_picture_url'])
  })

  test('shows a refusal with its code and hint, and does not try again', async () => {
    await using server = await startHttpServer({ settings: { isOpen: false } })
    server.characters.next(new AppError('no_character_found'))
    server.characters.next(new AppError('no_character_found'))
    const failure = await clientOf(server.url).post('/../sora/v1/characters', { body: clip }).then(() => null, (error: unknown) => error)
    expect(failure).toMatchObject({ status: 422, code: 'no_character_found', type: 'invalid_request_error', requestID: expect.stringMatching(/^req_/), error: { hint: expect.stringContaining('Choose seconds') } })
    expect(server.characters.created).toHaveLength(1)
  })

  test('makes a long poll of a 504 by sending it again', async () => {
    await using server = await startHttpServer({ settings: { isOpen: false, syncBudgetMs: 50 } })
    server.characters.next('wait')
    setTimeout(() => server.characters.finish(), 300)
    const made = await clientOf(server.url).post('/../sora/v1/characters', { body: clip })
    expect(made).toHaveProperty('username')
    expect(server.characters.created.length).toBeGreaterThan(1)
  })
})
