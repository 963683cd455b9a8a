import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startHttpServer, type TestServer } from '../../test/support/http-server.ts'
import type { Character } from '../domain/character.ts'
import { AppError } from '../domain/errors.ts'

const bytes = Buffer.from('0123456789'.repeat(100))
const etag = `"${createHash('sha256').update(bytes).digest('hex')}"`
let server: TestServer
let character: Character
beforeAll(async () => {
  server = await startHttpServer({ files: { 'clip.mp4': bytes } })
  character = server.characters.plant({ hasVoice: false })
})
afterAll(() => server[Symbol.asyncDispose]())

const media = (name = 'clip.mp4', init: RequestInit = {}) => server.request(`/media/${character.mediaToken}/${name}`, init)
const range = (value: string, more: Record<string, string> = {}) => media('clip.mp4', { headers: { range: value, ...more } })

describe('media by token', () => {
  test('is public, immutable, with a fixed type and name', async () => {
    const response = await media()
    expect(response.status).toBe(200)
    expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'video/mp4', 'content-length': '1000', etag, 'accept-ranges': 'bytes', 'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff', 'content-disposition': 'inline; filename="clip.mp4"', 'cross-origin-resource-policy': 'cross-origin',
    })
  })

  test.each([
    ['bytes=0-0', 0, 1], ['bytes=0-', 0, 1000], ['bytes=10-19', 10, 20], ['bytes=990-', 990, 1000], ['bytes=-5', 995, 1000], ['bytes=-5000', 0, 1000], ['bytes=998-5000', 998, 1000],
  ])('%s is that part', async (value, start, end) => {
    const response = await range(value)
    expect(response.status).toBe(206)
    expect(response.headers.get('content-range')).toBe(`bytes ${start}-${end - 1}/1000`)
    expect(response.headers.get('content-length')).toBe(String(end - start))
    expect(Buffer.from(await response.arrayBuffer())).toEqual(bytes.subarray(start, end))
  })

  test.each(['bytes=1000-', 'bytes=5000-6000', 'bytes=-0'])('%s lies outside', async (value) => {
    const response = await range(value)
    expect(response.status).toBe(416)
    expect(response.headers.get('content-range')).toBe('bytes */1000')
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect((await response.json()).error).toMatchObject({ code: 'range_not_satisfiable', hint: 'The file has 1000 bytes.' })
  })

  test.each(['bytes=0-1,5-6', 'bytes=9-1', 'bytes=', 'bytes=-', 'seconds=1-2', 'bytes=a-b', 'bytes=0x1-2'])('%s is ignored', async (value) => {
    expect((await range(value)).status).toBe(200)
  })

  test('a range of another version is the whole of this one', async () => {
    expect((await range('bytes=0-1', { 'if-range': '"other"' })).status).toBe(200)
    expect((await range('bytes=0-1', { 'if-range': etag })).status).toBe(206)
  })

  test.each([etag, `W/${etag}`, `"other", ${etag}`, '*'])('is 304 for who has %s', async (value) => {
    const response = await media('clip.mp4', { headers: { 'if-none-match': value, range: 'bytes=0-1' } })
    expect(response.status).toBe(304)
    expect(response.headers.get('etag')).toBe(etag)
    expect(await response.text()).toBe('')
  })

  test('HEAD says the size and sends nothing', async () => {
    const response = await media('clip.mp4', { method: 'HEAD' })
    expect([response.status, response.headers.get('content-length'), await response.text()]).toEqual([200, '1000', ''])
  })

  test.each(['voice.wav', 'reference-9.webp', 'reference-0.webp', 'other.svg', '..%2f..%2fetc%2fpasswd', '%2e%2e', 'portrait.webp%00'])('%s is not there', async (name) => {
    const response = await media(name)
    expect(response.status).toBe(404)
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8')
  })

  test('a wrong token is not there', async () => {
    expect((await server.request(`/media/${character.mediaToken.slice(0, -1)}A1/clip.mp4`)).status).toBe(404)
  })

  test('a store that is gone is 503, not 404 and not a cut-off file', async () => {
    const { openMedia } = server.characters
    server.characters.openMedia = async (...args) => ({ ...await openMedia(...args), read: async () => { throw new AppError('storage_unavailable') } })
    const response = await media()
    server.characters.openMedia = openMedia
    expect(response.status).toBe(503)
    expect(response.headers.get('etag')).toBeNull()
    expect(response.headers.get('cache-control')).toBe('no-store')
  })
})

describe('files by character', () => {
  test.each([['portrait', 'image/webp'], ['cutout', 'image/webp'], ['clip', 'video/mp4'], ['references/1', 'image/webp'], ['references/5', 'image/webp']])('%s is %s, and asked for again each time', async (part, type) => {
    const response = await server.request(`/v1/characters/@${character.username}/${part}`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe(type)
    expect(response.headers.get('cache-control')).toBe('private, no-cache')
    const again = await server.request(`/v1/characters/${character.id}/${part}`, { headers: { 'if-none-match': response.headers.get('etag') ?? '' } })
    expect(again.status).toBe(304)
  })

  test.each([['voice', 404], ['references/6', 404], ['references/0', 400], ['references/x', 400], ['backdrop', 404]])('%s is %i', async (part, status) => {
    expect((await server.request(`/v1/characters/${character.id}/${part}`)).status).toBe(status)
  })

  test('references are listed by their own addresses', async () => {
    const body = await (await server.request(`/v1/characters/${character.id}/references`)).json()
    expect(body.data).toHaveLength(5)
    expect(body.data[4]).toEqual({ n: 5, url: `http://dramatis.test/media/${character.mediaToken}/reference-5.webp` })
  })
})
