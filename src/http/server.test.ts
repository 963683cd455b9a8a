import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorOf, startHttpServer, type TestServer } from '../../test/support/http-server.ts'
import { rawExchange } from '../../test/support/raw-http.ts'

const clip = { url: 'https://example.com/clip.mp4', timestamps: '1,3' }
let server: TestServer
beforeAll(async () => { server = await startHttpServer() })
afterAll(() => server[Symbol.asyncDispose]())

const raw = (...lines: readonly string[]): Promise<string> => rawExchange(server.port, lines.join('\r\n'))
const bodyOf = (answer: string) => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4))
const postRaw = (body: BodyInit, headers: Record<string, string> = { 'content-type': 'application/json' }, path = '/sora/v1/characters') =>
  server.request(path, { method: 'POST', body, headers })

/** A good body of exactly this size. */
function padded(bytes: number): string {
  const least = JSON.stringify({ ...clip, pad: '' }).length
  return JSON.stringify({ ...clip, pad: 'x'.repeat(bytes - least) })
}

describe('every answer', () => {
  test.each(['/healthz', '/v1/characters', '/nothing', '/v1/characters/nobody', '/', '/openapi.json'])('%s has an id and the headers that keep a browser still', async (path) => {
    const response = await server.request(path)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'x-request-id': expect.stringMatching(/^req_[0-9a-f]{32}$/), 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cross-origin-opener-policy': 'same-origin',
      'cache-control': 'no-store', 'content-security-policy': expect.stringContaining("default-src 'none'"),
    })
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
    expect(response.headers.get('set-cookie')).toBeNull()
  })
})

describe('bodies', () => {
  test.each([
    ['application/json'], ['application/json; charset=utf-8'], ['Application/JSON;charset="UTF-8"'],
  ])('%s is read', async (type) => {
    expect((await postRaw(JSON.stringify(clip), { 'content-type': type })).status).toBe(200)
  })

  test('a body without a type is JSON', async () => {
    expect((await postRaw(new TextEncoder().encode(JSON.stringify(clip)), {})).status).toBe(200)
  })

  test.each([
    [{ 'content-type': 'application/x-www-form-urlencoded' }], [{ 'content-type': 'text/plain' }], [{ 'content-type': 'application/json; charset=gbk' }], [{ 'content-type': 'application/xml' }],
    [{ 'content-type': 'not a type' }], [{ 'content-type': 'multipart/form-data' }], [{ 'content-type': 'application/json', 'content-encoding': 'gzip' }],
  ])('%j is 415', async (headers) => {
    const response = await postRaw(JSON.stringify(clip), headers)
    expect(response.status).toBe(415)
    expect(await errorOf(response)).toMatchObject({ code: 'unsupported_media_type', hint: "Add -H 'content-type: application/json'." })
  })

  test('one byte over 1 MiB is 413, and 1 MiB is read', async () => {
    expect((await postRaw(padded(1024 * 1024))).status).toBe(200)
    const response = await postRaw(padded(1024 * 1024 + 1))
    expect(response.status).toBe(413)
    expect(await errorOf(response)).toMatchObject({ code: 'request_too_large', details: { max_bytes: 1024 * 1024 } })
  })

  test('what is not JSON is told with its place, in both languages', async () => {
    const sample = '{\n  "url": "https://example.com/a.mp4",\n  // the window\n  "timestamps": "1,3"\n}'
    const response = await postRaw(sample)
    expect(response.status).toBe(400)
    expect(await errorOf(response)).toMatchObject({ code: 'invalid_json', message: 'The body is not a JSON object: see line 3, column 3.', details: { line: 3, column: 3 } })
    const chinese = await postRaw(sample, { 'content-type': 'application/json', 'accept-language': 'zh-CN' })
    expect(await errorOf(chinese)).toMatchObject({ code: 'invalid_json', message: '请求体不是有效的 JSON 对象：见第 3 行第 3 列。' })
  })

  test('none at all is invalid_json', async () => {
    const response = await server.request('/sora/v1/characters', { method: 'POST' })
    expect(await errorOf(response)).toMatchObject({ code: 'invalid_json', details: { reason: 'it is empty' } })
  })
})

describe('addresses', () => {
  test.each(['/nothing', '/v1', '/v1/video', '/videos', '/sora', '/v1/characters/a/b/c', '/media', '/@', '//evil.example/x', '/.env', '/assets/../server.ts', '/v1/characters/%zz', '/%', '/v1%2fcharacters'])('%s is not found, in JSON', async (path) => {
    const answer = await raw(`GET ${path} HTTP/1.1`, 'host: x', 'accept: application/json', 'connection: close', '', '')
    expect(answer).toMatch(/^HTTP\/1\.1 404 /)
    expect(answer).toMatch(/x-request-id: req_/i)
    expect(bodyOf(answer).error).toMatchObject({ type: 'not_found_error', request_id: expect.stringMatching(/^req_/) })
  })

  test.each([
    ['GET', '/sora/v1/characters', 'POST'], ['PUT', '/v1/characters', 'GET, HEAD, POST'], ['PUT', '/v1/characters/misty', 'DELETE, GET, HEAD, PATCH'], ['OPTIONS', '/sora/v1/characters', 'POST'], ['POST', '/healthz', 'GET, HEAD'],
    ['DELETE', '/media/a/b', 'GET, HEAD'], ['POST', '/@misty', 'GET, HEAD'], ['PROPFIND', '/v1/characters', 'GET, HEAD, POST'],
  ])('%s %s is 405 and says what is allowed', async (method, path, allow) => {
    const response = await server.request(path, { method })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe(allow)
    expect(await errorOf(response)).toMatchObject({ code: 'method_not_allowed', hint: `Use ${allow}.` })
  })

  test.each(['POST', 'DELETE'])('a body to nowhere by %s is 404', async (method) => {
    expect((await server.request('/nowhere', { method, body: 'x=1', headers: { 'content-type': 'text/plain' } })).status).toBe(404)
  })
})

describe('bytes that are not HTTP', () => {
  test.each([
    ['two lengths', ['POST /sora/v1/characters HTTP/1.1', 'host: x', 'content-length: 2', 'content-length: 3', '', '{}']],
    ['a length and chunks', ['POST /sora/v1/characters HTTP/1.1', 'host: x', 'content-length: 2', 'transfer-encoding: chunked', '', '0', '', '']],
    ['a bad chunk', ['POST /sora/v1/characters HTTP/1.1', 'host: x', 'content-type: application/json', 'transfer-encoding: chunked', '', 'zz', '{}', '']],
    ['an unknown method', ['FETCH / HTTP/1.1', 'host: x', '', '']],
    ['a word', ['HELLO', '', '']],
    ['TLS', ['\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001', '', '']],
    ['no host', ['GET /healthz HTTP/1.1', '', '']],
    ['a header of 1 MB', ['GET /healthz HTTP/1.1', 'host: x', `x: ${'a'.repeat(1_000_000)}`, '', '']],
    ['a newline in a header', ['GET /healthz HTTP/1.1', 'host: x', 'x: a\u0000b', '', '']],
  ])('%s: one 400 in the envelope, and the end', async (_, lines) => {
    const answer = await raw(...lines)
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    expect(answer.match(/^HTTP\/1\.1 \d/gm)).toHaveLength(1)
    expect(answer).toMatch(/\r\nx-request-id: req_/i)
    expect(bodyOf(answer).error).toMatchObject({ type: 'invalid_request_error', code: 'invalid_parameter' })
    expect((await server.request('/healthz')).status).toBe(200)
  })

  test('an expectation nobody knows is no reason to refuse', async () => {
    expect(await raw('GET /healthz HTTP/1.1', 'host: x', 'expect: miracles', 'connection: close', '', '')).toMatch(/^HTTP\/1\.1 200 OK/)
  })

  test('the envelope is whole', async () => {
    const { error } = bodyOf(await raw('POST /sora/v1/characters HTTP/1.1', 'host: x', 'content-length: 2', 'content-length: 3', '', '{}'))
    expect(error).toMatchObject({ message: 'request cannot be used: it is not valid HTTP.', type: 'invalid_request_error', param: 'request', code: 'invalid_parameter', request_id: expect.stringMatching(/^req_/) })
  })
})

describe('failures nobody foresaw', () => {
  test('are 500 with nothing of the inside, and logged with their cause', async () => {
    const { list } = server.characters
    server.characters.list = async () => { throw new TypeError('secret path /srv/x') }
    const response = await server.request('/v1/characters')
    server.characters.list = list
    expect(response.status).toBe(500)
    expect(response.headers.get('x-should-retry')).toBe('false')
    const text = await response.text()
    expect(text).not.toMatch(/secret|TypeError|stack/)
    expect(server.logged.some((line) => line.includes('request.failed') && line.includes('secret path'))).toBe(true)
  })
})

describe('service routes', () => {
  test('healthz', async () => expect(await (await server.request('/healthz')).text()).toBe('{"ok":true}'))

  test('readyz says by what it works, and 503 when it cannot', async () => {
    expect(await (await server.request('/readyz')).json()).toEqual({ ready: true, facts: { jail: 'none' } })
    await using stuck = await startHttpServer({ readiness: { isReady: false, facts: { jail: 'bubblewrap', lens: false } } })
    expect((await stuck.request('/readyz')).status).toBe(503)
  })

  test('metrics are for loopback callers who call for themselves', async () => {
    const metrics = await server.request('/metrics')
    expect(await metrics.text()).toMatch(/dramatis_http_request_seconds_count\{method="GET",route="\/healthz",status="200"\} \d/)
    expect((await server.request('/metrics', { headers: { 'x-forwarded-for': '203.0.113.9' } })).status).toBe(404)
    await using open = await startHttpServer({ settings: { isMetricsPublic: true } })
    expect((await open.request('/metrics', { headers: { 'x-forwarded-for': '203.0.113.9' } })).status).toBe(200)
  })

  test('the log holds routes, not addresses', async () => {
    const { mediaToken } = server.characters.plant()
    await server.request(`/media/${mediaToken}/clip.mp4`)
    await server.postJson('/sora/v1/characters', { url: 'https://example.com/signed?secret=1', timestamps: '1,3' }, { authorization: 'Bearer drm_private' })
    const log = server.logged.join('')
    expect(log).toContain('/media/:token/:name')
    expect(log).not.toMatch(new RegExp(`${mediaToken}|secret=1|drm_private`))
  })
})
