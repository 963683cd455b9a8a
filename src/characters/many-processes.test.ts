import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { describe, expect, inject, test } from 'vitest'
import { CLIP_URL, codeOf, createRequest, type Rig } from '../../test/support/character-rig.ts'
import { openSharedRigs } from '../../test/support/shared-rigs.ts'
import { sha256 } from '../runtime/sha256.ts'

const signal = (): AbortSignal => new AbortController().signal
const attemptsOf = (rig: Rig, id: string) => rig.db.selectFrom('characters').select(['status', 'attempts']).where('id', '=', id).executeTakeFirst()

describe.skipIf(inject('postgresUrl') === null)('characters of many processes', () => {
  test('one that takes no turns waits for what another makes: a character, a failure, a detection', async () => {
    await using rigs = await openSharedRigs()
    const [api, worker] = [await rigs.open({ role: 'api' }), await rigs.open({ concurrency: 2 })]
    worker.videos.set('https://videos.example/bad.mp4', 'bad')
    const { id, done } = await api.characters.create(createRequest())
    expect(await done).toMatchObject({ id, kind: 'animal' })
    expect(api.lens.opened).toBe(0)
    expect(await codeOf((await api.characters.create(createRequest({ url: 'https://videos.example/gone.mp4' }))).done)).toBe('internal_error')
    const found = await api.characters.detect({ account: 'local', source: { type: 'url', url: CLIP_URL }, window: null, traceId: null }, { signal: signal() })
    expect(found.subjects).toMatchObject([{ subject: { id: 's1' }, thumbnail: new TextEncoder().encode('thumbnail') }])
    expect(await codeOf(api.characters.detect({ account: 'local', source: { type: 'url', url: 'https://videos.example/gone.mp4' }, window: null, traceId: null }, { signal: signal() }))).toBe('internal_error')
  })

  test('a hundred equal requests at once to two processes are one character', async () => {
    await using rigs = await openSharedRigs()
    const both = [await rigs.open({ concurrency: 2 }), await rigs.open({ concurrency: 2 })]
    const tickets = await Promise.all(Array.from({ length: 100 }, (_, index) => both[index % 2].characters.create(createRequest())))
    const made = await Promise.all(tickets.map(({ done }) => done))
    expect(new Set(made.map(({ id }) => id)).size).toBe(1)
    expect(tickets.filter(({ isReplay }) => !isReplay)).toHaveLength(1)
    expect(both[0].lens.opened + both[1].lens.opened).toBe(1)
    expect((await both[0].characters.list('local', { limit: 10, order: 'asc' })).states).toHaveLength(1)
  })

  test('an upload that one takes in is made by another, and goes when that is done', async () => {
    await using rigs = await openSharedRigs()
    const [api, worker] = [await rigs.open({ role: 'api' }), await rigs.open()]
    const upload = async (text: string) => {
      const path = join(api.folder, 'uploads', text)
      await writeFile(path, text)
      return { type: 'upload', path, sha256: sha256(text) } as const
    }
    const made = await (await api.characters.create(createRequest({ source: await upload('uploaded') }))).done
    expect(made).toMatchObject({ clipSha256: sha256('uploaded'), source: { type: 'upload', host: null } })
    expect(await api.characters.detect({ account: 'local', source: await upload('looked at'), window: null, traceId: null }, { signal: signal() })).toMatchObject({ source: { type: 'upload' } })
    expect(worker.lens.opened).toBe(2)
    expect(await api.files('uploads')).toEqual([])
    expect((await api.files('objects')).filter((path) => path.includes('given'))).toEqual([])
  })

  test('what a paused process writes late has no effect, its objects are read by nobody and go', async () => {
    await using rigs = await openSharedRigs()
    const [paused, both] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const sleeper = await rigs.open({ script: { voice: async () => {
      both.resolve()
      await paused.promise
      return { speechSeconds: 9, wav: new TextEncoder().encode('late sound') }
    } } })
    const { id, done } = await sleeper.characters.create(createRequest({ options: { username: 'misty_otter' } }))
    await both.promise
    const other = await rigs.open({ role: 'api' })
    await other.work.handler.run({ id, traceId: null, isLate: false, signal: signal() })
    const character = await done
    expect(await attemptsOf(other, id)).toEqual({ status: 'completed', attempts: 2 })
    paused.resolve()
    await expect.poll(() => sleeper.outcomes).toEqual(['lost'])
    expect(await other.characters.find('local', '@misty_otter')).toMatchObject({ at: 'completed', character })
    const sound = await other.characters.openMedia(character.mediaToken, 'voice.wav')
    expect(Buffer.concat(await Array.fromAsync(await sound.read())).toString()).toBe('sound')
    expect((await other.files('objects')).every((path) => path.startsWith(`${id}/2/`))).toBe(true)
    expect((await other.characters.evidence('local', id)).speechSeconds).toBe(1.2)
  })

  test('what a draining process has not finished is finished by another; who waits elsewhere sees nothing of it', async () => {
    await using rigs = await openSharedRigs()
    const api = await rigs.open({ role: 'api', drainMs: 10_000 })
    const leaving = await rigs.open({ drainMs: 50, script: { see: (_, stopped) => new Promise((_, reject) => { stopped.addEventListener('abort', () => reject(new Error('cut off'))) }) } })
    const { id, done } = await api.characters.create(createRequest())
    await expect.poll(() => leaving.lens.calls).toEqual(['window', 'see'])
    const staying = await rigs.open()
    await leaving.characters.drain()
    expect(leaving.outcomes).toEqual(['kept'])
    expect(await done).toMatchObject({ id })
    expect(staying.lens.opened).toBe(1)
    expect(await attemptsOf(api, id)).toEqual({ status: 'completed', attempts: 1 })
  })

  test('who waits in a process that ends is told so when its grace is over, and the character is made all the same', async () => {
    await using rigs = await openSharedRigs()
    const gate = Promise.withResolvers<void>()
    const api = await rigs.open({ role: 'api', drainMs: 300 })
    const worker = await rigs.open({ script: { voice: async () => {
      await gate.promise
      return { speechSeconds: 0, wav: null }
    } } })
    const { id, done } = await api.characters.create(createRequest())
    const end = codeOf(done)
    const started = performance.now()
    await api.characters.drain()
    expect(performance.now() - started).toBeGreaterThan(250)
    expect(await end).toBe('shutting_down')
    expect(await codeOf(api.characters.create(createRequest({ isForced: true })))).toBe('shutting_down')
    gate.resolve()
    await expect.poll(async () => (await worker.characters.find('local', id)).at).toBe('completed')
  })

  test('two that want the same name, or each other\'s, at once: one has it, and nobody waits for ever', async () => {
    await using rigs = await openSharedRigs()
    const [one, other] = [await rigs.open(), await rigs.open()]
    const [a, b] = await Promise.all([one, other].map(async (rig, index) => (await rig.characters.create(createRequest({ account: `account_${index}`, options: { username: ['misty_otter', 'dune_fox'][index] } }))).done))
    const edits = await Promise.all(Array.from({ length: 10 }, (_, turn) => [
      codeOf(one.characters.edit(a.account, a.id, { username: `rain_cat_${turn}`, aliases: ['dune_fox', `heron_${turn}`] }, { ifRevisions: null })),
      codeOf(other.characters.edit(b.account, b.id, { username: `rain_cat_${turn}`, aliases: ['misty_otter', `heron_${turn}`] }, { ifRevisions: null })),
    ]).flat())
    expect(new Set(edits).isSubsetOf(new Set([null, 'username_taken']))).toBe(true)
    const names = await one.db.selectFrom('usernames').select(['name', 'character_id']).execute()
    expect(new Set(names.map(({ name }) => name)).size).toBe(names.length)
    const creates = await Promise.all(Array.from({ length: 10 }, (_, turn) => [['brave_lynx', 'dusk_owl'], ['dusk_owl', 'brave_lynx']].map(([username, alias], index) =>
      codeOf([one, other][index].characters.create(createRequest({ account: `account_${turn}_${index}`, options: { username: `${username}_${turn}`, aliases: [`${alias}_${turn}`] } }))))).flat())
    expect(creates.toSorted()).toEqual([...Array.from({ length: 10 }, () => null), ...Array.from({ length: 10 }, () => 'username_taken')].toSorted())
  })

  test('what is under way and in no queue is found again', async () => {
    await using rigs = await openSharedRigs()
    const api = await rigs.open({ role: 'api' })
    const { id, done } = await api.characters.create(createRequest())
    await sql`delete from pgboss.job`.execute(api.db)
    const worker = await rigs.open()
    await worker.characters.resume()
    expect(await done).toMatchObject({ id })
  })
})
