import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { CLIP_URL, codeOf, createRequest, openRig, type Rig } from '../../test/support/character-rig.ts'
import { DATABASES } from '../../test/support/databases.ts'
import { openRigOn } from '../../test/support/shared-rigs.ts'
import type { Character } from '../domain/character.ts'
import type { CharacterId } from '../domain/identifier.ts'
import { purgeExpired } from './remove-characters.ts'

const DAY_MS = 24 * 3_600_000
const make = async (rig: Rig, ...request: Parameters<typeof createRequest>): Promise<Character> => (await rig.characters.create(createRequest(...request))).done

describe.each(DATABASES)('characters that are kept, on %s', (kind) => {
  const openRig = (options: Parameters<typeof openRigOn>[1] = {}): Promise<Rig> => openRigOn(kind, options)

  test('somebody else\'s character, a deleted one and none at all are the same refusal', async () => {
    await using rig = await openRig()
    const { id, username } = await make(rig)
    for (const ref of [id, username, `@${username}`]) {
      await expect(rig.characters.find('other', ref)).rejects.toMatchObject({ code: 'character_not_found', details: {} })
      const { evidence, remove, restore } = rig.characters
      const refusals = await Promise.all([evidence('other', ref), remove('other', ref, { isPurge: true }), restore('other', ref)].map(codeOf))
      expect(refusals).toEqual(Array(3).fill('character_not_found'))
    }
    expect(await codeOf(rig.characters.find('local', '@nobody'))).toBe('character_not_found')
    expect(await codeOf(rig.characters.find('local', '%'))).toBe('character_not_found')
  })

  test('lists page by creation both ways, and search in words', async () => {
    await using rig = await openRig()
    const made: Character[] = []
    for (const displayName of ['Misty', 'Ünal the Great', 'Nora 100%']) made.push(await make(rig, { options: { displayName, tags: [`tag-${displayName[0]}`] } }))
    const ids = made.map(({ id }) => id)
    const list = async (request: Partial<Parameters<typeof rig.characters.list>[1]>): Promise<[readonly CharacterId[], boolean]> => {
      const { states, hasMore } = await rig.characters.list('local', { limit: 10, order: 'asc', ...request })
      return [states.map(({ id }) => id), hasMore]
    }
    expect(await list({})).toEqual([ids, false])
    expect(await list({ order: 'desc', limit: 2 })).toEqual([[ids[2], ids[1]], true])
    expect(await list({ order: 'desc', limit: 2, after: ids[1] })).toEqual([[ids[0]], false])
    expect(await list({ limit: 0 })).toEqual([[], true])
    expect(await list({ q: 'GREAT ünal' })).toEqual([[ids[1]], false])
    expect(await list({ q: '100%' })).toEqual([[ids[2]], false])
    expect(await list({ q: made[0].username.slice(1) })).toEqual([[ids[0]], false])
    expect(await list({ q: '_' })).toEqual([ids, false]) // every username has one; as a pattern it would be anything
    expect(await list({ q: 'very-secret' })).toEqual([[], false])
    expect(await list({ kind: 'person' })).toEqual([[], false])
    expect(await list({ status: 'queued' })).toEqual([[], false])
    expect((await rig.characters.list('other', { limit: 10, order: 'asc' })).states).toEqual([])
  })

  test('a deleted character is gone from everywhere, keeps its name, comes back whole, and is purged after 30 days', async () => {
    let nowMs = Date.now()
    await using rig = await openRig({ clock: () => nowMs })
    const character = await make(rig, { options: { username: 'misty_otter' } })
    const { id, mediaToken } = character
    expect(await rig.characters.remove('local', '@misty_otter', { isPurge: false })).toEqual({ id, at: 'deleted', purgeAtMs: nowMs + 30 * DAY_MS })
    expect(await codeOf(rig.characters.find('local', id))).toBe('character_not_found')
    expect(await codeOf(rig.characters.openMedia(mediaToken, 'portrait.webp'))).toBe('not_found')
    expect((await rig.characters.list('local', { limit: 10, order: 'asc' })).states).toEqual([])
    expect(await codeOf(rig.characters.create(createRequest({ account: 'other', options: { username: 'misty_otter' } })))).toBe('username_taken')

    expect(await rig.characters.restore('local', '@misty_otter')).toMatchObject({ at: 'completed', character, deletedAtMs: null })
    expect(await rig.characters.openMedia(mediaToken, 'portrait.webp')).toMatchObject({ bytes: 8 })

    await rig.characters.remove('local', id, { isPurge: false })
    const purge = (): Promise<void> => purgeExpired(rig, { nowMs, signal: new AbortController().signal })
    nowMs += 30 * DAY_MS - 1
    await purge()
    expect(await rig.files('objects')).toHaveLength(7)
    nowMs += 2
    await purge()
    expect(await rig.files('objects')).toEqual([])
    expect(await codeOf(rig.characters.restore('local', id))).toBe('character_not_found')
    expect(await make(rig, { account: 'other', options: { username: 'misty_otter' } })).toMatchObject({ username: 'misty_otter' })
  })

  test('a purge removes rows, vectors and objects at once, and says what', async () => {
    await using rig = await openRig()
    const bystander = await make(rig, { account: 'other' })
    const { id } = await make(rig)
    expect(await rig.characters.remove('local', id, { isPurge: true })).toEqual({ id, at: 'purged', rows: 3, vectors: 2, objects: 7, manifestSha256: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(await codeOf(rig.characters.remove('local', id, { isPurge: true }))).toBe('character_not_found')
    const left = await Promise.all((['characters', 'evidence', 'usernames', 'vectors'] as const).map((table) => rig.db.selectFrom(table).selectAll().execute()))
    expect(JSON.stringify(left)).not.toContain(id)
    expect(JSON.stringify(left)).toContain(bystander.id)
    expect(await rig.files('objects')).toHaveLength(7)
  })

  test('a character that is still being made can be found, and neither deleted nor looked into', async () => {
    const gate = Promise.withResolvers<never>()
    await using rig = await openRig({ script: { see: () => gate.promise } })
    const { id, done } = await rig.characters.create(createRequest({ options: { username: 'misty_otter' } }))
    await expect.poll(() => rig.characters.find('local', '@misty_otter')).toMatchObject({ at: 'in_progress', id, step: 'see', progress: 20 })
    expect((await rig.characters.list('local', { limit: 10, order: 'asc', status: 'in_progress' })).states).toMatchObject([{ id }])
    expect(await codeOf(rig.characters.remove('local', id, { isPurge: true }))).toBe('character_not_ready')
    expect(await codeOf(rig.characters.evidence('local', id))).toBe('character_not_ready')
    gate.reject(new Error('enough'))
    expect(await codeOf(done)).toBe('internal_error')
    expect(await rig.characters.remove('local', id, { isPurge: false })).toMatchObject({ at: 'deleted' })
  })

  test('a stored file that is missing is a fault of the store, not a picture that never was', async () => {
    await using rig = await openRig()
    const { id, mediaToken } = await make(rig)
    await rm(join(rig.folder, 'objects', id, '1', 'portrait.webp'))
    expect(await codeOf(rig.characters.openMedia(mediaToken, 'portrait.webp').then((media) => media.read()))).toBe('storage_unavailable')
    for (const name of ['nothing.webp', '../portrait.webp', 'PORTRAIT.webp']) expect(await codeOf(rig.characters.openMedia(mediaToken, name))).toBe('not_found')
    expect(await codeOf(rig.characters.openMedia('', 'portrait.webp'))).toBe('not_found')
  })
})

test('a clock that was set back an hour between two runs, and forward again, loses nothing, doubles nothing, and takes nothing away', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dramatis-clock-'))
  const elsewhere = 'https://videos.example/later.mp4'
  const found = new Set<string>()
  for (const hours of [0, -1, 1]) {
    await using rig = await openRig({ folder, clock: () => Date.now() + hours * 3_600_000 })
    rig.videos.set(elsewhere, 'another video')
    await rig.characters.resume()
    for (const url of [CLIP_URL, elsewhere]) {
      const { id, username, mediaToken } = await (await rig.characters.create(createRequest({ url }))).done
      found.add(id)
      expect(await rig.characters.find('local', `@${username}`)).toMatchObject({ id })
      expect(Buffer.concat(await Array.fromAsync(await (await rig.characters.openMedia(mediaToken, 'portrait.webp')).read())).toString()).toBe('portrait')
    }
    expect((await rig.characters.list('local', { limit: 10, order: 'asc' })).states).toHaveLength(2)
  }
  expect(found.size).toBe(2)
  await rm(folder, { recursive: true })
})
