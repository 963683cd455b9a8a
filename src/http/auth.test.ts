import { get } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startHttpServer, type TestServer } from '../../test/support/http-server.ts'

const body = { url: 'https://example.com/clip.mp4', timestamps: '1,3' }
let server: TestServer
beforeAll(async () => { server = await startHttpServer({ settings: { isOpen: false } }) })
afterAll(() => server[Symbol.asyncDispose]())

/** With any header bytes and repeated headers, which fetch would mend. */
const rawGet = (headers: readonly string[]): Promise<{ status: number; body: string; headers: NodeJS.Dict<string | string[]> }> => new Promise((resolve, reject) => {
  get(`${server.url}/v1/characters`, { headers: [...headers, 'host', 'x', 'connection', 'close'] }, async (response) => {
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk)
    resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString(), headers: response.headers })
  }).on('error', reject)
})

describe('a key', () => {
  test.each([
    ['Authorization', 'Bearer drm_alice'], ['Authorization', 'bearer drm_alice'], ['Authorization', 'BEARER   drm_alice'], ['Authorization', 'drm_alice'], ['authorization', '  drm_alice '],
    ['X-Api-Key', 'drm_alice'], ['authorization', `Bearer ${'k'.repeat(512)}`],
  ])('%s: %s is taken', async (name, value) => {
    expect((await rawGet([name, value])).status).toBe(200)
  })

  test('the same key in both headers is one key', async () => {
    expect((await rawGet(['authorization', 'Bearer drm_alice', 'x-api-key', 'drm_alice'])).status).toBe(200)
  })

  test.each([[[]], [['authorization', '']], [['authorization', 'Bearer']], [['authorization', 'Bearer ']], [['x-api-key', '']], [['cookie', 'key=drm_alice']]])('%j is no key', async (headers) => {
    const answer = await rawGet(headers)
    expect(answer.status).toBe(401)
    expect(answer.headers['www-authenticate']).toBe('Bearer')
    expect(JSON.parse(answer.body).error).toMatchObject({ code: 'missing_api_key', type: 'authentication_error', hint: 'Send Authorization: Bearer KEY.' })
  })

  test.each([
    ['unknown', ['authorization', 'Bearer drm_nobody']], ['a prefix', ['authorization', 'Bearer drm_alic']], ['another case', ['authorization', 'Bearer DRM_ALICE']],
    ['two headers', ['authorization', 'Bearer drm_alice', 'authorization', 'Bearer drm_bob']], ['two kinds', ['authorization', 'Bearer drm_alice', 'x-api-key', 'drm_bob']], ['two in one', ['authorization', 'Bearer drm_alice, drm_bob']],
    ['Basic', ['authorization', `Basic ${btoa('drm_alice:')}`]], ['not ASCII', ['authorization', 'Bearer drm_alic\u00e9']], ['513 bytes', ['authorization', `Bearer ${'k'.repeat(513)}`]],
  ])('%s is invalid', async (_, headers) => {
    const answer = await rawGet(headers)
    expect(answer.status).toBe(401)
    expect(answer.headers['x-should-retry']).toBe('false')
    expect(JSON.parse(answer.body).error).toMatchObject({ code: 'invalid_api_key', hint: 'Check the key; it may have been revoked.' })
    expect(answer.body).not.toContain('drm_')
  })

  test.each(['{{YOUR_API_KEY}}', 'YOUR_API_KEY', 'undefined', '$DRAMATIS_KEY', '<key>', 'null'])('%s is a placeholder', async (key) => {
    const answer = await rawGet(['authorization', `Bearer ${key}`])
    expect(JSON.parse(answer.body).error).toMatchObject({ code: 'invalid_api_key', hint: 'Replace the placeholder with your own key.' })
  })

  test('in the query does not count', async () => {
    expect((await server.request('/v1/characters?key=drm_alice&api_key=drm_alice&access_token=drm_alice')).status).toBe(401)
  })

  test('without the scope may look but not make', async () => {
    const headers = { authorization: 'Bearer drm_reader' }
    expect((await server.request('/v1/characters', { headers })).status).toBe(200)
    const refused = await server.postJson('/sora/v1/characters', body, headers)
    expect(refused.status).toBe(403)
    expect((await refused.json()).error).toMatchObject({ code: 'insufficient_scope', type: 'permission_error', details: { needed: 'characters:write' } })
  })

  test('is asked for before a body is read', async () => {
    expect((await server.request('/v1/characters', { method: 'POST', body: '{', headers: { 'content-type': 'text/plain' } })).status).toBe(401)
  })
})

describe('accounts', () => {
  test.each([
    ['GET', ''], ['DELETE', ''], ['POST', '/restore'], ['GET', '/evidence'], ['GET', '/portrait'], ['GET', '/references'], ['GET', '/references/1'],
  ])("%s …%s of somebody else's character is the answer of a missing one", async (method, path) => {
    const { id } = server.characters.plant({}, 'alice')
    const headers = { authorization: 'Bearer drm_bob' }
    const blank = async (ref: string) => {
      const response = await server.request(`/v1/characters/${ref}${path}`, { method, headers })
      const text = await response.text()
      return { status: response.status, text: text.replace(/req_[0-9a-f]+/, ''), headers: Object.fromEntries([...response.headers].filter(([name]) => !['date', 'x-request-id'].includes(name))) }
    }
    const theirs = await blank(id)
    expect(theirs.status).toBe(404)
    expect(theirs).toEqual(await blank('char_00000000000000000000000000000000'))
  })

  test('lists are of the own account only', async () => {
    server.characters.plant({}, 'alice')
    const response = await server.request('/v1/characters', { headers: { 'x-api-key': 'drm_bob' } })
    expect((await response.json()).data).toEqual([])
  })
})

test('without keys everybody is `local`, and a sent key is ignored', async () => {
  await using open = await startHttpServer()
  expect((await open.postJson('/sora/v1/characters', body, { authorization: 'Basic x, y' })).status).toBe(200)
  expect(open.characters.created[0].account).toBe('local')
})
