import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { errorOf, startHttpServer, type TestServer } from '../../test/support/http-server.ts'

const PATH = '/v1/prompts/resolve'
let server: TestServer
beforeAll(async () => { server = await startHttpServer() })
afterAll(() => server[Symbol.asyncDispose]())

test('shows whom a prompt calls and what a backend would be sent, and keeps nothing', async () => {
  const { id, mediaToken } = server.characters.plant({ username: 'misty' })
  const response = await server.postJson(PATH, { prompt: 'so @misty runs', backend: 'animatic', seconds: '6', size: '1280x720' })
  expect(response.status).toBe(200)
  expect(await response.json()).toEqual({
    object: 'prompt',
    segments: [{ text: 'so ', start: 0, end: 3 }, { character: id, username: 'misty', start: 3, end: 9 }, { text: ' runs', start: 9, end: 14 }],
    cast: [{ id, username: 'misty', kind: 'animal', revision: 1 }],
    near_misses: [],
    compiled: {
      backend: 'animatic', model: 'animatic-1', prompt: 'so image 1 runs', size: '1280x720', seconds: 6,
      references: [{ kind: 'image', n: 1, character: id, url: `http://dramatis.test/media/${mediaToken}/portrait.webp` }],
    },
    warnings: [],
    limits: { characters: 3, prompt: 2000, references: 4, sizes: ['720x1280', '1280x720', '1024x1792', '1792x1024'], seconds: { min: 1, max: 12 } },
  })
  expect(server.videos.submitted).toHaveLength(0)
  expect(await (await server.request('/v1/videos')).json()).toMatchObject({ data: [] })
})

test('a list of seconds stays one, and warnings are told', async () => {
  expect(await (await server.postJson(PATH, { prompt: 'p', model: 'studio' })).json()).toMatchObject({ limits: { seconds: [5, 10] } })
  expect(await (await server.postJson(PATH, { prompt: 'p', model: 'sora-2' })).json()).toMatchObject({ warnings: [{ code: 'model_substituted' }] })
})

test.each([
  [{ prompt: 'p', promt: 'x' }, 'promt', 'spelled prompt'], [{ prompt: 'p', input_reference: 'https://a.b/c.png' }, 'input_reference', 'one of prompt'], [{ prompt: 'p', model: 'animatic', backend: 'studio' }, 'backend', 'left out'],
])('%j is invalid_parameter at %s', async (body, param, hint) => {
  const response = await server.postJson(PATH, body)
  expect(response.status).toBe(400)
  const error = await errorOf(response)
  expect(error).toMatchObject({ code: 'invalid_parameter', param })
  expect(error.hint).toContain(hint)
})

describe('its refusals are those of a new video, to the byte', () => {
  const prompt = 'p'
  test.each([
    [{}], [{ prompt: '' }], [{ prompt: 7 }], [{ prompt: '@nobody_here' }], [{ prompt, characters: ['nobody_here'] }], [{ prompt, characters: 7 }], [{ prompt, characters: Array.from({ length: 65 }, (_, i) => `c${i}`) }],
    [{ prompt, seconds: 'x' }], [{ prompt, size: 'x' }], [{ prompt, size: '100x100' }], [{ prompt, seed: -1 }], [{ prompt, unknown_mentions: 'x' }], [{ prompt, model: 'nobody' }], [{ prompt, model: '' }],
  ])('%j', async (body) => {
    for (const language of ['en', 'zh']) {
      const [dry, real] = await Promise.all([PATH, '/v1/videos'].map(async (path) => {
        const response = await server.postJson(path, body, { 'accept-language': language })
        return [response.status, response.headers.get('x-should-retry'), (await response.text()).replaceAll(/req_[0-9a-f]{32}/g, '')]
      }))
      expect(dry).toEqual(real)
      expect(dry[0]).toBe(400)
    }
  })
})

test('takes no form', async () => {
  const form = new FormData()
  form.append('prompt', 'p')
  expect((await server.request(PATH, { method: 'POST', body: form })).status).toBe(415)
})
