import { readFile, stat } from 'node:fs/promises'
import { createHash } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { errorOf, formOf, nothingLeft, startHttpServer, type TestServer } from '../../test/support/http-server.ts'
import { rawExchange } from '../../test/support/raw-http.ts'
import { AppError } from '../domain/errors.ts'

const clip = { url: 'https://example.com/clip.mp4', timestamps: '1,3' }
let server: TestServer
beforeAll(async () => { server = await startHttpServer() })
afterAll(() => server[Symbol.asyncDispose]())
/** Nothing may be left of an upload, however its request ended. */
afterEach(() => nothingLeft(server))

const last = () => server.characters.created.at(-1)

const post = (body: FormData, path = '/v1/characters') => server.request(path, { method: 'POST', body })
const movie = new Blob(['not really a movie'], { type: 'video/mp4' })
const movieSha256 = createHash('sha256').update('not really a movie').digest('hex')

describe('creating', () => {
  test('answers 201 with the whole resource, and 200 for the same again', async () => {
    const response = await server.postJson('/v1/characters', { ...clip, username: 'Rain.Cat', display_name: 'Rain', tags: ['wet'], metadata: { shot: '12b' }, consent: { basis: 'self', by: 'Ana', at: 1_795_000_000 } })
    expect(response.status).toBe(201)
    expect(response.headers.get('etag')).toBe('"r1"')
    const body = await response.json()
    expect(response.headers.get('location')).toBe(`/v1/characters/${body.id}`)
    expect(Object.keys(body)).toEqual([
      'id', 'object', 'status', 'progress', 'username', 'aliases', 'display_name', 'description', 'kind', 'visibility', 'permalink', 'profile_picture_url', 'cutout_url', 'window', 'source', 'references',
      'has_voice', 'quality', 'consent', 'revision', 'tags', 'metadata', 'warnings', 'error', 'created_at', 'updated_at', 'completed_at', 'deleted_at',
    ])
    expect(body).toMatchObject({
      object: 'character', status: 'completed', progress: 100, username: 'rain.cat', display_name: 'Rain', tags: ['wet'], metadata: { shot: '12b' }, consent: { basis: 'self', by: 'Ana', at: 1_795_000_000, note: null },
      window: { start: 1, end: 3, chosen_by: 'caller', clamped: false }, permalink: 'http://dramatis.test/@rain.cat',
    })
    const again = await server.postJson('/v1/characters', clip)
    expect(again.status).toBe(200)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
  })

  test('a video that proves unchanged gives the character made of it before', async () => {
    const earlier = server.characters.plant()
    server.characters.next(earlier)
    const response = await server.postJson('/v1/characters', { url: 'https://example.com/unchanged.mp4' })
    expect(response.status).toBe(200)
    expect(response.headers.get('location')).toBe(`/v1/characters/${earlier.id}`)
    expect(response.headers.get('idempotent-replayed')).toBe('true')
  })

  test('without timestamps leaves the choice to the service', async () => {
    await server.postJson('/v1/characters', { url: 'https://example.com/other.mp4', timestamps: null })
    expect(last()?.window).toBeNull()
  })

  test.each([
    ['s2', { id: 's2' }],
    [{ point: [0.5, 0.25], t: 1.4 }, { point: [0.5, 0.25], seconds: 1.4 }],
  ])('subject %j is a wish', async (subject, wish) => {
    await server.postJson('/v1/characters', { url: 'https://example.com/s.mp4', subject, strict_subject: true, force: true })
    expect(last()).toMatchObject({ options: { subject: wish, isStrict: true }, isForced: true })
  })

  test('Prefer: respond-async is 202', async () => {
    server.characters.next('wait')
    const response = await server.postJson('/v1/characters', { url: 'https://example.com/slow.mp4' }, { prefer: 'respond-async' })
    expect(response.status).toBe(202)
    expect(await response.json()).toMatchObject({ status: 'queued', progress: 0, username: null })
    server.characters.finish()
  })

  test.each([
    [{}, 'missing_required_parameter', 'url', 'for example "https://example.com/clip.mp4"'],
    [{ url: 'https://a.b', data: 'data:video/mp4;base64,AAAA' }, 'invalid_parameter', 'data', 'the only source'],
    [{ ...clip, usrname: 'x' }, 'invalid_parameter', 'usrname', 'spelled username'],
    [{ ...clip, timestamp: '1,3' }, 'invalid_parameter', 'timestamp', 'spelled timestamps'],
    [{ ...clip, qqqqqqqq: 1 }, 'invalid_parameter', 'qqqqqqqq', 'one of url, video, data, from_task, timestamps'],
    [{ ...clip, aliases: ['two words'] }, 'invalid_username', 'aliases', ''],
    [{ ...clip, aliases: Array.from({ length: 9 }, (_, i) => `a${i}`) }, 'invalid_parameter', 'aliases', 'at most 8'],
    [{ ...clip, visibility: 'everyone' }, 'invalid_parameter', 'visibility', ''],
    [{ ...clip, display_name: 7 }, 'invalid_parameter', 'display_name', 'a string'],
    [{ ...clip, display_name: 'x'.repeat(81) }, 'invalid_parameter', 'display_name', 'at most 80 characters'],
    [{ ...clip, tags: 'wet' }, 'invalid_parameter', 'tags', 'a list'],
    [{ ...clip, tags: Array(17).fill('x') }, 'invalid_parameter', 'tags', 'at most 16 items'],
    [{ ...clip, metadata: { a: 1 } }, 'invalid_parameter', 'metadata.a', 'a string'],
    [{ ...clip, consent: { basis: 'sure', by: 'Ana' } }, 'invalid_parameter', 'consent.basis', 'one of self, permission, fictional'],
    [{ ...clip, consent: { basis: 'self' } }, 'missing_required_parameter', 'consent.by', ''],
    [{ ...clip, subject: 'first' }, 'invalid_parameter', 'subject', 'such as "s2"'],
    [{ ...clip, username: 'admin' }, 'invalid_username', 'username', ''],
    [{ ...clip, timestamps: '3,1' }, 'invalid_timestamps', 'timestamps', ''],
    [{ ...clip, video: 'a.mp4' }, 'invalid_parameter', 'video', ''],
    [{ data: 'AAAA' }, 'invalid_parameter', 'data', 'data:video/mp4;base64'],
    [{ data: 'data:video/mp4;base64,' }, 'invalid_parameter', 'data', 'data:video/mp4;base64'],
    [{ ...clip, '__proto__x': 1 }, 'invalid_parameter', '__proto__x', ''],
  ])('%j is %s at %s', async (body, code, param, hint) => {
    const before = server.characters.created.length
    const response = await server.postJson('/v1/characters', body)
    expect(response.status).toBe(400)
    const error = await errorOf(response)
    expect(error).toMatchObject({ code, param })
    expect(error.hint ?? '').toContain(hint)
    expect(server.characters.created).toHaveLength(before)
  })

  test('__proto__ is an unknown key, not a way in', async () => {
    const response = await server.request('/v1/characters', { method: 'POST', body: '{"url":"https://a.b/c.mp4","__proto__":{"force":true}}', headers: { 'content-type': 'application/json' } })
    expect([response.status, last()?.isForced]).not.toEqual([201, true])
  })

  test('a taken username suggests others', async () => {
    server.characters.plant({ username: 'taken' })
    const response = await server.postJson('/v1/characters', { url: 'https://example.com/t.mp4', username: 'taken' })
    expect(response.status).toBe(409)
    expect(await errorOf(response)).toMatchObject({ code: 'username_taken', hint: 'Free ones: taken_2.' })
  })
})

describe('an upload', () => {
  test('arrives in a private file with its hash', async () => {
    let seen: { bytes: string; mode: number } | null = null
    const create = server.characters.create
    server.characters.create = async (request) => {
      if (request.source.type === 'upload') seen = { bytes: await readFile(request.source.path, 'utf8'), mode: (await stat(request.source.path)).mode & 0o777 }
      return create(request)
    }
    const response = await post(formOf({ timestamps: '1,3', video: movie }))
    server.characters.create = create
    expect(response.status).toBe(201)
    expect(seen).toEqual({ bytes: 'not really a movie', mode: 0o600 })
    expect(last()?.source).toMatchObject({ type: 'upload', sha256: movieSha256 })
  })

  test('may carry every field as text', async () => {
    await post(formOf({
      video: movie, timestamps: '[2, 4]', username: 'form_cat', 'tags[]': 'wet', 'metadata[shot]': '12b', 'consent[basis]': 'self', 'consent[by]': 'Ana', 'consent[at]': '1795000000',
      'subject[point][0]': '0.5', 'subject[point][1]': '0.25', 'subject[t]': '1.4', strict_subject: 'true', force: '1',
    }))
    expect(last()).toMatchObject({
      window: { startMs: 2000, endMs: 4000 }, isForced: true,
      options: { username: 'form_cat', tags: ['wet'], metadata: { shot: '12b' }, consent: { basis: 'self', by: 'Ana', atMs: 1_795_000_000_000 }, subject: { point: [0.5, 0.25], seconds: 1.4 }, isStrict: true },
    })
  })

  test('may carry objects as JSON and lists with commas', async () => {
    await post(formOf({ video: movie, tags: 'wet, dark', metadata: '{"shot":"12c"}', subject: '{"point":[0.1,0.2],"t":0}', force: 'true' }))
    expect(last()).toMatchObject({ options: { tags: ['wet', 'dark'], metadata: { shot: '12c' }, subject: { point: [0.1, 0.2], seconds: 0 } } })
  })

  test('a form without a file may carry a url', async () => {
    await post(formOf({ url: 'https://example.com/form.mp4', timestamps: '1,2' }))
    expect(last()?.source).toEqual({ type: 'url', url: 'https://example.com/form.mp4' })
  })

  test.each([
    ['a bad window', { video: movie, timestamps: '3,1' }, 400, 'invalid_timestamps'],
    ['an unknown field', { video: movie, nonsense: '1' }, 400, 'invalid_parameter'],
    ['a file by another name', { image: movie }, 400, 'invalid_parameter'],
    ['broken brackets', { video: movie, 'tags[': 'x' }, 400, 'invalid_parameter'],
    ['a value that is also an object', { video: movie, tags: 'x', 'tags[a]': 'y' }, 400, 'invalid_parameter'],
    ['too many bytes', { video: new Blob([new Uint8Array(1_000_001)]) }, 413, 'request_too_large'],
    ['no source', { timestamps: '1,3' }, 400, 'missing_required_parameter'],
  ])('with %s is refused', async (_, fields, status, code) => {
    const response = await post(formOf(fields))
    expect(response.status).toBe(status)
    expect((await errorOf(response)).code).toBe(code)
  })

  test('two files are refused', async () => {
    const form = formOf({ video: movie })
    form.append('video', movie)
    expect((await post(form)).status).toBe(400)
  })

  test('that says it is too long is refused before it is read', async () => {
    const answer = await rawExchange(server.port, 'POST /v1/characters HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: multipart/form-data; boundary=x\r\ncontent-length: 9000000\r\n\r\n--x\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(answer).toContain('"details":{"max_bytes":1000000}')
  })

  test('that ends early is refused', async () => {
    const response = await server.request('/v1/characters', { method: 'POST', body: '--x\r\ncontent-disposition: form-data; name="video"; filename="a.mp4"\r\n\r\nbytes', headers: { 'content-type': 'multipart/form-data; boundary=x' } })
    expect(response.status).toBe(400)
    expect((await errorOf(response)).code).toBe('invalid_parameter')
  })

  test('is not taken by the seed door', async () => {
    const response = await post(formOf({ video: movie, timestamps: '1,3' }), '/sora/v1/characters')
    expect(response.status).toBe(415)
  })

  test('is removed when the service refuses it', async () => {
    const create = server.characters.create
    server.characters.create = async () => { throw new AppError('queue_full', { details: { retryAfterSeconds: 3 } }) }
    const response = await post(formOf({ video: movie }))
    server.characters.create = create
    expect(response.status).toBe(429)
    expect(response.headers.get('retry-after')).toBe('3')
  })

  test('as a data URI is a file too', async () => {
    const response = await server.postJson('/v1/characters', { data: `data:video/mp4;base64,${btoa('not really a movie')}`, force: true })
    expect(response.status).toBe(201)
    expect(last()?.source).toMatchObject({ type: 'data', sha256: movieSha256 })
  })
})

describe('detecting', () => {
  test('lists the subjects with thumbnails and keeps nothing', async () => {
    const before = server.characters.created.length
    const response = await server.postJson('/v1/characters/detect', clip)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({
      object: 'detection', window: { start: 1, end: 3, chosen_by: 'caller' },
      subjects: [{ subject: 's1', kind: 'animal', box: [0.25, 0.1, 0.3, 0.6], t: 1.62, frames: 1, score: 0.91, quality: 0.8, thumbnail: expect.stringMatching(/^data:image\/webp;base64,UklG/) }, { subject: 's2' }],
    })
    expect(server.characters.created).toHaveLength(before)
  })

  test('takes an upload', async () => {
    expect((await post(formOf({ video: movie }), '/v1/characters/detect')).status).toBe(200)
  })

  test('ends with the budget', async () => {
    await using quick = await startHttpServer({ settings: { syncBudgetMs: 50 } })
    quick.characters.next('wait')
    expect((await quick.postJson('/v1/characters/detect', clip)).status).toBe(504)
  })
})

describe('reading', () => {
  test.each(['id', 'username', '@username', 'escaped'])('by %s', async (form) => {
    const { id, username } = server.characters.plant({ username: '小明.x' })
    const ref = { id, username: encodeURIComponent(username), '@username': `@${encodeURIComponent(username)}`, escaped: encodeURIComponent(`@${username}`) }[form]
    const response = await server.request(`/v1/characters/${ref}`)
    expect(response.status).toBe(200)
    expect(response.headers.get('etag')).toBe('"r1"')
    expect(await response.json()).toMatchObject({ id, permalink: 'http://dramatis.test/@%E5%B0%8F%E6%98%8E.x' })
    await server.request(`/v1/characters/${id}?purge=true`, { method: 'DELETE' })
  })

  test('one that failed says why, in the language asked for', async () => {
    server.characters.next(new AppError('no_character_found'))
    const { id } = await (await server.postJson('/v1/characters', { url: 'https://example.com/blank.mp4' }, { prefer: 'respond-async' })).json()
    const response = await server.request(`/v1/characters/${id}`, { headers: { 'accept-language': 'zh-CN,zh;q=0.9,en;q=0.8' } })
    expect(await response.json()).toMatchObject({ status: 'failed', error: { code: 'no_character_found', message: '该窗口内没有持续出现的角色。' } })
    expect((await errorOf(await server.request(`/v1/characters/${id}/portrait`))).code).toBe('character_not_ready')
  })

  test('lists by page, and the official way to ask for more works', async () => {
    await using fresh = await startHttpServer()
    const ids = Array.from({ length: 3 }, () => fresh.characters.plant().id)
    const first = await (await fresh.request('/v1/characters?limit=2&order=asc')).json()
    expect(first).toMatchObject({ object: 'list', first_id: ids[0], last_id: ids[1], has_more: true })
    const second = await (await fresh.request(`/v1/characters?limit=2&order=asc&after=${first.last_id}`)).json()
    expect(second).toMatchObject({ first_id: ids[2], last_id: ids[2], has_more: false })
    expect(await (await fresh.request('/v1/characters?limit=0')).json()).toMatchObject({ data: [], first_id: null, last_id: null })
  })

  test('an empty limit is none', async () => {
    server.characters.plant()
    expect((await (await server.request('/v1/characters?limit=')).json()).data.length).toBeGreaterThan(0)
  })

  test.each(['limit=101', 'limit=-1', 'limit=ten', 'limit=1.5', 'order=up', 'after=nobody', 'kind=dragon', 'status=done', 'limit=1&limit=2'])('?%s is invalid_parameter', async (query) => {
    const response = await server.request(`/v1/characters?${query}`)
    expect(response.status).toBe(400)
    expect(await errorOf(response)).toMatchObject({ code: 'invalid_parameter', param: query.split('=')[0] })
  })

  test('evidence says what was read, seen and chosen', async () => {
    const { id, username } = server.characters.plant()
    expect(await (await server.request(`/v1/characters/@${username}/evidence`)).json()).toMatchObject({ object: 'character.evidence', id, source: { bytes_read: 1_204_118 }, chosen: { subject: 's1' }, portrait: { box: [0.25, 0.1, 0.3, 0.6] } })
  })
})

const patch = (ref: string, body: unknown, headers: Readonly<Record<string, string>> = {}) =>
  server.request(`/v1/characters/${ref}`, { method: 'PATCH', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } })

describe('editing', () => {
  test('changes what is said, keeps the rest, and counts a revision', async () => {
    const { id, username } = server.characters.plant({ description: 'a bird', tags: ['old'] })
    const response = await patch(`@${username}`, { aliases: ['@6F2dbf2b3.ZenWhisper', 'chr_Axtjik3O#'], display_name: 'Misty', tags: null })
    expect(response.status).toBe(200)
    expect(response.headers.get('etag')).toBe('"r2"')
    expect(await response.json()).toMatchObject({ id, username, aliases: ['6f2dbf2b3.zenwhisper', 'chr_axtjik3o#'], display_name: 'Misty', description: 'a bird', tags: [], revision: 2 })
  })

  test('only of the revision that the caller knows', async () => {
    const { id } = server.characters.plant()
    expect((await patch(id, { description: 'x' }, { 'if-match': '"r7"' })).status).toBe(412)
    expect(await errorOf(await patch(id, { description: 'x' }, { 'if-match': 'W/"other"' }))).toMatchObject({ code: 'precondition_failed', details: { revision: 1 } })
    expect((await patch(id, { description: 'x' }, { 'if-match': '"r7", "r1"' })).status).toBe(200)
    expect((await patch(id, { description: 'y' }, { 'if-match': '*' })).status).toBe(200)
  })

  test.each([
    [{ username: 'no spaces' }, 'invalid_username', 'username'], [{ aliases: [''] }, 'invalid_username', 'aliases'], [{ kind: 'person' }, 'invalid_parameter', 'kind'], [{ tags: 'one' }, 'invalid_parameter', 'tags'],
  ])('%j is %s at %s', async (body, code, param) => {
    const { id } = server.characters.plant()
    const response = await patch(id, body)
    expect(response.status).toBe(400)
    expect(await errorOf(response)).toMatchObject({ code, param })
  })
})

describe('deleting', () => {
  test('leaves a tombstone that can be taken back', async () => {
    const { id } = server.characters.plant()
    const deleted = await (await server.request(`/v1/characters/${id}`, { method: 'DELETE' })).json()
    expect(deleted).toEqual({ id, object: 'character.deleted', deleted: true, purge_at: expect.any(Number) })
    expect((await server.request(`/v1/characters/${id}`)).status).toBe(404)
    expect((await server.request(`/v1/characters/${id}/restore`, { method: 'POST' })).status).toBe(200)
    expect((await server.request(`/v1/characters/${id}`)).status).toBe(200)
  })

  test('with purge gives the receipt', async () => {
    const { id } = server.characters.plant()
    const purged = await (await server.request(`/v1/characters/${id}?purge=true`, { method: 'DELETE' })).json()
    expect(purged).toMatchObject({ id, deleted: true, receipt: { rows: 1, objects: 4, vectors: 2, sha256_of_manifest: expect.stringMatching(/^[0-9a-f]{64}$/) } })
    expect((await server.request(`/v1/characters/${id}?purge=true`, { method: 'DELETE' })).status).toBe(404)
  })
})
