import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { codeOf } from '../../test/support/character-rig.ts'
import { chunksOf, DONE, scriptedBackend, type Script } from '../../test/support/scripted-backend.ts'
import { openVideoRig, videoRequest, type VideoRig } from '../../test/support/video-rig.ts'
import type { BackendStatus } from '../backends/backend.ts'
import { AppError } from '../domain/errors.ts'
import type { Video } from '../domain/video.ts'
import type { VideoRequest } from './videos.ts'

const MINUTE_MS = 60_000
const { signal } = new AbortController()

async function make(rig: VideoRig, request: Partial<VideoRequest> = {}): Promise<Video> {
  const { id } = await rig.videos.submit(videoRequest(request))
  return rig.ended(id)
}

test('somebody else\'s video and none at all are the same refusal', async () => {
  await using rig = await openVideoRig()
  const { id } = await make(rig)
  for (const [account, ref] of [['other', id], ['local', 'video_00000000000000000000000000000000'], ['local', '%']] as const) {
    const asked = [rig.videos.find(account, ref), rig.videos.remove(account, ref), rig.videos.openContent(account, ref, 'video'), rig.videos.verify(account, ref, { signal, traceId: null })]
    for (const work of asked) await expect(work).rejects.toMatchObject({ code: 'video_not_found', param: null })
    await expect(rig.videos.fileOf(account, ref, 'from_task')).rejects.toMatchObject({ code: 'video_not_found', param: 'from_task' })
  }
  expect(await rig.videos.find('local', id)).toMatchObject({ id })
})

test('lists page by creation both ways, of one state where that is asked for', async () => {
  await using rig = await openVideoRig({ backends: [scriptedBackend({ onSubmit: (attempt) => { if (attempt === 2) throw new AppError('backend_rejected', { details: { said: 'no' } }) } })] })
  const ids: Video['id'][] = []
  for (const prompt of ['a', 'b', 'c']) ids.push((await make(rig, { prompt })).id)
  const list = async (request: Partial<Parameters<typeof rig.videos.list>[1]>): Promise<[readonly Video['id'][], boolean]> => {
    const { videos, hasMore } = await rig.videos.list('local', { limit: 10, order: 'asc', ...request })
    return [videos.map(({ id }) => id), hasMore]
  }
  expect(await list({})).toEqual([ids, false])
  expect(await list({ order: 'desc', limit: 2 })).toEqual([[ids[2], ids[1]], true])
  expect(await list({ order: 'desc', limit: 2, after: ids[1] })).toEqual([[ids[0]], false])
  expect(await list({ limit: 0 })).toEqual([[], true])
  expect(await list({ status: 'failed' })).toEqual([[ids[1]], false])
  expect((await rig.videos.list('other', { limit: 10, order: 'asc' })).videos).toEqual([])
})

test('content is there when the video is, and says what else it is when it is not', async () => {
  const gate = Promise.withResolvers<BackendStatus>()
  await using rig = await openVideoRig({ backends: [scriptedBackend({ onStatus: () => gate.promise })] })
  const { id } = await rig.videos.submit(videoRequest())
  expect(await codeOf(rig.videos.openContent('local', id, 'video'))).toBe('video_not_ready')
  expect(await codeOf(rig.videos.fileOf('local', id, 'from_task'))).toBe('video_not_ready')
  expect(await codeOf(rig.videos.verify('local', id, { signal, traceId: null }))).toBe('video_not_ready')
  gate.resolve({ at: 'failed', error: new AppError('cancelled') })
  await rig.ended(id)
  expect(await codeOf(rig.videos.openContent('local', id, 'video'))).toBe('video_failed')
  expect(await codeOf(rig.videos.fileOf('local', id, 'from_task'))).toBe('video_failed')
  await using other = await openVideoRig()
  const made = await make(other)
  await rm(join(other.folder, 'objects', made.id, '1', 'video.mp4'))
  expect(await codeOf(other.videos.openContent('local', made.id, 'video').then((content) => content.read()))).toBe('storage_unavailable')
})

test('a deleted video is gone with all that was kept of it', async () => {
  await using rig = await openVideoRig()
  const { id } = await make(rig)
  expect(await rig.videos.remove('local', id)).toBe(id)
  expect(await rig.files('objects')).toEqual([])
  expect(await codeOf(rig.videos.find('local', id))).toBe('video_not_found')
  expect(await codeOf(rig.videos.remove('local', id))).toBe('video_not_found')
  expect(rig.happened.at(-1)).toEqual({ type: 'video.deleted', account: 'local', id })
})

/** The machine may be busy with other tests. */
const PATIENT = { timeout: 15_000 }
const never = (): Promise<never> => new Promise(() => {})
const untilAborted = (signal: AbortSignal): Promise<never> => new Promise((_, reject) => { signal.addEventListener('abort', () => reject(signal.reason)) })
const slowly = async function* (signal: AbortSignal) {
  yield new Uint8Array(10)
  await untilAborted(signal)
}

test.each<[string, Script, number]>([
  ['is submitted', { onSubmit: (_, __, signal) => untilAborted(signal) }, 0],
  ['is submitted to a backend that does not listen', { onSubmit: never }, 0],
  ['is followed', { onStatus: () => ({ at: 'running', progress: 20 }) }, 1],
  ['is followed at a backend that does not listen', { onStatus: never }, 1],
  ['is fetched', { onOpen: (_, signal) => slowly(signal) }, 1],
])('a video that is deleted while it %s is stopped, and does not come back', async (_, script, cancellations) => {
  const remote = scriptedBackend(script)
  await using rig = await openVideoRig({ backends: [remote], concurrency: 1 })
  const path = join(rig.folder, 'uploads', 'one')
  await writeFile(path, 'a picture')
  const { id } = await rig.videos.submit(videoRequest({ pictures: [{ type: 'upload', path, sha256: 'aa' }] }))
  const waiting = await rig.videos.submit(videoRequest())
  await expect.poll(() => [remote.attempts, remote.asked, remote.opened][script.onSubmit ? 0 : script.onStatus ? 1 : 2], PATIENT).toBeGreaterThan(0)
  expect(await rig.videos.remove('local', waiting.id)).toBe(waiting.id)
  await rig.videos.remove('local', id)
  expect(rig.outcomes).toEqual(['deleted'])
  await rig.videos.drain()
  expect(remote.cancelled).toHaveLength(cancellations)
  expect([...await rig.files('objects'), ...await rig.files('work')]).toEqual([])
  expect((await rig.videos.list('local', { limit: 10, order: 'asc' })).videos).toEqual([])
  expect(rig.happened.filter(({ type }) => ['video.failed', 'video.completed'].includes(type))).toEqual([])
})

test('a video that is deleted while a slow disk takes it leaves nothing there', async () => {
  const [begun, disk] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  await using rig = await openVideoRig()
  const { put } = rig.objects
  const puts: Promise<void>[] = []
  rig.objects.put = (key, bytes) => {
    puts.push(disk.promise.then(() => put(key, bytes)))
    begun.resolve()
    return puts[puts.length - 1]
  }
  const { id } = await rig.videos.submit(videoRequest())
  await begun.promise
  await rig.videos.remove('local', id)
  disk.resolve()
  await Promise.allSettled(puts)
  await expect.poll(() => rig.files('work'), PATIENT).toEqual([])
  expect(await rig.files('objects')).toEqual([])
})

test('a submission that a backend takes after its video was deleted is taken back', async () => {
  const gate = Promise.withResolvers<void>()
  const remote = scriptedBackend({ onSubmit: () => gate.promise })
  await using rig = await openVideoRig({ backends: [remote] })
  const { id } = await rig.videos.submit(videoRequest())
  await expect.poll(() => remote.attempts, PATIENT).toBe(1)
  await rig.videos.remove('local', id)
  gate.resolve()
  await expect.poll(() => remote.cancelled, PATIENT).toEqual([{ job: `scripted-${id}-1` }])
})

test('a request that says it is sent again finds its video for ten minutes, also when both come at once', async () => {
  let nowMs = Date.now()
  const remote = scriptedBackend()
  await using rig = await openVideoRig({ backends: [remote], clock: () => nowMs })
  const first = await make(rig, { prompt: 'one', seed: 3 })
  const again = { prompt: 'one', seed: 3, isRetry: true }
  nowMs += 9 * MINUTE_MS
  expect(await rig.videos.submit(videoRequest(again))).toEqual(first)
  expect((await make(rig, { ...again, seed: 4 })).id).not.toBe(first.id)
  expect((await make(rig, { ...again, account: 'other' })).id).not.toBe(first.id)
  expect((await make(rig, { ...again, isRetry: false })).id).not.toBe(first.id)
  nowMs += 20 * MINUTE_MS
  const both = await Promise.all([rig.videos.submit(videoRequest(again)), rig.videos.submit(videoRequest(again))])
  expect(new Set([first.id, ...both.map(({ id }) => id)]).size).toBe(2)
  await rig.ended(both[0].id)
  expect(remote.taken).toHaveLength(5)
})

test('requests that are sent again need one place in the queue between them', async () => {
  await using rig = await openVideoRig({ concurrency: 1, mostWaiting: 0 })
  const videos = await Promise.all(Array.from({ length: 10 }, () => rig.videos.submit(videoRequest({ isRetry: true }))))
  expect(new Set(videos.map(({ id }) => id)).size).toBe(1)
})

test('a file that is sent again in another body is the same picture', async () => {
  await using rig = await openVideoRig()
  const request = async (name: string, sha256: string) => {
    const path = join(rig.folder, 'uploads', name)
    await writeFile(path, 'a picture')
    return videoRequest({ pictures: [{ type: 'upload', path, sha256 }], isRetry: true })
  }
  const { id } = await rig.videos.submit(await request('one', 'aa'))
  expect((await rig.videos.submit(await request('two', 'aa'))).id).toBe(id)
  expect((await rig.videos.submit(await request('three', 'bb'))).id).not.toBe(id)
  expect(await rig.files('uploads')).toEqual([])
})

test('beyond its bound the queue refuses, and nothing is kept of the refused', async () => {
  const gate = Promise.withResolvers<BackendStatus>()
  await using rig = await openVideoRig({ backends: [scriptedBackend({ onStatus: () => gate.promise })], concurrency: 1, mostWaiting: 1 })
  const accepted = [await rig.videos.submit(videoRequest()), await rig.videos.submit(videoRequest())]
  const path = join(rig.folder, 'uploads', 'one')
  await writeFile(path, 'a picture')
  expect(await codeOf(rig.videos.submit(videoRequest({ pictures: [{ type: 'upload', path, sha256: 'aa' }] })))).toBe('queue_full')
  expect([...await rig.files('uploads'), ...await rig.files('objects')]).toEqual([])
  expect((await rig.videos.list('local', { limit: 10, order: 'asc' })).videos).toHaveLength(2)
  gate.resolve(DONE)
  for (const { id } of accepted) expect((await rig.ended(id)).state.at).toBe('completed')
})

test('a verification looks for those who are still there, and is kept with the video', async () => {
  const figures: string[] = []
  await using rig = await openVideoRig({ lens: { witness: (_, asks) => {
    figures.push(...asks.figures.map((figure) => Buffer.from(figure).toString()))
    return { figures: asks.figures.map(() => null), frames: [{ seconds: 0.5, sightings: [] }] }
  } } })
  const [otter, fox] = [await rig.plant('misty_otter'), await rig.plant('dune_fox')]
  const { id } = await make(rig, { prompt: '@misty_otter and @dune_fox' })
  await rig.db.updateTable('characters').set({ deleted_at: 1 }).where('id', '=', fox).execute()
  const verification = await rig.videos.verify('local', id, { signal, traceId: null })
  expect(verification.characters).toMatchObject([{ id: otter, username: 'misty_otter', verdict: 'absent' }])
  expect(figures).toEqual(['misty_otter cutout.webp'])
  expect((await rig.videos.find('local', id)).verification).toEqual(verification)
})

test('who asks for a verification that is going on waits for the same one, also when the first who asked leaves', async () => {
  const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let looks = 0
  await using rig = await openVideoRig({ lens: { witness: async (_, { figures }) => {
    await gates[looks++].promise
    return { figures: figures.map(() => null), frames: [] }
  } } })
  await rig.plant('misty_otter')
  const { id } = await make(rig, { prompt: '@misty_otter' })
  const [first, last] = [new AbortController(), new AbortController()]
  const leaving = codeOf(rig.videos.verify('local', id, { signal: first.signal, traceId: null }))
  const staying = [1, 2, 3].map(() => rig.videos.verify('local', id, { signal, traceId: null }))
  await vi.waitFor(() => expect(looks).toBe(1))
  first.abort(new AppError('character_processing_timeout'))
  expect(await leaving).toBe('character_processing_timeout')
  gates[0].resolve()
  const [found, ...same] = await Promise.all(staying)
  expect(same).toEqual([found, found])
  expect(looks).toBe(1)
  const alone = codeOf(rig.videos.verify('local', id, { signal: last.signal, traceId: null }))
  await vi.waitFor(() => expect(looks).toBe(2))
  last.abort(new AppError('character_processing_timeout'))
  expect(await alone).toBe('character_processing_timeout')
  gates[1].resolve()
})

test('a video that is deleted while it is looked at or opened is not there, rather than out of reach', async () => {
  const looking = Promise.withResolvers<void>()
  const deleted = Promise.withResolvers<void>()
  await using rig = await openVideoRig({ lens: { witness: async (source, { figures }) => {
    looking.resolve()
    await deleted.promise
    await source.read(0, source.size)
    return { figures: figures.map(() => null), frames: [] }
  } } })
  await rig.plant('misty_otter')
  const { id } = await make(rig, { prompt: '@misty_otter' })
  const content = await rig.videos.openContent('local', id, 'video')
  const verified = codeOf(rig.videos.verify('local', id, { signal, traceId: null }))
  await looking.promise
  await rig.videos.remove('local', id)
  deleted.resolve()
  expect([await verified, await codeOf(content.read())]).toEqual(['video_not_found', 'video_not_found'])
})

test('an answer that is no video at all is kept nowhere, though it was fetched whole', async () => {
  await using rig = await openVideoRig({ backends: [scriptedBackend({ onOpen: () => chunksOf('<html>') })], lens: { inspect: () => { throw new AppError('media_corrupt') } } })
  expect((await make(rig)).state).toMatchObject({ at: 'failed', error: { code: 'output_invalid' } })
  expect([...await rig.files('objects'), ...await rig.files('work')]).toEqual([])
})
