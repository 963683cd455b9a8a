import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { errorOf, formOf, nothingLeft, startHttpServer, type TestServer } from '../../test/support/http-server.ts'
import { finished } from '../../test/support/memory-videos.ts'
import { AppError } from '../domain/errors.ts'

const KEYS = ['id', 'name', 'created_at', 'object', 'username', 'permalink', 'profile_picture_url', 'status']
const PATH = '/v1/videos/characters'
let server: TestServer
beforeAll(async () => { server = await startHttpServer() })
afterAll(() => server[Symbol.asyncDispose]())
/** Nothing may be left of an upload, however its request ended. */
afterEach(() => nothingLeft(server))

const last = () => server.characters.created.at(-1)

describe('creating', () => {
  test('from a file answers 200 with the official keys first', async () => {
    const response = await server.request(PATH, { method: 'POST', body: formOf({ name: 'Mossy', video: new Blob(['a movie']), timestamps: '1,3', username: 'mossy', 'tags[]': 'wet', seconds: 'ignored' }) })
    expect(response.status).toBe(200)
    const body = await response.json()
    expect(Object.keys(body)).toEqual(KEYS)
    expect(body).toMatchObject({ id: expect.stringMatching(/^char_/), name: 'Mossy', created_at: expect.any(Number), object: 'character', username: 'mossy', permalink: 'http://dramatis.test/@mossy', status: 'completed' })
    expect(last()).toMatchObject({ source: { type: 'upload' }, window: { startMs: 1000, endMs: 3000 }, options: { displayName: 'Mossy', username: 'mossy', tags: ['wet'] } })
  })

  test.each([
    [{ url: 'https://example.com/b.mp4' }, { type: 'url', url: 'https://example.com/b.mp4' }],
    [{ data: 'data:video/mp4;base64,AAAA' }, { type: 'data' }],
  ])('from %j, the window left to the service', async (source, taken) => {
    expect((await server.postJson(PATH, { name: 'Mossy', ...source })).status).toBe(200)
    expect(last()).toMatchObject({ source: taken, window: null })
  })

  test('from a finished video', async () => {
    const { id } = server.videos.plant({ state: finished() })
    expect((await server.postJson(PATH, { name: 'Mossy', from_task: id })).status).toBe(200)
    expect(last()).toMatchObject({ source: { type: 'video', objectKey: 'video_1/1/video.mp4' } })
  })

  test('past the budget is 504 with where it is, and 202 for who would not wait', async () => {
    await using quick = await startHttpServer({ settings: { syncBudgetMs: 50 } })
    quick.characters.next('wait')
    const late = await quick.postJson(PATH, { name: 'Slow', url: 'https://example.com/slow.mp4' })
    expect(late.status).toBe(504)
    expect(late.headers.get('location')).toMatch(/^\/v1\/characters\/char_/)
    const response = await quick.postJson(PATH, { name: 'Slow', url: 'https://example.com/slow.mp4' }, { prefer: 'respond-async' })
    expect(response.status).toBe(202)
    const body = await response.json()
    expect(Object.keys(body)).toEqual(KEYS)
    expect(body).toMatchObject({ name: null, username: null, permalink: null, profile_picture_url: null, status: 'queued' })
    const read = await quick.request(`${PATH}/${body.id}`)
    expect(read.headers.get('openai-poll-after-ms')).toBe('1000')
    quick.characters.finish()
  })

  test.each([
    [{ url: 'https://example.com/a.mp4' }, 'missing_required_parameter', 'name'],
    [{ name: '', url: 'https://example.com/a.mp4' }, 'invalid_parameter', 'name'],
    [{ name: 'x'.repeat(81), url: 'https://example.com/a.mp4' }, 'invalid_parameter', 'name'],
    [{ name: 'Mossy' }, 'missing_required_parameter', 'url'],
    [{ name: 'Mossy', url: 'https://example.com/a.mp4', timestamps: '3,1' }, 'invalid_timestamps', 'timestamps'],
    [{ name: 'Mossy', url: 'https://example.com/a.mp4', username: 'admin' }, 'invalid_username', 'username'],
    [{ name: 'Mossy', video: { id: 'video_1' } }, 'invalid_parameter', 'video'],
  ])('%j is %s at %s', async (body, code, param) => {
    const response = await server.postJson(PATH, body)
    expect(response.status).toBe(400)
    expect(await errorOf(response)).toMatchObject({ code, param })
  })

  test('what the source turned out to be is 422', async () => {
    server.characters.next(new AppError('no_character_found'))
    expect((await server.postJson(PATH, { name: 'Nobody', url: 'https://example.com/blank.mp4' })).status).toBe(422)
  })
})

describe('reading', () => {
  test.each(['id', '@username', 'username', 'escaped'])('by %s', async (form) => {
    const { id, username } = server.characters.plant({ username: '小明.x', displayName: 'Ming' })
    const ref = { id, username: encodeURIComponent(username), '@username': `@${encodeURIComponent(username)}`, escaped: encodeURIComponent(`@${username}`) }[form]
    const body = await (await server.request(`${PATH}/${ref}/`)).json()
    expect(Object.keys(body)).toEqual(KEYS)
    expect(body).toMatchObject({ id, name: 'Ming', username, status: 'completed' })
    await server.request(`/v1/characters/${id}?purge=true`, { method: 'DELETE' })
  })

  test.each(['nobody', '@a.b%2F%C3%A9', '__proto__', '%00'])('%s is nobody', async (ref) => {
    expect(await errorOf(await server.request(`${PATH}/${ref}`))).toMatchObject({ code: 'character_not_found', type: 'not_found_error' })
  })

  test('lists by page', async () => {
    await using fresh = await startHttpServer()
    const ids = Array.from({ length: 3 }, () => fresh.characters.plant().id)
    const first = await (await fresh.request(`${PATH}?limit=2&order=asc`)).json()
    expect(first).toMatchObject({ object: 'list', first_id: ids[0], last_id: ids[1], has_more: true })
    expect(Object.keys(first.data[0])).toEqual(KEYS)
    expect(await (await fresh.request(`${PATH}?limit=2&order=asc&after=${first.last_id}`)).json()).toMatchObject({ first_id: ids[2], has_more: false })
  })

  test('is deleted by exactly three keys, and can be restored', async () => {
    const { id } = server.characters.plant()
    expect(await (await server.request(`${PATH}/${id}`, { method: 'DELETE' })).text()).toBe(`{"id":"${id}","object":"character.deleted","deleted":true}`)
    expect((await server.request(`${PATH}/${id}`)).status).toBe(404)
    expect((await server.request(`/v1/characters/${id}/restore`, { method: 'POST' })).status).toBe(200)
  })
})
