import { describe, expect, test } from 'vitest'
import { CLIP_URL, codeOf, createRequest, type Rig } from '../../test/support/character-rig.ts'
import { DATABASES } from '../../test/support/databases.ts'
import { openRigOn } from '../../test/support/shared-rigs.ts'
import { claimKey } from '../db/idempotency-rows.ts'
import type { Character } from '../domain/character.ts'
import { AppError } from '../domain/errors.ts'
import { fingerprintOf } from './fingerprint.ts'
import type { CreateRequest } from './requests.ts'

const MINUTE_MS = 60_000
const make = async (rig: Rig, request: CreateRequest = createRequest()): Promise<Character> => (await rig.characters.create(request)).done
const countRows = async (rig: Rig): Promise<number> => (await rig.characters.list('local', { limit: 100, order: 'asc' })).states.length

describe.each(DATABASES)('requests that are sent again, on %s', (kind) => {
  const openRig = (options: Parameters<typeof openRigOn>[1] = {}): Promise<Rig> => openRigOn(kind, options)

  test('twenty equal requests at once are one job and one character', async () => {
    await using rig = await openRig({ concurrency: 4, mostWaiting: 0 })
    const tickets = await Promise.all(Array.from({ length: 20 }, () => rig.characters.create(createRequest())))
    const made = await Promise.all(tickets.map(({ done }) => done))
    expect(new Set(tickets.map(({ id }) => id)).size).toBe(1)
    expect(tickets.filter(({ isReplay }) => !isReplay)).toHaveLength(1)
    expect(new Set(made.map(({ username }) => username)).size).toBe(1)
    expect(rig.lens.opened).toBe(1)
    expect(await countRows(rig)).toBe(1)
  })

  test('within ten minutes the same character; later the same one if the bytes are, and its id answers for both', async () => {
    let nowMs = Date.now()
    await using rig = await openRig({ clock: () => nowMs })
    const first = await make(rig)
    nowMs += 9 * MINUTE_MS
    expect(await rig.characters.create(createRequest())).toMatchObject({ id: first.id, isReplay: true })
    expect(rig.lens.opened).toBe(1)

    nowMs += 2 * MINUTE_MS
    const again = await rig.characters.create(createRequest())
    expect(again.isReplay).toBe(false)
    expect(await again.done).toEqual(first)
    expect(rig.lens.calls.slice(-1)).toEqual(['window'])
    expect(await rig.characters.find('local', again.id)).toMatchObject({ at: 'completed', id: first.id })
    expect(await countRows(rig)).toBe(1)

    rig.videos.set(CLIP_URL, 'another video')
    const other = await make(rig)
    expect(other.id).not.toBe(first.id)
    expect(await countRows(rig)).toBe(2)
  })

  test('a chosen name does not stand in the way of its own request sent again later', async () => {
    let nowMs = Date.now()
    await using rig = await openRig({ clock: () => nowMs })
    const request = createRequest({ options: { username: 'misty_otter' } })
    const first = await make(rig, request)
    nowMs += 11 * MINUTE_MS
    expect(await make(rig, request)).toEqual(first)
    rig.videos.set(CLIP_URL, 'another video')
    expect(await codeOf(make(rig, request))).toBe('username_taken')
  })

  test('a forced request always makes a new character, which is then the newest answer', async () => {
    await using rig = await openRig()
    const first = await make(rig)
    const forced = await make(rig, createRequest({ isForced: true }))
    expect(forced.id).not.toBe(first.id)
    expect(forced.username).not.toBe(first.username)
    expect(await make(rig)).toEqual(forced)
  })

  test('failed and deleted ones are never replayed', async () => {
    let isBroken = true
    await using rig = await openRig({ script: { voice: () => {
      if (isBroken) throw new Error('broken')
      return { speechSeconds: 0, wav: null }
    } } })
    expect(await codeOf(make(rig))).toBe('internal_error')
    isBroken = false
    const made = await make(rig)
    await rig.characters.remove('local', made.id, { isPurge: false })
    expect((await make(rig)).id).not.toBe(made.id)
  })

  test('another account, window, subject or name is another request', async () => {
    await using rig = await openRig()
    const mine = await make(rig)
    expect((await make(rig, createRequest({ account: 'other' }))).id).not.toBe(mine.id)
    const prints = [
      createRequest(), createRequest({ window: { startMs: 1000, endMs: 3001 } }), createRequest({ window: null }), createRequest({ url: 'https://videos.example/b.mp4' }),
      createRequest({ source: { type: 'upload', path: '/a', sha256: 'ff' } }), createRequest({ options: { username: 'ana' } }), createRequest({ options: { subject: { id: 's2' } } }),
      createRequest({ options: { isStrict: true } }), createRequest({ options: { metadata: { a: 'b' } } }), createRequest({ options: { tags: ['a'] } }),
    ].map(fingerprintOf)
    expect(new Set(prints).size).toBe(prints.length)
  })

  test('what a key was bound to is its answer, also where a new one is forced; what failed or was deleted is made again', async () => {
    let isBroken = false
    await using rig = await openRig({ script: { voice: () => {
      if (isBroken) throw new AppError('media_corrupt')
      return { speechSeconds: 0, wav: null }
    } } })
    const request = createRequest({ isForced: true, idempotencyKey: 'key 1' })
    await claimKey(rig.db, { account: 'local', key: 'key 1', fields: 'f' })
    const first = await rig.characters.create(request)
    expect(await rig.characters.create(request)).toMatchObject({ id: first.id, isReplay: true })
    await first.done
    const again = await rig.characters.create({ ...request, options: { ...request.options, description: 'other words' } })
    expect(again).toMatchObject({ id: first.id, isReplay: true })
    expect(await again.done).toMatchObject({ id: first.id })
    expect((await make(rig, { ...request, idempotencyKey: null })).id).not.toBe(first.id)

    await rig.characters.remove('local', first.id, { isPurge: false })
    isBroken = true
    const failing = await rig.characters.create(request)
    expect(failing.isReplay).toBe(false)
    expect(await codeOf(failing.done)).toBe('media_corrupt')
    isBroken = false
    expect((await make(rig, request)).id).not.toBe(failing.id)
  })

  test('a key that is bound to a request that was made before is answered with it from then on', async () => {
    let nowMs = Date.now()
    await using rig = await openRig({ clock: () => nowMs })
    const first = await make(rig)
    await claimKey(rig.db, { account: 'local', key: 'key 1', fields: 'f' })
    expect((await make(rig, createRequest({ idempotencyKey: 'key 1' }))).id).toBe(first.id)
    nowMs += 11 * MINUTE_MS
    rig.videos.set(CLIP_URL, 'another video')
    expect(await make(rig, createRequest({ idempotencyKey: 'key 1' }))).toEqual(first)
  })

  test('what does not change the result does not make it another request', () => {
    expect(fingerprintOf(createRequest({ url: 'https://Videos.example:443/clip.mp4#t=3' }))).toBe(fingerprintOf(createRequest({ url: 'https://videos.example/clip.mp4' })))
    expect(fingerprintOf(createRequest({ source: { type: 'upload', path: '/a', sha256: 'ff' } }))).toBe(fingerprintOf(createRequest({ source: { type: 'upload', path: '/b', sha256: 'ff' } })))
    expect(fingerprintOf(createRequest({ options: { metadata: { a: '1', b: '2' } } }))).toBe(fingerprintOf(createRequest({ options: { metadata: { b: '2', a: '1' } } })))
    const consent = { basis: 'self', by: 'Ana', note: null } as const
    expect(fingerprintOf(createRequest({ options: { consent: { ...consent, atMs: 1 } } }))).toBe(fingerprintOf(createRequest({ options: { consent: { ...consent, atMs: 2 } } })))
  })
})
