import { describe, expect, test } from 'vitest'
import { errorOf, formOf, nothingLeft, startHttpServer } from '../../test/support/http-server.ts'
import { AppError } from '../domain/errors.ts'

const archive = new File(['an archive'], 'misty_otter.dramatis.tar', { type: 'application/x-tar' })
const as = (key: string): Readonly<Record<string, string>> => ({ authorization: `Bearer ${key}` })

describe('an export', () => {
  test('is a file that is named after the character, as long as it was said to be', async () => {
    await using server = await startHttpServer()
    const { username } = server.characters.plant({ username: 'misty_otter', revision: 3 })
    const answer = await server.request(`/v1/characters/@${username}/export`)
    expect(answer.status).toBe(200)
    expect(Object.fromEntries(answer.headers)).toMatchObject({ 'content-type': 'application/x-tar', 'content-disposition': 'attachment; filename="misty_otter.dramatis.tar"', 'content-length': '10', etag: '"r3"' })
    expect(await answer.text()).toBe('an archive')
  })

  test('of a name in another script has both names', async () => {
    await using server = await startHttpServer()
    const { id } = server.characters.plant({ username: '小明' })
    const answer = await server.request(`/v1/characters/${id}/export`)
    expect(answer.headers.get('content-disposition')).toBe(`attachment; filename="__.dramatis.tar"; filename*=UTF-8''${encodeURIComponent('小明.dramatis.tar')}`)
  })

  test('of somebody else\'s, of a deleted one and of none are the same 404; a key without the scope is refused', async () => {
    await using server = await startHttpServer({ settings: { isOpen: false } })
    const theirs = server.characters.plant({}, 'bob')
    const deleted = server.characters.plant({}, 'alice')
    await server.characters.remove('alice', deleted.id, { isPurge: false })
    const bodies = await Promise.all([theirs.id, deleted.id, `char_${'0'.repeat(32)}`].map(async (ref) => {
      const answer = await server.request(`/v1/characters/${ref}/export`, { headers: as('drm_alice') })
      expect(answer.status).toBe(404)
      const { request_id: _id, ...error } = await errorOf(answer)
      return error
    }))
    expect(bodies).toEqual([bodies[0], bodies[0], bodies[0]])
    expect((await server.request(`/v1/characters/${theirs.id}/export`)).status).toBe(401)
  })
})

describe('an import', () => {
  test('answers 201 with the character, or 200 when it became one before', async () => {
    await using server = await startHttpServer()
    const first = await server.request('/v1/characters/import', { method: 'POST', body: formOf({ file: archive, username: 'Brave_Lynx' }) })
    expect(first.status).toBe(201)
    const made = await first.json()
    expect(made).toMatchObject({ username: 'brave_lynx', status: 'completed' })
    expect(first.headers.get('location')).toBe(`/v1/characters/${made.id}`)
    server.characters.next(server.characters.plant({ username: 'misty_otter' }))
    const again = await server.request('/v1/characters/import', { method: 'POST', body: formOf({ file: archive, on_conflict: 'rename' }) })
    expect([again.status, again.headers.get('idempotent-replayed'), (await again.json()).username]).toEqual([200, 'true', 'misty_otter'])
    await nothingLeft(server)
  })

  test('of nothing, of something else, or by a reader is refused, and leaves nothing', async () => {
    await using server = await startHttpServer({ settings: { isOpen: false } })
    const send = (fields: Readonly<Record<string, string | Blob>>, key = 'drm_alice') => server.request('/v1/characters/import', { method: 'POST', body: formOf(fields), headers: as(key) })
    const refusals = [
      [await send({ username: 'misty_otter' }), 400, 'missing_required_parameter'], [await send({ file: 'text' }), 400, 'invalid_parameter'],
      [await send({ file: archive, on_conflict: 'replace' }), 400, 'invalid_parameter'], [await send({ file: archive, username: 'admin' }), 400, 'invalid_username'],
      [await send({ video: archive }), 400, 'invalid_parameter'], [await send({ file: new File(['x'.repeat(1_000_001)], 'a.tar') }), 413, 'request_too_large'],
      [await send({ file: archive }, 'drm_reader'), 403, 'insufficient_scope'],
    ] as const
    for (const [answer, status, code] of refusals) expect([answer.status, (await errorOf(answer)).code]).toEqual([status, code])
    await nothingLeft(server)
  })

  test.each(['username_taken', 'media_corrupt', 'queue_full'] as const)('that ends with %s says so', async (code) => {
    await using server = await startHttpServer()
    server.characters.next(new AppError(code, { details: { retryAfterSeconds: 1, suggestions: ['misty_otter_2'] } }))
    const answer = await server.request('/v1/characters/import', { method: 'POST', body: formOf({ file: archive }) })
    expect((await errorOf(answer)).code).toBe(code)
  })
})
