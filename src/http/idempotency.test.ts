import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DATABASES, openTestDatabase, type TestDatabase } from '../../test/support/databases.ts'
import { errorOf, formOf, nothingLeft, startHttpServer, type TestServer } from '../../test/support/http-server.ts'
import { createIdempotencyKeys } from '../db/idempotency-keys.ts'
import { bindIdempotencyKey, findBoundObject, forgetIdempotency, forgetOldKeys } from '../db/idempotency-rows.ts'
import { AppError } from '../domain/errors.ts'
import { createLog } from '../runtime/log.ts'

const clip = { url: 'https://example.com/clip.mp4', timestamps: '1,3' }
const other = { ...clip, timestamps: '2,4' }
const log = createLog({ level: 'silent' })

let keys = 0
const newKey = (): string => `key-${keys++}-${crypto.randomUUID()}`
const kept = async (response: Response) => ({ status: response.status, replayed: response.headers.get('idempotent-replayed'), body: await response.text() })

describe.each(DATABASES)('Idempotency-Key on %s', (kind) => {
  let database: TestDatabase
  let server: TestServer
  /** Another process on the same database. */
  let elsewhere: TestServer
  const stack = new AsyncDisposableStack()
  beforeAll(async () => {
    database = stack.use(await openTestDatabase(kind))
    const second = await database.another()
    server = stack.use(await startHttpServer({ idempotency: stack.use(createIdempotencyKeys({ ...database, log })) }))
    // What is made there is not known here: only what is kept in the database can be told.
    elsewhere = stack.use(await startHttpServer({ idempotency: stack.use(createIdempotencyKeys({ ...second, log })) }))
  })
  afterAll(() => stack.disposeAsync())

  const create = (key: string, body: unknown = clip, { at = server, path = '/v1/characters', headers = {} }: { at?: TestServer; path?: string; headers?: Record<string, string> } = {}) =>
    at.postJson(path, body, { 'idempotency-key': key, ...headers })
  const rowOf = (key: string) => database.db.selectFrom('idempotency_keys').selectAll().where('key', '=', key).executeTakeFirst()

  test('the same request gets the first answer, to the byte, with the headers that belong to it, in any process', async () => {
    const key = newKey()
    const first = await create(key, { ...clip, force: true })
    expect([first.status, first.headers.get('idempotent-replayed')]).toEqual([201, null])
    const text = await first.text()
    for (const at of [server, elsewhere]) {
      const again = await create(key, { ...clip, force: true }, { at, headers: { 'accept-language': 'zh' } })
      expect(again.headers.get('x-request-id')).not.toBe(first.headers.get('x-request-id'))
      for (const name of ['location', 'etag', 'content-type']) expect(again.headers.get(name)).toBe(first.headers.get(name))
      expect(await kept(again)).toEqual({ status: 201, replayed: 'true', body: text })
    }
    expect(elsewhere.characters.created).toHaveLength(0)
    expect(server.logged.join('')).not.toContain(key)
  })

  test('what a caller would not wait for is answered the same, with where to look', async () => {
    const key = newKey()
    server.characters.next('wait')
    const first = await create(key, { ...clip, force: true }, { headers: { prefer: 'respond-async' } })
    server.characters.finish()
    const again = await create(key, { ...clip, force: true })
    expect([first.status, again.status]).toEqual([202, 202])
    for (const name of ['location', 'retry-after', 'preference-applied', 'openai-poll-after-ms']) expect([name, again.headers.get(name)]).toEqual([name, first.headers.get(name)])
  })

  test('the order of keys is none of the fields, every value is', async () => {
    const key = newKey()
    await create(key, { ...clip, metadata: { a: '1', b: '2' } })
    expect((await create(key, { timestamps: '1,3', metadata: { b: '2', a: '1' }, url: clip.url })).headers.get('idempotent-replayed')).toBe('true')
    const response = await create(key, other)
    expect([response.status, response.headers.get('x-should-retry')]).toEqual([409, 'false'])
    expect(await errorOf(response)).toMatchObject({ code: 'idempotency_key_reused', type: 'invalid_request_error', hint: 'Use a new key for a new request.' })
  })

  test('the same fields at another address are another request', async () => {
    const key = newKey()
    const { id } = server.characters.plant()
    await create(key, undefined, { path: `/v1/characters/${id}/restore` })
    expect((await create(key, undefined, { path: `/v1/characters/${server.characters.plant().id}/restore` })).status).toBe(409)
    expect((await create(key, clip, { path: '/sora/v1/characters' })).status).toBe(409)
  })

  test('a form that is sent again is the same whatever its boundary; its file counts by its bytes, and none is left', async () => {
    const key = newKey()
    const send = (bytes: string) => server.request('/v1/characters', { method: 'POST', headers: { 'idempotency-key': key }, body: formOf({ video: new Blob([bytes]), timestamps: '1,3' }) })
    const first = await kept(await send('the same film'))
    const { length } = server.characters.created
    expect(await kept(await send('the same film'))).toEqual({ ...first, replayed: 'true' })
    expect((await send('another film')).status).toBe(409)
    expect(server.characters.created).toHaveLength(length)
    await nothingLeft(server)
  })

  test('a key belongs to its account', async () => {
    await using keyed = await startHttpServer({ settings: { isOpen: false }, idempotency: createKeysHere() })
    const key = newKey()
    for (const who of ['drm_alice', 'drm_bob']) expect((await create(key, who === 'drm_bob' ? other : clip, { at: keyed, headers: { authorization: `Bearer ${who}` } })).status).toBe(201)
    expect(keyed.characters.created.map(({ account, idempotencyKey }) => [account, idempotencyKey])).toEqual([['alice', key], ['bob', key]])
  })
  const createKeysHere = () => stack.use(createIdempotencyKeys({ ...database, log }))

  test('twenty at once, in two processes: one is worked on, all hear the same', async () => {
    const key = newKey()
    const before = server.characters.created.length + elsewhere.characters.created.length
    for (const at of [server, elsewhere]) at.characters.next('wait')
    const asked = Array.from({ length: 20 }, (_, i) => create(key, { ...clip, force: true }, { at: i % 2 ? server : elsewhere }).then(kept))
    await expect.poll(() => server.characters.created.length + elsewhere.characters.created.length).toBe(before + 1)
    setTimeout(() => { for (const at of [server, elsewhere]) at.characters.finish() }, 300)
    const answers = await Promise.all(asked)
    expect(new Set(answers.map(({ status, body }) => `${status} ${body}`)).size).toBe(1)
    expect(answers.filter(({ replayed }) => replayed === null)).toHaveLength(1)
    expect(server.characters.created.length + elsewhere.characters.created.length).toBe(before + 1)
    for (const at of [server, elsewhere]) { // what was planned and not used
      const rest = at.postJson('/v1/characters', { ...clip, force: true })
      await expect.poll(() => at.characters.created.length).toBeGreaterThan(0)
      setTimeout(() => at.characters.finish(), 50)
      await rest
    }
  })

  test('a refusal is not kept: the same key tries again, and whoever waited goes on in its place', async () => {
    const key = newKey()
    const fails = { url: `https://example.com/${key}.mp4`, timestamps: '1,3' }
    server.characters.next(new AppError('source_unreachable', { param: 'url' }))
    const [first, second] = await Promise.all([create(key, fails), create(key, fails)])
    expect([first.status, second.status].toSorted()).toEqual([201, 422])
    expect((await create(key, fails)).headers.get('idempotent-replayed')).toBe('true')
  })

  test('past the budget a waiter is told to come again, and comes to the same', async () => {
    await using quick = await startHttpServer({ settings: { syncBudgetMs: 400 }, idempotency: createKeysHere() })
    const key = newKey()
    quick.characters.next('wait')
    const body = { url: `https://example.com/${key}.mp4`, timestamps: '1,3' }
    const answers = await Promise.all([create(key, body, { at: quick }), create(key, body, { at: quick })])
    expect(answers.map(({ status }) => status)).toEqual([504, 504])
    quick.characters.finish()
    expect((await create(key, body, { at: quick })).status).toBeLessThan(300)
  })

  test('what a process that died has made is still bound to the key when another takes it over', async () => {
    const key = newKey()
    const request = { account: 'local', key, fields: 'f' }
    const dead = createIdempotencyKeys({ ...database, log, refreshEveryMs: 3_600_000 })
    const signal = AbortSignal.timeout(10_000)
    expect((await dead.claim(request, { signal })).at).toBe('ours')
    await bindIdempotencyKey(database.db, 'local', key, 'char_1')
    const alive = createKeysHere()
    await expect(alive.claim(request, { signal: AbortSignal.timeout(100) })).rejects.toMatchObject({ name: 'TimeoutError' })
    await database.db.updateTable('idempotency_keys').set(({ eb }) => ({ held_at: eb('held_at', '-', 15_000) })).where('key', '=', key).execute()
    await expect(alive.claim({ ...request, fields: 'g' }, { signal })).rejects.toMatchObject({ code: 'idempotency_key_reused' })
    expect((await alive.claim(request, { signal })).at).toBe('ours')
    expect(await findBoundObject(database.db, 'local', key)).toBe('char_1')
    await dead[Symbol.asyncDispose]()
  })

  test('who lost a key without knowing keeps no answer under it', async () => {
    const key = newKey()
    const request = { account: 'local', key, fields: 'f' }
    const signal = AbortSignal.timeout(10_000)
    const paused = await createKeysHere().claim(request, { signal })
    await database.db.updateTable('idempotency_keys').set({ held_at: 0 }).where('key', '=', key).execute()
    const taken = await createKeysHere().claim(request, { signal })
    if (paused.at !== 'ours' || taken.at !== 'ours') throw new Error('both have it')
    await paused.held.keep({ status: 200, headers: {}, body: 'late' }, null)
    await paused.held.release({ isRefused: true })
    await taken.held.keep({ status: 200, headers: {}, body: 'right' }, null)
    expect((await rowOf(key))?.body).toBe('right')
  })

  test('a long piece of work keeps its key', async () => {
    const key = newKey()
    const request = { account: 'local', key, fields: 'f' }
    const signal = AbortSignal.timeout(10_000)
    await using busy = createIdempotencyKeys({ ...database, log, refreshEveryMs: 20 })
    const outcome = await busy.claim(request, { signal })
    const heldAt = (await rowOf(key))?.held_at ?? 0
    await expect.poll(async () => (await rowOf(key))?.held_at).toBeGreaterThan(heldAt)
    if (outcome.at === 'ours') await outcome.held.keep({ status: 200, headers: {}, body: 'done' }, null)
    expect((await rowOf(key))?.body).toBe('done')
  })

  test('what goes on after its caller was sent away is still bound; what came to nothing is not', async () => {
    const signal = AbortSignal.timeout(10_000)
    for (const [isRefused, found] of [[false, 'char_1'], [true, null]] as const) {
      const key = newKey()
      const outcome = await createKeysHere().claim({ account: 'local', key, fields: 'f' }, { signal })
      await bindIdempotencyKey(database.db, 'local', key, 'char_1')
      if (outcome.at === 'ours') await outcome.held.release({ isRefused })
      expect((await createKeysHere().claim({ account: 'local', key, fields: 'f' }, { signal })).at).toBe('ours')
      expect(await findBoundObject(database.db, 'local', key)).toBe(found)
    }
  })

  test('an answer too large to keep is made again', async () => {
    const key = newKey()
    const large = { ...clip, url: `https://example.com/${key}`, metadata: Object.fromEntries(Array.from({ length: 16 }, (_, i) => [`m${i}`, 'x'])) }
    server.characters.next({ ...server.characters.plant(), description: 'x'.repeat(1024 * 1024) })
    const first = await create(key, large)
    expect(first.status).toBe(200)
    expect(await rowOf(key)).toBeUndefined()
  })

  test('objects that are gone for good take the answers with them that tell of them', async () => {
    const [own, among, strange] = [newKey(), newKey(), newKey()]
    const { id } = await (await create(own, { ...clip, force: true })).json()
    await database.db.insertInto('characters').values({ id, account: 'local', status: 'completed', progress: 100, attempts: 1, fingerprint: 'f', is_forced: 0, created_at: 1, updated_at: 1 }).execute()
    const { username } = await (await server.request(`/v1/characters/${id}`)).json()
    expect((await create(among, { prompt: `@${username} waves` }, { path: '/v1/prompts/resolve' })).status).toBe(200)
    await create(strange, { ...other, force: true })
    await database.db.transaction().execute((trx) => forgetIdempotency(trx, [id]))
    expect([await rowOf(own), await rowOf(among)]).toEqual([undefined, undefined])
    expect(await rowOf(strange)).toBeDefined()
  })

  test('after a day a key is as if never used, and goes', async () => {
    const [old, young] = [newKey(), newKey()]
    for (const key of [old, young]) await create(key)
    await database.db.updateTable('idempotency_keys').set(({ eb }) => ({ created_at: eb('created_at', '-', 24 * 3_600_000 + 1) })).where('key', '=', old).execute()
    expect((await create(old, { ...other, force: true })).status).toBe(201)
    await database.db.updateTable('idempotency_keys').set(({ eb }) => ({ created_at: eb('created_at', '-', 24 * 3_600_000 + 1) })).where('key', '=', old).execute()
    await forgetOldKeys(database.db)
    expect([await rowOf(old), (await rowOf(young))?.status]).toEqual([undefined, expect.any(Number)])
  })
})

describe('the header', () => {
  let server: TestServer
  beforeAll(async () => { server = await startHttpServer() })
  afterAll(() => server[Symbol.asyncDispose]())

  test.each([['empty', ''], ['with a space', 'a b'], ['not ASCII', 'schlüssel'], ['of 256', 'k'.repeat(256)]])('%s is refused by its name', async (_, key) => {
    const response = await server.postJson('/v1/characters', clip, { 'idempotency-key': key })
    expect(response.status).toBe(400)
    expect(await errorOf(response)).toMatchObject({ code: 'invalid_parameter', param: 'Idempotency-Key' })
  })

  test('of 255 is taken, and by GET it says nothing', async () => {
    expect((await server.postJson('/v1/characters', clip, { 'idempotency-key': '~'.repeat(255) })).status).toBeLessThan(300)
    expect((await server.request('/v1/characters', { headers: { 'idempotency-key': 'a b' } })).status).toBe(200)
    expect((await server.request('/nowhere', { method: 'POST', headers: { 'idempotency-key': 'a b' } })).status).toBe(404)
  })

  test('is documented on every POST, and only there', async () => {
    const { paths }: { paths: Record<string, Record<string, { parameters?: { name: string }[]; responses: Record<string, unknown> }>> } = await (await server.request('/openapi.json')).json()
    for (const methods of Object.values(paths)) {
      for (const [method, { parameters = [], responses }] of Object.entries(methods)) {
        const isPost = method === 'post'
        expect(parameters.some(({ name }) => name === 'Idempotency-Key')).toBe(isPost)
        expect(Object.keys(responses)).toEqual(expect.arrayContaining(isPost ? ['409', '504'] : []))
      }
    }
  })
})
