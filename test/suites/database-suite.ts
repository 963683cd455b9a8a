import { setTimeout as sleep } from 'node:timers/promises'
import type { Insertable } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { charactersAlive, completeAsSame, findByMediaToken, findCharacter, findCompleted, findOwnCharacter, findRunning, insertCharacter, listCharacters, listExpired, listOwnCharacters, listUnfinished, noteStep, purgeCharacter, setDeleted, standInsOf, startAttempt, updateAttempt } from '../../src/db/character-rows.ts'
import { claimChore } from '../../src/db/chore-rows.ts'
import type { Database } from '../../src/db/database.ts'
import { boundEvents, forgetObjects, insertEvent, latestEventId, listEvents, typesUpTo } from '../../src/db/event-rows.ts'
import { findEvidence, insertEvidence } from '../../src/db/evidence-rows.ts'
import { createKeys } from '../../src/db/key-rows.ts'
import { databaseNowMs, lockFor } from '../../src/db/lock.ts'
import type { CharactersTable, VideosTable, WebhookDeliveriesTable } from '../../src/db/tables.ts'
import { freeUsernames, holdersOf, newestNames, takeUsername, usernameHolder } from '../../src/db/username-rows.ts'
import { insertVectors, listVectors } from '../../src/db/vector-rows.ts'
import { deleteVideo, findOwnVideo, findRecentVideo, insertVideo, listUnfinishedVideos, listVideos, startVideoAttempt, updateVideoAttempt, videosAlive } from '../../src/db/video-rows.ts'
import { boundDeliveries, countEndpoints, deleteEndpoint, dueDeliveries, findDelivery, insertDeliveries, insertEndpoint, listDeliveries, nextDueAt } from '../../src/db/webhook-rows.ts'
import type { IdentityVector } from '../../src/domain/character.ts'
import { newCharacterId, newVideoId } from '../../src/domain/identifier.ts'
import type { TestDatabase } from '../support/databases.ts'

const AT_ONCE = 12
const LATEST_MS = 8_640_000_000_000_000 // the last one that a Date can hold
const ODD_TEXT = ['quote \' " ` \\ % _ -- ; $1 ?', '狐 の 👩🏽‍🚀 e\u0301', '\t\r\n\u0001\u2028', '\u{10ffff}', 'ß İ ı', ' '] as const
const byBytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

let nextMs = 1000

/** Each newer than the one before. */
function character(values: Partial<Insertable<CharactersTable>> & Pick<CharactersTable, 'account'>): Insertable<CharactersTable> {
  const id = values.id ?? newCharacterId(nextMs++)
  return { id, status: 'completed', progress: 100, attempts: 1, fingerprint: id, is_forced: 0, media_token: id, created_at: 1, updated_at: 1, completed_at: 1, ...values }
}

const video = (values: Partial<Insertable<VideosTable>> & Pick<VideosTable, 'account'>): Insertable<VideosTable> => ({
  id: newVideoId(), status: 'queued', progress: 0, fingerprint: 'f', request: '{}', backend: 'b', model: 'm', submissions: 0, attempts: 0, facts: '{}', created_at: 1, updated_at: 1, ...values,
})

const vector = (of: IdentityVector['of'], ...values: readonly number[]): IdentityVector => ({ model: 'face', of, values: Float32Array.from(values) })

export interface DatabaseSuiteOptions {
  open(): Promise<TestDatabase>
  readonly can: {
    /** Several transactions are under way at a time. */
    readonly writeAtOnce: boolean
  }
}

/** What the row functions promise, on every database. All tests share one, each in an account of its own. */
export function databaseSuite({ open, can }: DatabaseSuiteOptions): void {
  let tested: TestDatabase
  let db: Database
  let another: Database
  beforeAll(async () => {
    tested = await open()
    db = tested.db
    another = (await tested.another()).db
  })
  afterAll(() => tested[Symbol.asyncDispose]())

  const add = async (values: Parameters<typeof character>[0]): Promise<string> => {
    const row = character(values)
    await insertCharacter(db, row)
    return row.id
  }
  /** As many at a time as could be, from two processes. */
  const atOnce = <T>(work: (db: Database, index: number) => Promise<T>): Promise<T[]> => Promise.all(Array.from({ length: AT_ONCE }, (_, index) => work(index % 2 ? db : another, index)))

  describe('values', () => {
    test.each(ODD_TEXT)('the text %j is read as it was written, and found', async (text) => {
      const account = `text ${text}`
      const id = await add({ account, facts: text, fingerprint: text, status: 'queued' })
      expect(await findRunning(db, account, text)).toMatchObject({ id, account, facts: text })
    })

    test('a NUL, which not every database takes, is another character to all of them', async () => {
      const id = await add({ account: 'nul', search: 'a\0b', facts: JSON.stringify({ name: '\0' }) })
      expect(await findCharacter(db, id)).toMatchObject({ search: 'a\uFFFDb', facts: JSON.stringify({ name: '\0' }) })
      expect(await findByMediaToken(db, '\0')).toBeUndefined()
      expect(await findOwnCharacter(db, 'nul', { name: 'a\0' })).toBeUndefined()
    })

    test('numbers are numbers, up to the latest time there is, and sums of rows too', async () => {
      const id = await add({ account: 'numbers', created_at: LATEST_MS, updated_at: -1, completed_at: null })
      expect(await findCharacter(db, id)).toMatchObject({ created_at: LATEST_MS, updated_at: -1, completed_at: null, attempts: 1 })
      const { count } = await db.selectFrom('characters').select(({ fn }) => fn.countAll().as('count')).where('account', '=', 'numbers').executeTakeFirstOrThrow()
      expect(count).toBe(1)
    })

    test('megabytes of text and bytes are kept whole', async () => {
      const id = await add({ account: 'big' })
      const json = JSON.stringify('狐'.repeat(2_000_000))
      await insertEvidence(db, id, json)
      expect(await findEvidence(db, id) === json).toBe(true)
      expect(await findEvidence(db, 'char_none')).toBeNull()
      const values = Float32Array.from({ length: 100_000 }, (_, index) => index / 7)
      await insertVectors(db, id, [{ model: 'wide', of: 'track-mean', values }])
      expect((await listVectors(db, [id])).get(id)?.[0].values).toEqual(values)
    })

    test('text sorts by its bytes, whatever the language of the server', async () => {
      const ids = ['sort_a', 'sort_B', 'sort_Z', 'sort_b', 'sort_é', 'sort_e', 'sort_-', 'sort__', 'sort_1', 'sort_Ａ']
      for (const id of ids) await add({ account: 'sort', id })
      const listed = await listCharacters(db, 'sort', { status: 'completed', words: [], order: 'asc', limit: 100 })
      expect(listed.map(({ id }) => id)).toEqual(ids.toSorted(byBytes))
      const behind = await listCharacters(db, 'sort', { status: 'completed', words: [], order: 'asc', limit: 100, after: 'sort_Z' })
      expect(behind.map(({ id }) => id)).toEqual(ids.filter((id) => byBytes(id, 'sort_Z') > 0).toSorted(byBytes))
    })
  })

  describe('characters', () => {
    test('one is found by id, name and alias by its account, and by nobody else', async () => {
      const id = await add({ account: 'owner' })
      await takeUsername(db, 'misty_fox', id)
      for (const alias of ['狐·one', 'fox#2']) await takeUsername(db, alias, id, { isAlias: true })
      for (const ref of [{ id }, { name: 'misty_fox' }, { name: '狐·one' }]) {
        const row = await findOwnCharacter(db, 'owner', ref)
        expect(row).toMatchObject({ id, username: 'misty_fox' })
        expect(row?.aliases?.split(' ').toSorted()).toEqual(['fox#2', '狐·one'])
        expect(await findOwnCharacter(db, 'stranger', ref)).toBeUndefined()
      }
      expect(await listOwnCharacters(db, 'stranger', [id])).toEqual([])
      await setDeleted(db, id, 5)
      expect(await findOwnCharacter(db, 'owner', { id })).toMatchObject({ deleted_at: 5 })
      expect(await findByMediaToken(db, id)).toBeUndefined()
      expect(await listOwnCharacters(db, 'owner', [id])).toEqual([])
    })

    test('one that came out the same as another is known by that one', async () => {
      const [first, twin, gone] = [await add({ account: 'twins' }), newCharacterId(), await add({ account: 'twins', deleted_at: 1 })]
      await add({ account: 'twins', id: twin, same_as: first })
      const ofGone = await add({ account: 'twins', same_as: gone })
      expect(new Map(await standInsOf(db, 'twins', [first, twin, gone, ofGone]))).toEqual(new Map([[first, first], [twin, first]]))
      expect(await standInsOf(db, 'stranger', [first])).toEqual([])
    })

    test('lists page by id and hold what is asked for', async () => {
      const account = 'lists'
      const ids = [await add({ account, kind: 'animal', search: '50%_off \\ fox' }), await add({ account, kind: 'person', search: '50 off 狐' }), await add({ account, kind: 'animal', search: '' })]
      await add({ account, deleted_at: 1 })
      await add({ account, same_as: ids[0] })
      await add({ account, status: 'failed' })
      await add({ account: 'others' })
      const list = async (filter: Partial<Parameters<typeof listCharacters>[2]>) => (await listCharacters(db, account, { status: 'completed', words: [], order: 'asc', limit: 10, ...filter })).map(({ id }) => ids.indexOf(id))
      expect(await list({})).toEqual([0, 1, 2])
      expect(await list({ order: 'desc', limit: 2 })).toEqual([2, 1])
      expect(await list({ order: 'desc', after: ids[1] })).toEqual([0])
      expect(await list({ kind: 'animal' })).toEqual([0, 2])
      expect(await list({ words: ['%'] })).toEqual([0])
      expect(await list({ words: ['0_off'] })).toEqual([])
      expect(await list({ words: ['\\', 'fox'] })).toEqual([0])
      expect(await list({ words: ['狐'] })).toEqual([1])
      expect(await list({ words: ['\0'] })).toEqual([])
    })

    test('words are looked for in many a part at a time, and found all the same', async () => {
      const account = 'parts'
      const ids: string[] = []
      for (let n = 0; n < 25; n++) ids.push(await add({ account, search: [3, 11, 12, 23].includes(n) ? 'here' : '', ...(n % 7 === 0 && { deleted_at: 1 }) }))
      const look = async (filter: Partial<Parameters<typeof listCharacters>[2]>) =>
        (await listCharacters(db, account, { status: 'completed', words: ['here'], order: 'asc', limit: 10, lookedThroughAtOnce: 4, ...filter })).map(({ id }) => ids.indexOf(id))
      expect(await look({})).toEqual([3, 11, 12, 23])
      expect(await look({ order: 'desc' })).toEqual([23, 12, 11, 3])
      expect(await look({ limit: 3 })).toEqual([3, 11, 12])
      expect(await look({ order: 'desc', limit: 2, after: ids[23] })).toEqual([12, 11])
      expect(await look({ lookedThroughAtOnce: 1 })).toEqual([3, 11, 12, 23])
      expect(await look({ words: ['nowhere'] })).toEqual([])
    })

    test('the newest that answers a request is found, those under way a page at a time', async () => {
      const account = 'requests'
      await add({ account, fingerprint: 'f', completed_at: 1, clip_sha256: 'old' })
      const newest = await add({ account, fingerprint: 'f', completed_at: 2, clip_sha256: 'new' })
      const running = await add({ account, fingerprint: 'f', status: 'in_progress' })
      expect((await findCompleted(db, account, 'f'))?.id).toBe(newest)
      expect((await findCompleted(db, account, 'f', 'old'))?.clip_sha256).toBe('old')
      expect(await findCompleted(db, account, 'f', 'other')).toBeUndefined()
      expect((await findRunning(db, account, 'f'))?.id).toBe(running)
      const pages = await Promise.all(['', running].map((after) => listUnfinished(db, 'in_progress', { after, limit: 1000 })))
      expect(pages.map((rows) => rows.some(({ id }) => id === running))).toEqual([true, false])
    })

    test('of those who begin a try at once one has it, and what an earlier try writes late is refused', async () => {
      const id = await add({ account: 'tries', status: 'queued', attempts: 0, progress: 0 })
      const begun = await atOnce((db) => startAttempt(db, id, 1, 1))
      expect(begun.filter(Boolean)).toHaveLength(1)
      expect(await noteStep(db, id, 1, { step: 'see', progress: 40, nowMs: 2 })).toBe(40)
      expect(await noteStep(db, id, 1, { step: 'window', progress: 10, nowMs: 3 })).toBe(40)
      expect(await startAttempt(db, id, 2, 4)).toBe(true)
      expect(await noteStep(db, id, 1, { step: 'name', progress: 90, nowMs: 5 })).toBeNull()
      expect(await updateAttempt(db, id, 1, { status: 'completed' })).toBe(false)
      expect(await completeAsSame(db, id, 1, { sameAs: 'char_x', nowMs: 6 })).toBe(false)
      expect(await findCharacter(db, id)).toMatchObject({ status: 'in_progress', step: 'window', attempts: 2, same_as: null })
      expect(await updateAttempt(db, id, 2, { status: 'completed' })).toBe(true)
    })

    test('a purge takes everything of it, and says how much that was', async () => {
      const id = await add({ account: 'purge' })
      const twin = await add({ account: 'purge', same_as: id })
      const other = await add({ account: 'purge' })
      for (const each of [id, other]) {
        await takeUsername(db, `purge_${each.slice(-8)}`, each)
        await insertEvidence(db, each, '{}')
        await insertVectors(db, each, [vector('track-mean', 1), vector('best-frame', 2)])
      }
      expect(await db.transaction().execute((trx) => purgeCharacter(trx, id))).toEqual({ rows: 4, vectors: 2 })
      expect(await Promise.all([id, twin, other].map(async (each) => (await findCharacter(db, each))?.id))).toEqual([undefined, undefined, other])
      expect([...(await listVectors(db, [id, other])).keys()]).toEqual([other])
      expect(await usernameHolder(db, `purge_${id.slice(-8)}`)).toBeNull()
    })

    test('what is expired comes in bounded lists; who is alive is told of a page of ids', async () => {
      const account = 'ends'
      const buried = [await add({ account, deleted_at: -9 }), await add({ account, deleted_at: -8, status: 'failed', completed_at: -9 })]
      const failed = await add({ account, status: 'failed', completed_at: -9 })
      const [queued, done, twin] = [await add({ account, status: 'queued' }), await add({ account }), await add({ account, same_as: 'char_x' })]
      expect(await listExpired(db, -5)).toEqual([...buried, failed])
      expect(await listExpired(db, -5, 2)).toEqual(buried)
      expect(await charactersAlive(db, [failed, queued, done, twin, 'char_none'])).toEqual(new Map([[queued, 'queued'], [done, 'completed']]))
      expect(await charactersAlive(db, [])).toEqual(new Map())
      const many = Array.from({ length: 5000 }, () => newCharacterId())
      expect(await charactersAlive(db, [...many, done])).toEqual(new Map([[done, 'completed']]))
    })
  })

  describe('names', () => {
    test('of those who take a name, or one that looks like it, at once one has it, and the others go on', async () => {
      const ids = await atOnce(() => add({ account: 'race' }))
      const took = await atOnce((db, index) => db.transaction().execute(async (trx) => {
        const isHad = await takeUsername(trx, index % 3 ? 'corn_1' : 'com_l', ids[index])
        await setDeleted(trx, ids[index], index)
        return isHad
      }))
      expect(took.filter(Boolean)).toHaveLength(1)
      expect(await usernameHolder(db, 'corn_1')).toBe(ids[took.indexOf(true)])
      const rows = await Promise.all(ids.map((id) => findCharacter(db, id)))
      expect(rows.map((row) => row?.deleted_at)).toEqual(ids.map((_, index) => index))
    })

    test('free, held and newest ones are told apart by account', async () => {
      const [own, others] = [await add({ account: 'names' }), await add({ account: 'names2' })]
      await takeUsername(db, 'apple_tree', own)
      await takeUsername(db, 'pear_tree', others)
      expect(await takeUsername(db, 'apple_tree', own)).toBe(true)
      expect(await freeUsernames(db, ['plum_tree', 'apple.tree', 'cherry_tree'])).toEqual(['plum_tree', 'cherry_tree'])
      expect(await freeUsernames(db, [])).toEqual([])
      expect(await holdersOf(db, 'names', ['pear_tree', 'apple_tree', '\0'])).toEqual([['apple_tree', own]])
      expect(await newestNames(db, 'names', 10)).toEqual(['apple_tree'])
    })
  })

  test('vectors are read back as they were kept, for the characters asked for', async () => {
    const kept = [vector('track-mean', 0.1, -1e-30, 3), vector('best-frame', 7)]
    const [ada, ben, cy] = [await add({ account: 'vectors' }), await add({ account: 'vectors' }), await add({ account: 'vectors' })]
    await insertVectors(db, ada, kept)
    await insertVectors(db, ben, [vector('references-mean', 1)])
    await insertVectors(db, cy, [vector('references-mean', 2)])
    const found = await listVectors(db, [ada, ben, 'nobody'])
    expect([...found.keys()].toSorted()).toEqual([ada, ben].toSorted())
    expect(found.get(ada)).toEqual(kept)
    expect(await listVectors(db, [])).toEqual(new Map())
  })

  test('videos are found, listed, written while they are made, and deleted', async () => {
    const account = 'videos'
    const ids = [newVideoId(1000), newVideoId(2000), newVideoId(3000)]
    const [first, second, third] = ids
    for (const id of ids) await insertVideo(db, video({ account, id }))
    expect((await atOnce((db) => startVideoAttempt(db, first))).map((row) => row?.attempts).toSorted((a = 0, b = 0) => a - b)).toEqual(Array.from({ length: AT_ONCE }, (_, index) => index + 1))
    expect(await updateVideoAttempt(db, { id: first, attempt: 1 }, { status: 'completed' })).toBeUndefined()
    expect(await updateVideoAttempt(db, { id: first, attempt: AT_ONCE }, { status: 'failed', completed_at: 5 })).toMatchObject({ id: first, status: 'failed', completed_at: 5 })
    expect(await updateVideoAttempt(db, { id: first, attempt: AT_ONCE }, { status: 'completed' })).toBeUndefined()
    expect(await startVideoAttempt(db, first)).toBeUndefined()
    expect((await listUnfinishedVideos(db, { after: first, limit: 10 })).map(({ id }) => id)).toEqual([second, third])
    const list = async (filter: Partial<Parameters<typeof listVideos>[2]>) => (await listVideos(db, account, { order: 'asc', limit: 10, ...filter })).map(({ id }) => id)
    expect(await list({ order: 'desc', limit: 2 })).toEqual([third, second])
    expect(await list({ after: first, status: 'queued' })).toEqual([second, third])
    expect(await videosAlive(db, [...ids, 'video_none'])).toEqual(new Map([[second, 'queued'], [third, 'queued']]))
    expect((await findRecentVideo(db, account, { fingerprint: 'f', sinceMs: 3000 }))?.id).toBe(third)
    expect(await findRecentVideo(db, account, { fingerprint: 'f', sinceMs: 3001 })).toBeUndefined()
    expect(await findOwnVideo(db, 'stranger', second)).toBeUndefined()
    expect(await deleteVideo(db, 'stranger', second)).toBeUndefined()
    expect(await deleteVideo(db, account, second)).toMatchObject({ id: second })
    expect(await list({})).toEqual([first, third])
  })

  test('events are read in order, bounded and forgotten', async () => {
    const account = 'events'
    for (const [id, object, type] of [['evt_1', 'a', 'queued'], ['evt_2', 'b', 'queued'], ['evt_3', 'a', 'done'], ['evt_4', 'a', 'done']] as const) {
      await insertEvent(db, { id, account, object_id: object, type, data: '{}', created_at: 1 })
    }
    const ids = async (objectId: string | null, after = '') => (await listEvents(db, { account, objectId }, { after, limit: 10 })).map(({ id }) => id)
    expect(await ids(null)).toEqual(['evt_1', 'evt_2', 'evt_3', 'evt_4'])
    expect(await ids('a', 'evt_1')).toEqual(['evt_3', 'evt_4'])
    expect((await typesUpTo(db, { account, objectId: 'a' }, 'evt_4'))?.toSorted()).toEqual(['done', 'queued'])
    expect(await typesUpTo(db, { account, objectId: 'a' }, 'evt_2')).toBeNull()
    expect(await latestEventId(db, account)).toBe('evt_4')
    await boundEvents(db, account, 3)
    expect(await ids(null)).toEqual(['evt_2', 'evt_3', 'evt_4'])
    await forgetObjects(db, ['a'])
    expect(await ids(null)).toEqual(['evt_2'])
  })

  test('deliveries come in line behind the earlier ones of their object, and go with their endpoint', async () => {
    const account = 'webhooks'
    await insertEndpoint(db, { id: 'whe_1', account, name: 'n', url: 'u', event_types: '[]', secret: 's', created_at: 1, updated_at: 1 })
    const delivery = (id: string, object: string, nextAt: number): Insertable<WebhookDeliveriesTable> =>
      ({ id, account, endpoint_id: 'whe_1', event_id: 'e', object_id: object, event_type: 't', body: '{}', status: 'pending', attempts: 0, next_at: nextAt, created_at: 1, updated_at: 1 })
    await insertDeliveries(db, [delivery('whd_1', 'a', 20), delivery('whd_2', 'a', 10), delivery('whd_3', 'b', 30)])
    expect(await countEndpoints(db, account)).toBe(1)
    const due = async (nowMs: number, except: readonly string[] = []) => (await dueDeliveries(db, { nowMs, limit: 10, except, exceptEndpoints: [] })).map(({ id }) => id)
    expect(await due(15)).toEqual([])
    expect(await due(30)).toEqual(['whd_1', 'whd_3'])
    expect(await due(30, ['whd_1'])).toEqual(['whd_3'])
    expect(await nextDueAt(db, 20)).toBe(30)
    await boundDeliveries(db, account, 2)
    expect((await listDeliveries(db, account, { order: 'desc', limit: 10, status: 'pending' })).map(({ id }) => id)).toEqual(['whd_3', 'whd_2'])
    await deleteEndpoint(db, 'whe_1')
    expect(await findDelivery(db, 'whd_3')).toBeUndefined()
    await expect(insertDeliveries(db, [delivery('whd_4', 'a', 1)])).rejects.toThrow(/foreign key/i)
  })

  test('a key is known by its text until it is revoked, also elsewhere', async () => {
    const running = createKeys(another)
    const { id, key } = await createKeys(db, { clock: () => 1000 }).add({ account: 'studio', name: 'laptop', scopes: ['characters:read'] })
    expect(key).toMatch(/^drm_[A-Za-z0-9_-]{43}$/)
    expect(await running.find(key)).toEqual({ account: 'studio', scopes: ['characters:read'] })
    expect(await running.find(key.toLowerCase())).toBeNull()
    expect(await running.find(key.slice(0, -1))).toBeNull()
    expect(await running.list()).toEqual([{ id, account: 'studio', name: 'laptop', last4: key.slice(-4), scopes: ['characters:read'], createdAtMs: 1000, revokedAtMs: null }])
    expect(await running.revoke(id)).toBe(true)
    expect(await running.revoke(id)).toBe(false)
    expect(await running.find(key)).toBeNull()
    expect(JSON.stringify(await db.selectFrom('api_keys').selectAll().execute())).not.toContain(key.slice(4, -4))
  })

  describe('transactions', () => {
    test('one that throws leaves nothing, also when a conflict is what it throws', async () => {
      const twice = await add({ account: 'rollback' })
      const stop = new Error('stop')
      await expect(db.transaction().execute(async (trx) => {
        await insertCharacter(trx, character({ account: 'rollback' }))
        throw stop
      })).rejects.toBe(stop)
      await expect(db.transaction().execute(async (trx) => {
        await insertCharacter(trx, character({ account: 'rollback' }))
        await insertCharacter(trx, character({ account: 'rollback', id: twice }))
      })).rejects.toThrow(/unique/i)
      expect(await listCharacters(db, 'rollback', { status: 'completed', words: [], order: 'asc', limit: 10 })).toHaveLength(1)
    })

    test('what is written is seen inside at once, and elsewhere when it is committed', async () => {
      const row = character({ account: 'inside' })
      await db.transaction().execute(async (trx) => {
        await insertCharacter(trx, row)
        expect(await findCharacter(trx, row.id)).toMatchObject({ id: row.id })
      })
      expect(await findCharacter(another, row.id)).toMatchObject({ id: row.id })
    })

    test.runIf(can.writeAtOnce)('what is not committed is seen by nobody else', async () => {
      const row = character({ account: 'inside' })
      await db.transaction().execute(async (trx) => {
        await insertCharacter(trx, row)
        expect(await findCharacter(another, row.id)).toBeUndefined()
      })
    })

    test('who reads first and then writes under a lock loses no write of the others', async () => {
      const id = await add({ account: 'lock', progress: 0 })
      await atOnce((db) => db.transaction().execute(async (trx) => {
        await lockFor(trx, id)
        const row = await findCharacter(trx, id)
        await sleep(2)
        await trx.updateTable('characters').set({ progress: (row?.progress ?? NaN) + 1 }).where('id', '=', id).execute()
      }))
      expect(await findCharacter(db, id)).toMatchObject({ progress: AT_ONCE })
    })

    test.runIf(can.writeAtOnce)('another lock is not waited for', async () => {
      const order: string[] = []
      await db.transaction().execute(async (trx) => {
        await lockFor(trx, 'one')
        const same = another.transaction().execute((trx) => lockFor(trx, 'one')).then(() => order.push('the same'))
        await another.transaction().execute((trx) => lockFor(trx, 'another'))
        order.push('another')
        return { same }
      }).then(({ same }) => same)
      expect(order).toEqual(['another', 'the same'])
    })
  })

  test('a chore is done by one of all, and again when its time has come', async () => {
    const claims = await atOnce((db) => claimChore(db, 'sweep', 60_000))
    expect(claims.filter(Boolean)).toHaveLength(1)
    expect(await claimChore(db, 'another', 60_000)).toBe(true)
    await sleep(15)
    expect(await claimChore(db, 'sweep', 10)).toBe(true)
    await db.updateTable('chores').set({ done_at: await databaseNowMs(db) + 3_600_000 }).where('name', '=', 'sweep').execute()
    expect(await claimChore(db, 'sweep', 60_000)).toBe(true) // its clock was set back
    expect(await claimChore(db, 'sweep', 60_000)).toBe(false)
  })
}
