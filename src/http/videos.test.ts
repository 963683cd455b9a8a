import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { errorOf, nothingLeft, startHttpServer, type TestServer } from '../../test/support/http-server.ts'
import { finished } from '../../test/support/memory-videos.ts'
import { AppError } from '../domain/errors.ts'
import { newVideoId } from '../domain/identifier.ts'

const OFFICIAL_KEYS = ['id', 'object', 'model', 'status', 'progress', 'created_at', 'completed_at', 'expires_at', 'prompt', 'size', 'seconds', 'remixed_from_video_id', 'error']
const MISSING = newVideoId()
let server: TestServer
beforeAll(async () => { server = await startHttpServer() })
afterAll(() => server[Symbol.asyncDispose]())
afterEach(() => nothingLeft(server))

const last = () => server.videos.submitted.at(-1)
const pictureUri = (bytes: number): string => `data:image/png;base64,${Buffer.alloc(bytes).toString('base64')}`
const failed = (error = new AppError('backend_rejected', { details: { said: 'no' } })) => ({ at: 'failed', progress: 40, completedAtMs: 1_795_392_009_000, error }) as const

describe('creating', () => {
  test('answers with the official keys in their order, then ours', async () => {
    const { id, username } = server.characters.plant()
    const response = await server.postJson('/v1/videos', { prompt: `@${username} runs` })
    expect(response.status).toBe(200)
    const body = await response.json()
    expect(Object.keys(body)).toEqual([...OFFICIAL_KEYS, 'characters', 'warnings', 'backend'])
    expect(body).toEqual({
      id: expect.stringMatching(/^video_[0-9a-f]{32}$/), object: 'video', model: 'animatic-1', status: 'queued', progress: 0, created_at: 1_795_392_000, completed_at: null, expires_at: null,
      prompt: `@${username} runs`, size: '720x1280', seconds: '4', remixed_from_video_id: null, error: null,
      characters: [{ id, username, revision: 1, mentions: [[0, username.length + 1]] }], warnings: [], backend: 'animatic',
    })
    expect(response.headers.get('location')).toBe(`/v1/videos/${body.id}`)
    expect(response.headers.get('openai-poll-after-ms')).toBe('700')
  })

  test('asks for exactly what was said', async () => {
    await server.postJson('/v1/videos', { prompt: 'p', model: 'studio', size: '1280x720', seconds: '5', seed: 7, negative_prompt: 'rain', unknown_mentions: 'text', user: 'ignored', n: 2 })
    expect(last()).toEqual({
      account: 'local', prompt: 'p', model: 'studio', size: '1280x720', orientation: null, seconds: 5, characters: [], pending: [], pictures: [], seed: 7, negativePrompt: 'rain', unknownMentions: 'text', from: null, isRetry: false, traceId: expect.stringMatching(/^req_/), idempotencyKey: null,
    })
  })

  test('without more than a prompt leaves the rest to the backend', async () => {
    await server.postJson('/v1/videos', { prompt: 'p', model: null, size: null, seconds: null, characters: null, seed: null, input_reference: null, images: null })
    expect(last()).toMatchObject({ model: null, size: null, seconds: null, characters: [], pictures: [], seed: null, negativePrompt: null, unknownMentions: 'error' })
  })

  test.each([
    [[{ id: 'one' }, { id: 'two' }]], [['one', '@two']], ['one, two'], ['["one", {"id": "@two"}]'],
  ])('takes the characters %j', async (characters) => {
    for (const username of ['one', 'two']) if (await server.characters.find('local', username).catch(() => null) === null) server.characters.plant({ username })
    const response = await server.postJson('/v1/videos', { prompt: 'p', characters })
    expect(response.status).toBe(200)
    expect(last()?.characters).toEqual(['one', 'two'])
  })

  test('a model of others is made by the first backend, and says so', async () => {
    const body = await (await server.postJson('/v1/videos', { prompt: 'p', model: 'sora-2-pro' })).json()
    expect(body).toMatchObject({ model: 'animatic-1', warnings: [{ code: 'model_substituted', message: expect.any(String) }] })
  })

  test.each([['0', false], ['1', true], ['2', true], ['x', false]])('x-stainless-retry-count %s', async (count, isRetry) => {
    await server.postJson('/v1/videos', { prompt: 'again' }, { 'x-stainless-retry-count': count })
    expect(last()?.isRetry).toBe(isRetry)
  })

  test('Prefer: respond-async is 202 with the same body', async () => {
    const response = await server.postJson('/v1/videos', { prompt: 'p' }, { prefer: 'respond-async' })
    expect(response.status).toBe(202)
    expect(response.headers.get('preference-applied')).toBe('respond-async')
    expect(await response.json()).toMatchObject({ object: 'video', status: 'queued' })
  })

  test.each([
    [{}, 'missing_required_parameter', 'prompt', '@misty_otter runs'],
    [{ prompt: null }, 'missing_required_parameter', 'prompt', ''],
    [{ prompt: '' }, 'missing_required_parameter', 'prompt', ''],
    [{ prompt: 7 }, 'invalid_parameter', 'prompt', 'a string'],
    [{ prompt: ['p'] }, 'invalid_parameter', 'prompt', 'a string'],
    [{ prompt: 'p', seconds: 'four' }, 'invalid_parameter', 'seconds', 'a number'],
    [{ prompt: 'p', seconds: 0 }, 'invalid_parameter', 'seconds', 'at least 1'],
    [{ prompt: 'p', seconds: 3601 }, 'invalid_parameter', 'seconds', 'at most 3600'],
    [{ prompt: 'p', seconds: true }, 'invalid_parameter', 'seconds', 'a number'],
    [{ prompt: 'p', duration: [4] }, 'invalid_parameter', 'duration', 'a number'],
    [{ prompt: 'p', size: 'large' }, 'invalid_parameter', 'size', 'such as "720x1280"'],
    [{ prompt: 'p', size: '100x100' }, 'invalid_parameter', 'size', '1792x1024'],
    [{ prompt: 'p', orientation: 'up' }, 'invalid_parameter', 'orientation', 'one of portrait, landscape'],
    [{ prompt: 'p', seed: -1 }, 'invalid_parameter', 'seed', 'at least 0'],
    [{ prompt: 'p', seed: 1.5 }, 'invalid_parameter', 'seed', 'a whole number'],
    [{ prompt: 'p', seed: 2 ** 32 }, 'invalid_parameter', 'seed', 'at most 4294967295'],
    [{ prompt: 'p', seed: '7' }, 'invalid_parameter', 'seed', 'a number'],
    [{ prompt: 'p', negative_prompt: 'x'.repeat(4001) }, 'invalid_parameter', 'negative_prompt', 'at most 4000 characters'],
    [{ prompt: 'p', unknown_mentions: 'maybe' }, 'invalid_parameter', 'unknown_mentions', 'one of error, text'],
    [{ prompt: 'p', model: 'nobody' }, 'model_not_found', 'model', 'animatic-1, studio-1'],
    [{ prompt: 'p', model: {} }, 'invalid_parameter', 'model', 'a string'],
    [{ prompt: 'p', characters: 7 }, 'invalid_parameter', 'characters', 'a list'],
    [{ prompt: 'p', characters: [{ name: 'x' }] }, 'invalid_parameter', 'characters.0', ''],
    [{ prompt: 'p', characters: [['x']] }, 'invalid_parameter', 'characters.0', ''],
    [{ prompt: 'p', characters: '["x"' }, 'invalid_parameter', 'characters', 'a list'],
    [{ prompt: 'p', characters: Array(257).fill('x') }, 'invalid_parameter', 'characters', 'at most 256 items'],
    [{ prompt: 'p', characters: Array.from({ length: 65 }, (_, i) => `c${i}`) }, 'too_many_characters', 'prompt', 'at most 64'],
    [{ prompt: 'p', characters: ['__proto__'] }, 'character_not_found', 'characters', ''],
    [{ prompt: '@nobody_here walks' }, 'character_not_found', 'prompt', ''],
    [{ prompt: 'p', input_reference: 7 }, 'invalid_parameter', 'input_reference', 'https://example.com/frame.png'],
    [{ prompt: 'p', input_reference: {} }, 'invalid_parameter', 'input_reference', ''],
    [{ prompt: 'p', input_reference: { file_id: 'file_1' } }, 'invalid_parameter', 'input_reference', ''],
    [{ prompt: 'p', input_reference: 'frame.png' }, 'invalid_url', 'input_reference', ''],
    [{ prompt: 'p', input_reference: { image_url: 'ftp://example.com/a.png' } }, 'url_not_allowed', 'input_reference', ''],
    [{ prompt: 'p', input_reference: 'data:image/png;base64,' }, 'invalid_parameter', 'input_reference', 'data:image/png;base64'],
    [{ prompt: 'p', images: ['https://example.com/a.png', 'nonsense'] }, 'invalid_url', 'images.1', ''],
    [{ prompt: 'p', images: ['data:image/png;base64,AAAA', 'data:image/png,no'] }, 'invalid_parameter', 'images.1', 'data:image/png;base64'],
    [{ prompt: 'p', images: Array(9).fill('https://example.com/a.png') }, 'invalid_parameter', 'images', 'at most 8 items'],
    [{ prompt: 'p', character_url: 'clip.mp4' }, 'invalid_url', 'character_url', ''],
    [{ prompt: 'p', character_url: 'https://example.com/c.mp4', character_timestamps: '3,1' }, 'invalid_timestamps', 'character_timestamps', ''],
    [{ prompt: 'p', character_from_task: MISSING }, 'video_not_found', 'character_from_task', ''],
  ])('%j is %s at %s', async (body, code, param, hint) => {
    const before = [server.videos.submitted.length, server.characters.created.length]
    const response = await server.postJson('/v1/videos', body)
    expect(response.status).toBe(400)
    const error = await errorOf(response)
    expect(error).toMatchObject({ code, param })
    expect(error.hint ?? '').toContain(hint)
    expect([server.videos.submitted.length, server.characters.created.length]).toEqual(before)
  })

  test('__proto__ is one more key that means nothing', async () => {
    const response = await server.request('/v1/videos', { method: 'POST', body: '{"prompt":"p","__proto__":{"seed":7},"constructor":{"prototype":{"seed":8}}}', headers: { 'content-type': 'application/json' } })
    expect(response.status).toBe(200)
    expect(last()?.seed).toBeNull()
  })

  test('a refusal follows Accept-Language, its code and param do not', async () => {
    expect(await errorOf(await server.postJson('/v1/videos', { prompt: 'p', seconds: 0 }, { 'accept-language': 'zh-CN' }))).toMatchObject({ code: 'invalid_parameter', param: 'seconds', message: '参数 seconds 无效：格式不符。', hint: 'seconds 应为：最少 1。' })
  })
})

describe('pictures', () => {
  test('at addresses go along as they are, the reference first', async () => {
    await server.postJson('/v1/videos', { prompt: 'p', input_reference: { image_url: 'https://example.com/a.png' }, images: ['https://example.com/b.png', { image_url: 'https://example.com/c.png' }] })
    expect(last()?.pictures).toEqual(['a', 'b', 'c'].map((name) => ({ type: 'url', url: `https://example.com/${name}.png` })))
  })

  test('one alone need not be a list', async () => {
    await server.postJson('/v1/videos', { prompt: 'p', images: 'https://example.com/b,c.png' })
    expect(last()?.pictures).toEqual([{ type: 'url', url: 'https://example.com/b,c.png' }])
  })

  test('of 20 MiB fit into a JSON body, and not one byte more', async () => {
    expect((await server.postJson('/v1/videos', { prompt: 'p', input_reference: { image_url: pictureUri(20 * 1024 * 1024) } })).status).toBe(200)
    expect(last()?.pictures).toMatchObject([{ type: 'upload', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }])
    const response = await server.postJson('/v1/videos', { prompt: 'p', input_reference: pictureUri(20 * 1024 * 1024 + 1) })
    expect(response.status).toBe(413)
    expect(await errorOf(response)).toMatchObject({ code: 'request_too_large', details: { max_bytes: 20 * 1024 * 1024 } })
  })

  test('a body of more than 28 MiB is 413 with that figure, elsewhere 1 MiB stays the most', async () => {
    expect(await errorOf(await server.postJson('/v1/videos', { prompt: 'p', pad: 'x'.repeat(28 * 1024 * 1024) }))).toMatchObject({ code: 'request_too_large', details: { max_bytes: 28 * 1024 * 1024 } })
    expect(await errorOf(await server.postJson(`/v1/videos/${MISSING}/remix`, { prompt: 'p', pad: 'x'.repeat(1024 * 1024) }))).toMatchObject({ code: 'request_too_large', details: { max_bytes: 1024 * 1024 } })
  })

  test('are removed when the video is refused', async () => {
    expect((await server.postJson('/v1/videos', { prompt: '@nobody_here', input_reference: 'data:image/png;base64,AAAA' })).status).toBe(400)
  })
})

describe('keys of the relays', () => {
  test('mean what they meant, and the official ones count before them', async () => {
    await server.postJson('/v1/videos', { prompt: 'p', duration: '8', orientation: 'landscape' })
    expect(last()).toMatchObject({ seconds: 8, orientation: 'landscape', size: null })
    await server.postJson('/v1/videos', { prompt: 'p', duration: 8, seconds: 6 })
    expect(last()?.seconds).toBe(6)
  })

  test('a character comes along and the video waits for it', async () => {
    server.characters.next('wait')
    const response = await server.postJson('/v1/videos', { prompt: 'p', character_url: 'https://example.com/who.mp4', character_timestamps: '１，３' })
    expect(response.status).toBe(200)
    expect(server.characters.created.at(-1)).toMatchObject({ account: 'local', source: { type: 'url', url: 'https://example.com/who.mp4' }, window: { startMs: 1000, endMs: 3000 }, isForced: false })
    const body = await response.json()
    expect(body.characters).toEqual([{ id: expect.stringMatching(/^char_/), username: null, revision: 1, mentions: [] }])
    expect(last()?.pending).toEqual([body.characters[0].id])
    server.characters.finish()
  })

  test('a finished video is a source too; if it is not there, the address is', async () => {
    const { id } = server.videos.plant({ state: finished() })
    await server.postJson('/v1/videos', { prompt: 'p', character_from_task: id })
    expect(server.characters.created.at(-1)).toMatchObject({ source: { type: 'video', objectKey: 'video_1/1/video.mp4', bytes: 1000 }, window: null })
    await server.postJson('/v1/videos', { prompt: 'p', character_from_task: MISSING, character_url: 'https://example.com/else.mp4' })
    expect(server.characters.created.at(-1)).toMatchObject({ source: { type: 'url', url: 'https://example.com/else.mp4' } })
  })

  test('a request that is refused anyway makes no character', async () => {
    const before = server.characters.created.length
    const { username } = server.characters.plant()
    const names = [username, server.characters.plant().username, server.characters.plant().username]
    for (const body of [{ prompt: 'p', model: 'nobody' }, { prompt: names.map((name) => `@${name}`).join(' ') }, { prompt: 'p', input_reference: 'nonsense' }]) {
      expect((await server.postJson('/v1/videos', { ...body, character_url: 'https://example.com/who.mp4' })).status).toBe(400)
    }
    expect(server.characters.created).toHaveLength(before)
  })

  test('a character and a picture come along together', async () => {
    expect((await server.postJson('/v1/videos', { prompt: 'p', character_url: 'https://example.com/both.mp4', input_reference: 'data:image/png;base64,AAAA' })).status).toBe(200)
    expect(last()).toMatchObject({ pending: [expect.stringMatching(/^char_/)], pictures: [{ type: 'upload' }] })
  })

  test('one that fails leaves the video to say so', async () => {
    server.characters.next(new AppError('no_character_found'))
    expect((await server.postJson('/v1/videos', { prompt: 'p', character_url: 'https://example.com/blank.mp4' })).status).toBe(200)
  })
})

describe('from another video', () => {
  test('a remix takes JSON or a form, and takes over what it does not say', async () => {
    const { id } = server.videos.plant({ state: finished() })
    const body = await (await server.postJson(`/v1/videos/${id}/remix`, { prompt: 'at night' })).json()
    expect(body).toMatchObject({ object: 'video', status: 'queued', prompt: 'at night', remixed_from_video_id: id })
    expect(last()).toMatchObject({ prompt: 'at night', from: { id, how: 'remix' }, size: null, seconds: null, characters: [] })
    const form = new FormData()
    form.append('prompt', 'at noon')
    expect((await server.request(`/v1/videos/${id}/remix`, { method: 'POST', body: form })).status).toBe(200)
    expect(last()?.prompt).toBe('at noon')
  })

  test.each([['edits', 'edit'], ['extensions', 'extend']])('%s by an id, as JSON and as the official form', async (path, how) => {
    const { id } = server.videos.plant({ state: finished() })
    for (const video of [{ id }, id]) expect((await server.postJson(`/v1/videos/${path}`, { prompt: 'p', model: 'studio', seconds: '10', video })).status).toBe(200)
    const form = new FormData()
    for (const [name, value] of [['prompt', 'p'], ['model', 'studio'], ['seconds', '10'], ['video[id]', id]]) form.append(name, value)
    const response = await server.request(`/v1/videos/${path}`, { method: 'POST', body: form })
    expect(await response.json()).toMatchObject({ remixed_from_video_id: id })
    expect(last()).toMatchObject({ from: { id, how }, seconds: 10 })
  })

  test.each(['edits', 'extensions'])('%s by a backend that cannot names those that can', async (path) => {
    const { id } = server.videos.plant({ state: finished() })
    const response = await server.postJson(`/v1/videos/${path}`, { prompt: 'p', video: { id } })
    expect(response.status).toBe(400)
    expect(await errorOf(response)).toMatchObject({ code: 'operation_unsupported', hint: 'These backends can: studio.' })
  })

  test.each(['edits', 'extensions'])('%s of a file says what is needed instead', async (path) => {
    const form = new FormData()
    form.append('prompt', 'p')
    form.append('video', new Blob(['bytes']), 'clip.mp4')
    const response = await server.request(`/v1/videos/${path}`, { method: 'POST', body: form })
    expect(response.status).toBe(400)
    expect(await errorOf(response)).toMatchObject({ code: 'invalid_parameter', param: 'video', hint: 'video must be the id of a finished video.' })
  })

  test.each([
    ['/v1/videos/edits', { prompt: 'p' }, 400, 'missing_required_parameter', 'video'],
    ['/v1/videos/edits', { prompt: 'p', video: 7 }, 400, 'invalid_parameter', 'video'],
    ['/v1/videos/edits', { prompt: 'p', video: {} }, 400, 'invalid_parameter', 'video'],
    ['/v1/videos/extensions', { prompt: 'p', video: MISSING }, 400, 'video_not_found', 'video'],
    [`/v1/videos/${MISSING}/remix`, {}, 400, 'missing_required_parameter', 'prompt'],
  ])('%s of %j is %i %s at %s', async (path, body, status, code, param) => {
    const response = await server.postJson(path, body)
    expect(response.status).toBe(status)
    expect(await errorOf(response)).toMatchObject({ code, param })
  })
})

describe('reading', () => {
  test.each([
    ['queued', { at: 'queued' }, { progress: 0, completed_at: null }, '700'],
    ['in_progress', { at: 'in_progress', progress: 45 }, { progress: 45, completed_at: null }, '700'],
    ['completed', finished(), { progress: 100, completed_at: 1_795_392_009 }, null],
    ['failed', failed(), { progress: 40, completed_at: 1_795_392_009, error: { code: 'backend_rejected', message: 'The backend refused this video: no' } }, null],
  ] as const)('one that is %s', async (status, state, facts, poll) => {
    const { id } = server.videos.plant({ state })
    const response = await server.request(`/v1/videos/${id}/`)
    const body = await response.json()
    expect(body).toMatchObject({ id, status, ...facts })
    expect(Object.keys(body)).toEqual([...OFFICIAL_KEYS, 'characters', 'warnings', 'backend'])
    expect(response.headers.get('openai-poll-after-ms')).toBe(poll)
  })

  test.each([['studio', '5000'], ['gone', '2000']])('a video of %s is asked for again after %s ms', async (backend, poll) => {
    const { id } = server.videos.plant({ backend })
    expect((await server.request(`/v1/videos/${id}`)).headers.get('openai-poll-after-ms')).toBe(poll)
  })

  test('a failure speaks the language asked for', async () => {
    const { id } = server.videos.plant({ state: failed(new AppError('cancelled')) })
    expect((await (await server.request(`/v1/videos/${id}`, { headers: { 'accept-language': 'zh' } })).json()).error).toEqual({ code: 'cancelled', message: '该视频已取消。' })
  })

  test.each(['include=compiled_prompt', 'include[]=compiled_prompt', 'include=x&include=compiled_prompt', 'include%5B%5D=compiled_prompt'])('?%s shows what the backend was sent', async (query) => {
    const { id } = server.videos.plant({ compiledPrompt: 'image 1 runs' })
    expect(await (await server.request(`/v1/videos/${id}?${query}`)).json()).toMatchObject({ compiled_prompt: 'image 1 runs' })
    expect(await (await server.request(`/v1/videos/${id}?include=other`)).json()).not.toHaveProperty('compiled_prompt')
  })

  test('lists by page, newest first, or by status', async () => {
    await using fresh = await startHttpServer()
    const ids = [{ at: 'queued' } as const, failed(), finished()].map((state) => fresh.videos.plant({ state }).id)
    expect(await (await fresh.request('/v1/videos/?limit=2')).json()).toMatchObject({ object: 'list', data: [{ id: ids[2] }, { id: ids[1] }], first_id: ids[2], last_id: ids[1], has_more: true })
    expect(await (await fresh.request(`/v1/videos?limit=2&order=asc&after=${ids[1]}`)).json()).toMatchObject({ data: [{ id: ids[2] }], has_more: false })
    expect(await (await fresh.request('/v1/videos?status=failed&model=ignored')).json()).toMatchObject({ data: [{ id: ids[1] }] })
    expect(await (await fresh.request('/v1/videos?limit=0')).json()).toEqual({ object: 'list', data: [], first_id: null, last_id: null, has_more: true })
  })

  test.each(['limit=101', 'limit=-1', 'limit=ten', 'order=up', 'after=nobody', 'after=char_00000000000000000000000000000000', 'status=done', 'limit=1&limit=2'])('?%s is invalid_parameter', async (query) => {
    const response = await server.request(`/v1/videos?${query}`)
    expect(response.status).toBe(400)
    expect(await errorOf(response)).toMatchObject({ code: 'invalid_parameter', param: query.split('=')[0] })
  })

  test('somebody else\'s is not there, and neither is what never was', async () => {
    const { id } = server.videos.plant({ account: 'bob' })
    const withoutId = async (path: string, init?: RequestInit) => {
      const error = await errorOf(await server.request(path, init))
      return { ...error, request_id: '' }
    }
    for (const [path, init] of [['', {}], ['', { method: 'DELETE' }], ['/content', {}], ['/verify', { method: 'POST' }]] as const) {
      expect(await withoutId(`/v1/videos/${id}${path}`, init)).toEqual(await withoutId(`/v1/videos/${MISSING}${path}`, init))
    }
    expect(await withoutId('/v1/videos/nothing')).toMatchObject({ code: 'video_not_found', type: 'not_found_error' })
  })

  test('is deleted in any state', async () => {
    const { id } = server.videos.plant()
    expect(await (await server.request(`/v1/videos/${id}`, { method: 'DELETE' })).text()).toBe(`{"id":"${id}","object":"video.deleted","deleted":true}`)
    expect((await server.request(`/v1/videos/${id}`)).status).toBe(404)
  })
})

describe('content', () => {
  test.each([['', 'video/mp4', 'mp4'], ['?variant=video', 'video/mp4', 'mp4'], ['?variant=thumbnail', 'image/webp', 'webp'], ['?variant=spritesheet', 'image/jpeg', 'jpg']])('%s is %s', async (query, type, ending) => {
    const { id } = server.videos.plant({ state: finished() })
    const response = await server.request(`/v1/videos/${id}/content${query}`, { headers: { accept: 'application/binary' } })
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({ 'content-type': type, 'content-length': '1000', 'accept-ranges': 'bytes', 'content-disposition': `inline; filename="${id}.${ending}"`, 'cache-control': 'private, no-cache' })
    expect(await response.text()).toBe('0123456789'.repeat(100))
  })

  test('by range, unchanged, and without a body', async () => {
    const { id } = server.videos.plant({ state: finished() })
    const content = (headers: Record<string, string>, method = 'GET') => server.request(`/v1/videos/${id}/content`, { headers, method })
    const part = await content({ range: 'bytes=10-12' })
    expect([part.status, part.headers.get('content-range'), await part.text()]).toEqual([206, 'bytes 10-12/1000', '012'])
    expect((await content({ range: 'bytes=1000-' })).status).toBe(416)
    expect((await content({ 'if-none-match': part.headers.get('etag') ?? '' })).status).toBe(304)
    const head = await content({}, 'HEAD')
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '1000', ''])
  })

  test.each([
    [{ at: 'in_progress', progress: 3 }, 'video_not_ready'], [failed(), 'video_failed'],
  ] as const)('of one that is %j is 409', async (state, code) => {
    const { id } = server.videos.plant({ state })
    const response = await server.request(`/v1/videos/${id}/content`)
    expect(response.status).toBe(409)
    expect(response.headers.get('x-should-retry')).toBe('false')
    expect((await errorOf(response)).code).toBe(code)
  })

  test('of a variant nobody knows is 400', async () => {
    const { id } = server.videos.plant({ state: finished() })
    expect(await errorOf(await server.request(`/v1/videos/${id}/content?variant=gif`))).toMatchObject({ code: 'invalid_parameter', param: 'variant', hint: 'variant must be one of video, thumbnail, spritesheet.' })
  })
})

describe('verifying', () => {
  test('says how alike each character is, and the video remembers', async () => {
    const { id, username } = server.characters.plant()
    const planted = server.videos.plant({ state: finished(), characters: [{ id, username, revision: 1, mentions: [] }] })
    const body = await (await server.request(`/v1/videos/${planted.id}/verify`, { method: 'POST' })).json()
    expect(body).toEqual({
      object: 'video.verification', video_id: planted.id, models: ['dlib-face'],
      characters: [{ id, username, score: 0.71, verdict: 'same', frames: [{ t: 0.3333, score: 0.71, box: [0.1, 0.2, 0.3, 0.6] }, { t: 1, score: null, box: null }] }],
    })
    const read = await (await server.request(`/v1/videos/${planted.id}`)).json()
    expect(read.verification).toEqual(body)
    expect(Object.keys(read).slice(0, 13)).toEqual(OFFICIAL_KEYS)
  })

  test('ends with the budget', async () => {
    await using quick = await startHttpServer({ settings: { syncBudgetMs: 50 } })
    const { id } = quick.videos.plant({ state: finished() })
    quick.videos.stall()
    const response = await quick.request(`/v1/videos/${id}/verify`, { method: 'POST' })
    expect(response.status).toBe(504)
    expect(response.headers.get('retry-after')).toBe('2')
  })

  test('waits for the video first', async () => {
    const { id } = server.videos.plant()
    expect((await errorOf(await server.request(`/v1/videos/${id}/verify`, { method: 'POST' }))).code).toBe('video_not_ready')
  })
})

describe('who', () => {
  const authorization = 'Bearer drm_reader'
  let keyed: TestServer
  beforeAll(async () => { keyed = await startHttpServer({ settings: { isOpen: false } }) })
  afterAll(() => keyed[Symbol.asyncDispose]())

  test.each([
    ['GET', '/v1/videos', 'videos:read'], ['GET', `/v1/videos/${MISSING}`, 'videos:read'], ['GET', `/v1/videos/${MISSING}/content`, 'videos:read'], ['POST', '/v1/prompts/resolve', 'videos:read'], ['GET', '/v1/backends', 'videos:read'],
    ['POST', '/v1/videos', 'videos:write'], ['POST', '/v1/videos/edits', 'videos:write'], ['POST', `/v1/videos/${MISSING}/remix`, 'videos:write'], ['DELETE', `/v1/videos/${MISSING}`, 'videos:write'], ['POST', `/v1/videos/${MISSING}/verify`, 'videos:write'],
    ['POST', '/v1/videos/characters', 'characters:write'], ['DELETE', '/v1/videos/characters/x', 'characters:write'],
  ])('%s %s needs %s', async (method, path, needed) => {
    const response = await keyed.request(path, { method, headers: { authorization } })
    expect(response.status).toBe(403)
    expect(await errorOf(response)).toMatchObject({ code: 'insufficient_scope', details: { needed } })
  })

  test('a video belongs to the account of its key', async () => {
    const { id } = await (await keyed.postJson('/v1/videos', { prompt: 'p' }, { authorization: 'Bearer drm_alice' })).json()
    const read = (key: string) => keyed.request(`/v1/videos/${id}`, { headers: { authorization: `Bearer ${key}` } })
    expect([(await read('drm_alice')).status, (await read('drm_bob')).status]).toEqual([200, 404])
  })
})

test.each(['/videos', '/videos/', '/videos/video_1/content?variant=video', '/prompts/resolve'])('%s without /v1 is 404 and names the right path', async (path) => {
  const response = await server.request(path, { method: path.startsWith('/prompts') ? 'POST' : 'GET' })
  expect(response.status).toBe(404)
  expect(await errorOf(response)).toMatchObject({ code: 'not_found', hint: `See http://dramatis.test/v1${path.replace(/\?.*/, '')}.` })
})
