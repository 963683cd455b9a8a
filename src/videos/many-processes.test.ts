import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { codeOf } from '../../test/support/character-rig.ts'
import { DATABASES, openTestDatabase, type DatabaseKind } from '../../test/support/databases.ts'
import { DONE, OUTPUT, scriptedBackend } from '../../test/support/scripted-backend.ts'
import { openVideoRig, videoRequest, type VideoRig, type VideoRigOptions } from '../../test/support/video-rig.ts'
import type { BackendStatus } from '../backends/backend.ts'
import { readFacts } from '../db/stored-video.ts'
import { updateVideoAttempt } from '../db/video-rows.ts'
import { AppError } from '../domain/errors.ts'
import type { Video } from '../domain/video.ts'
import { LeaseLost } from '../jobs/job-queue.ts'
import { createDiskObjects } from '../objects/disk-objects.ts'
import { VIDEO_LIMITS } from './settings.ts'
import { takeTurn } from './take-turn.ts'
import { VideoGone, VideoNotes } from './video-notes.ts'

/** The machine may be busy with other tests. */
const PATIENT = { timeout: 15_000 }
const { signal } = new AbortController()

describe.each(DATABASES)('several processes on %s', (kind) => {
  test('a video that another process takes over is made once, and what the first one writes late has no effect', async () => {
    const gate = Promise.withResolvers<BackendStatus>()
    const remote = scriptedBackend({ onStatus: (asked) => (asked === 1 ? gate.promise : DONE) })
    await using processes = await openProcesses(kind)
    const first = await processes.open({ backends: [remote] })
    const { id } = await first.videos.submit(videoRequest())
    await expect.poll(() => remote.asked, PATIENT).toBe(1)
    const second = await processes.open({ backends: [remote] })
    await second.videos.resume()
    expect((await second.ended(id)).state.at).toBe('completed')
    gate.resolve(DONE)
    await expect.poll(() => first.outcomes, PATIENT).toEqual(['lost'])
    await expect.poll(() => second.outcomes, PATIENT).toEqual(['completed'])
    expect(remote.taken).toHaveLength(1)
    expect(await contentOf(second, id)).toBe(OUTPUT)
    expect(await processes.files()).toEqual(['spritesheet.jpg', 'thumbnail.webp', 'video.mp4'].map((name) => `${id}/2/${name}`))
  })

  test('one that is asleep while it stores its files, and wakes up behind the end, leaves those of the other whole', async () => {
    const [stored, asleep] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    await using processes = await openProcesses(kind)
    const objects = { ...processes.objects }
    const { put } = processes.objects
    objects.put = async (key, bytes, options) => {
      stored.resolve()
      await asleep.promise
      await put(key, bytes, options)
    }
    const remote = scriptedBackend()
    const first = await processes.open({ backends: [remote] }, { objects })
    const { id } = await first.videos.submit(videoRequest())
    await stored.promise
    const second = await processes.open({ backends: [remote] })
    await second.videos.resume()
    expect((await second.ended(id)).state.at).toBe('completed')
    asleep.resolve()
    await expect.poll(() => first.outcomes, PATIENT).toEqual(['lost'])
    await first.videos.drain()
    await expect.poll(() => processes.files(), PATIENT).toEqual(['spritesheet.jpg', 'thumbnail.webp', 'video.mp4'].map((name) => `${id}/2/${name}`))
    expect(await contentOf(second, id)).toBe(OUTPUT)
    expect(first.happened.filter(({ type }) => type === 'video.completed')).toEqual([])
  })

  test('what a try notes behind the next one, or behind its video, is refused', async () => {
    await using processes = await openProcesses(kind)
    const rig = await processes.open({ works: false })
    const { id } = await rig.videos.submit(videoRequest())
    const notesOf = (attempt: number) => new VideoNotes({ id, attempt }, signal, { db: rig.db, clock: Date.now, events: { record: async () => {} }, limits: VIDEO_LIMITS })
    for (const attempt of [1, 2]) expect((await takeTurn(rig.db, id))?.row.attempts).toBe(attempt)
    const asleep = notesOf(1)
    const operation = { backend: 'other', model: 'other', operation: '{}' }
    for (const written of [asleep.step('fetch'), asleep.progress(50), asleep.submitted(operation, () => ({})), asleep.completed([], () => ({}))]) await expect(written).rejects.toThrow(LeaseLost)
    expect(await updateVideoAttempt(rig.db, { id, attempt: 1 }, { progress: 7 })).toBeUndefined()
    expect(await rowOf(rig, id)).toMatchObject({ attempts: 2, step: null })
    await notesOf(2).step('fetch')
    expect(await rowOf(rig, id)).toMatchObject({ step: 'fetch' })
    await rig.videos.remove('local', id)
    await expect(notesOf(2).progress(50)).rejects.toThrow(VideoGone)
  })

  test('a try that was cut off counts, for the step that it was in', async () => {
    const remote = scriptedBackend({ onStatus: () => ({ at: 'running', progress: 10 }) })
    await using processes = await openProcesses(kind)
    const rigs: VideoRig[] = []
    let id: Video['id'] | null = null
    for (let tries = 1; tries <= 3; tries++) {
      const rig = await processes.open({ backends: [remote] })
      rigs.push(rig)
      if (id === null) ({ id } = await rig.videos.submit(videoRequest()))
      else await rig.videos.resume()
      await expect.poll(() => rowOf(rig, id), PATIENT).toMatchObject({ attempts: tries, step: 'follow' })
    }
    expect((await rowOf(rigs[2], id)).deaths).toEqual({ follow: 2 })
    await expect.poll(() => rigs.slice(0, 2).map(({ outcomes }) => outcomes), PATIENT).toEqual([['lost'], ['lost']])
    expect(remote.taken).toHaveLength(1)
  })

  test('a video that is deleted elsewhere is stopped where it is made, and leaves nothing', async () => {
    const remote = scriptedBackend({ onStatus: () => new Promise<BackendStatus>(() => {}) })
    await using processes = await openProcesses(kind)
    const worker = await processes.open({ backends: [remote], deadlineMs: 60_000 })
    const api = await processes.open({ backends: [remote], works: false }, { queues: worker.queues })
    const path = join(api.folder, 'uploads', 'one')
    await writeFile(path, 'a picture')
    const { id } = await api.videos.submit(videoRequest({ pictures: [{ type: 'upload', path, sha256: 'aa' }] }))
    await expect.poll(() => remote.asked, PATIENT).toBe(1)
    await expect.poll(() => rowOf(worker, id), PATIENT).toMatchObject({ step: 'follow' })
    await api.videos.remove('local', id)
    await expect.poll(() => worker.outcomes, PATIENT).toEqual(['deleted'])
    await api.videos.drain()
    expect([remote.cancelled.length, await processes.files(), await worker.files('work')]).toEqual([1, [], []])
  })

  test('pictures that one was given are used by another, and a verification that one is asked for is done by another', async () => {
    await using processes = await openProcesses(kind)
    const worker = await processes.open()
    const api = await processes.open({ works: false }, { queues: worker.queues })
    const otter = await api.plant('misty_otter')
    const path = join(api.folder, 'uploads', 'one')
    await writeFile(path, 'uploaded picture')
    const { id } = await api.videos.submit(videoRequest({ prompt: '@misty_otter runs', pictures: [{ type: 'upload', path, sha256: 'aa' }], traceId: 'req_1' }))
    expect((await api.ended(id)).state.at).toBe('completed')
    expect(worker.lensCalls.map(({ name }) => name)).toEqual(['picture', 'inspect'])
    const verifications = await Promise.all([1, 2].map(() => api.videos.verify('local', id, { signal, traceId: 'req_2' })))
    expect(verifications[0].characters).toMatchObject([{ id: otter, verdict: 'absent' }])
    expect(verifications[1]).toEqual(verifications[0])
    expect((await worker.videos.find('local', id)).verification).toEqual(verifications[0])
    expect([worker, api].map(({ lensCalls }) => lensCalls.filter(({ name }) => name === 'witness').length)).toEqual([1, 0])
    expect(await codeOf(api.videos.verify('other', id, { signal, traceId: null }))).toBe('video_not_found')
  })

  test('of requests that are sent again at once, to any process, one is new; those of one key have one video', async () => {
    await using processes = await openProcesses(kind)
    const worker = await processes.open()
    const rigs = [worker, await processes.open({ works: false }, { queues: worker.queues })]
    const retries = await Promise.all([0, 1, 0, 1].map((which) => rigs[which].videos.submit(videoRequest({ prompt: 'one', isRetry: true }))))
    expect(new Set(retries.map(({ id }) => id)).size).toBe(1)
    const key = { account: 'local', key: 'k' }
    await worker.db.insertInto('idempotency_keys').values({ ...key, fields: '', object_id: null, status: null, headers: null, body: null, held_at: 1, created_at: 1 }).execute()
    const made = await rigs[1].videos.submit(videoRequest({ prompt: 'two', idempotencyKey: 'k' }))
    expect((await rigs[0].videos.submit(videoRequest({ prompt: 'two', idempotencyKey: 'k' }))).id).toBe(made.id)
    expect((await rigs[0].videos.submit(videoRequest({ prompt: 'two', idempotencyKey: null }))).id).not.toBe(made.id)
  })

  test('a character that arrives elsewhere is heard of', async () => {
    await using processes = await openProcesses(kind)
    const worker = await processes.open({ limits: { pendingPollMs: 60_000 } })
    const character = await worker.begin()
    const { id } = await worker.videos.submit(videoRequest({ pending: [character] }))
    await expect.poll(async () => (await rowOf(worker, id)).step, PATIENT).toBe('admit')
    await worker.finish(character, 'misty_otter')
    await processes.ground.db.transaction().execute((trx) => processes.ground.notices.tell(trx, { account: 'local', objectId: character }))
    expect(await worker.ended(id)).toMatchObject({ state: { at: 'completed' }, characters: [{ id: character }] })
  })

  test('a store that is away for a moment costs no finished video', async () => {
    await using processes = await openProcesses(kind)
    let refusals = 3
    const objects = { ...processes.objects }
    objects.put = async (...given) => {
      if (refusals-- > 0) throw new AppError('storage_unavailable', { details: { retryAfterSeconds: 30 } })
      await processes.objects.put(...given)
    }
    const remote = scriptedBackend()
    const rig = await processes.open({ backends: [remote] }, { objects })
    const { id } = await rig.videos.submit(videoRequest())
    expect((await rig.ended(id)).state.at).toBe('completed')
    expect(remote.taken).toHaveLength(1)
  })

  test('a video that was handed back too often goes on later, unless a step of it is to blame', async () => {
    await using processes = await openProcesses(kind)
    const worker = await processes.open()
    const api = await processes.open({ works: false })
    const [innocent, poisonous] = [await api.videos.submit(videoRequest()), await api.videos.submit(videoRequest())]
    const { facts } = await worker.db.selectFrom('videos').select('facts').where('id', '=', poisonous.id).executeTakeFirstOrThrow()
    await worker.db.updateTable('videos').set({ facts: JSON.stringify({ ...readFacts({ facts }), step: 'judge', deaths: { judge: 2 } }) }).where('id', '=', poisonous.id).execute()
    for (const { id } of [innocent, poisonous]) await worker.handler?.giveUp(id)
    expect((await worker.videos.find('local', innocent.id)).state.at).toBe('queued')
    expect((await worker.videos.find('local', poisonous.id)).state).toMatchObject({ at: 'failed', error: { details: { step: 'judge' } } })
    await worker.videos.resume()
    expect((await worker.ended(innocent.id)).state.at).toBe('completed')
  })
})

/** Processes with one database and one store; each has a queue of its own, as if another had lost its lease, unless it is given one. */
async function openProcesses(kind: DatabaseKind) {
  await using stack = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'dramatis-processes-'))
  stack.defer(() => rm(folder, { recursive: true }))
  const database = stack.use(await openTestDatabase(kind))
  const objects = createDiskObjects({ folder: join(folder, 'objects') })
  let count = 0
  const opened = stack.move()
  return {
    objects, ground: { db: database.db, notices: database.notices },
    /** On SQLite they share their one connection: in one process two would wait for each other. */
    open: async (options: VideoRigOptions = {}, shared: Partial<Pick<NonNullable<VideoRigOptions['on']>, 'queues' | 'objects'>> = {}): Promise<VideoRig> => {
      const ground = kind === 'sqlite' ? database : await database.another()
      return opened.use(await openVideoRig({ ...options, folder: join(folder, `process-${++count}`), on: { db: ground.db, notices: ground.notices, objects, ...shared } }))
    },
    files: async (): Promise<readonly string[]> => {
      const entries = await readdir(join(folder, 'objects'), { recursive: true, withFileTypes: true }).catch(() => [])
      return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath.slice(join(folder, 'objects').length + 1), entry.name)).toSorted()
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

async function contentOf(rig: VideoRig, id: Video['id']): Promise<string> {
  const content = await rig.videos.openContent('local', id, 'video')
  return Buffer.concat(await Array.fromAsync(await content.read())).toString()
}

async function rowOf(rig: VideoRig, id: Video['id'] | null) {
  const { attempts, facts } = await rig.db.selectFrom('videos').select(['attempts', 'facts']).where('id', '=', String(id)).executeTakeFirstOrThrow()
  return { attempts, ...readFacts({ facts }) }
}
