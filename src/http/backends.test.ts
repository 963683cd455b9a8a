import { afterAll, beforeAll, expect, test } from 'vitest'
import { startHttpServer, type TestServer } from '../../test/support/http-server.ts'

let server: TestServer
beforeAll(async () => { server = await startHttpServer() })
afterAll(() => server[Symbol.asyncDispose]())

test('are listed in the order of the settings, with whether they answer', async () => {
  expect(await (await server.request('/v1/backends')).json()).toMatchObject({
    object: 'list', first_id: 'animatic', last_id: 'studio', has_more: false,
    data: [{ name: 'animatic', healthy: true, says: 'draws previews' }, { name: 'studio', healthy: false, says: 'no answer' }],
  })
})

test('say what they can do as data', async () => {
  const body = await (await server.request('/v1/backends/studio')).json()
  expect(body).toEqual({
    object: 'backend', name: 'studio', healthy: false, says: 'no answer',
    models: [{
      id: 'studio-1',
      capabilities: {
        max_characters: 3, max_references: 4, per_character: 2, kinds: { image: { max: 4, mimes: ['image/webp', 'image/png'], max_bytes: 10_000_000 } }, prefer: 'image', image_form: 'cutout', label: 'ordinal', preamble: false,
        first_frame: 'alone', sizes: ['720x1280', '1280x720', '1024x1792', '1792x1024'], seconds: [5, 10], prompt_max: 2000, faces: 'ok', seed: true, negative_prompt: true, operations: ['edit', 'extend'], licence: 'Apache-2.0',
      },
    }],
  })
})

test.each(['nobody', '__proto__', 'constructor', '%00'])('%s is not there', async (name) => {
  const response = await server.request(`/v1/backends/${name}`)
  expect(response.status).toBe(404)
  expect((await response.json()).error).toMatchObject({ code: 'not_found', hint: 'See http://dramatis.test/v1/backends.' })
})
