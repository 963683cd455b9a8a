import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { codeOf } from '../../test/support/character-rig.ts'
import { chunksOf, DONE, OUTPUT, scriptedBackend, type Script, type ScriptedBackend } from '../../test/support/scripted-backend.ts'
import { openVideoRig, videoRequest, type VideoRig, type VideoRigOptions } from '../../test/support/video-rig.ts'
import { failAttempt, startAttempt } from '../db/character-rows.ts'
import { writeError } from '../db/stored-error.ts'
import { readFacts } from '../db/stored-video.ts'
import { AppError, detailsIn } from '../domain/errors.ts'
import { VIDEO_STEPS, type Video } from '../domain/video.ts'
import { LensDied } from '../jail/lens-died.ts'

const unavailable = (): never => { throw new AppError('backend_unavailable') }
/** The machine may be busy with other tests. */
const PATIENT = { timeout: 15_000 }
const never = (): Promise<never> => new Promise(() => {})
const left = async (rig: VideoRig): Promise<readonly string[]> => [...await rig.files('objects'), ...await rig.files('work'), ...await rig.files('uploads')]

async function makeWith(script: Script, options: VideoRigOptions = {}): Promise<{ readonly video: Video; readonly remote: ScriptedBackend; readonly left: readonly string[]; readonly happened: readonly string[] }> {
  const remote = scriptedBackend(script)
  await using rig = await openVideoRig({ backends: [remote], ...options })
  const path = join(rig.folder, 'uploads', 'one')
  await writeFile(path, 'a picture')
  const { id } = await rig.videos.submit(videoRequest({ pictures: [{ type: 'upload', path, sha256: 'aa' }] }))
  const video = await rig.ended(id)
  await rig.videos.drain()
  return { video, remote, left: await left(rig), happened: rig.happened.map(({ type }) => type) }
}

const failure = ({ state }: Video): unknown => (state.at === 'failed' ? { code: state.error.code, ...detailsIn('en', state.error.details) } : state.at)

test('a backend that is out of reach is tried again, then the next one of that model is asked', async () => {
  const passing = scriptedBackend({ onSubmit: (attempt) => { if (attempt < 3) unavailable() } })
  const gone = scriptedBackend({ name: 'gone', onSubmit: unavailable })
  await using rig = await openVideoRig({ backends: [passing] })
  expect((await rig.ended((await rig.videos.submit(videoRequest())).id)).state.at).toBe('completed')
  expect([passing.attempts, passing.taken.length]).toEqual([3, 1])

  await using other = await openVideoRig({ backends: [gone, scriptedBackend({ capabilities: { sizes: ['480x480'] } }), scriptedBackend({ name: 'third' })] })
  expect(await other.ended((await other.videos.submit(videoRequest())).id)).toMatchObject({ backend: 'third', state: { at: 'completed' } }) // the second does not make this size
  expect(gone.attempts).toBe(3)
  const { video, left, happened } = await makeWith({ onSubmit: unavailable })
  expect([failure(video), left, happened.at(-1)]).toEqual([{ code: 'backend_unavailable' }, [], 'video.failed'])
})

test('a backend that falls silent over a submission may have taken it: it is not asked twice', async () => {
  const silent = scriptedBackend({ onSubmit: never })
  await using rig = await openVideoRig({ backends: [silent, scriptedBackend({ name: 'spare' })], limits: { submitMs: 20 } })
  expect(await rig.ended((await rig.videos.submit(videoRequest())).id)).toMatchObject({ backend: 'spare', state: { at: 'completed' } })
  expect(silent.attempts).toBe(1)
})

test('what a backend refuses is not asked for again, there or elsewhere', async () => {
  const spare = scriptedBackend({ name: 'spare' })
  const refusing = scriptedBackend({ onSubmit: () => { throw new AppError('backend_rejected', { details: { said: 'too violent' } }) } })
  await using rig = await openVideoRig({ backends: [refusing, spare] })
  expect(failure(await rig.ended((await rig.videos.submit(videoRequest())).id))).toEqual({ code: 'backend_rejected', said: 'too violent' })
  expect([refusing.attempts, spare.attempts]).toEqual([1, 0])
})

test('a video that its backend forgot is submitted once more, and only once', async () => {
  const once = await makeWith({ onStatus: (asked) => (asked === 1 ? { at: 'lost' } : DONE) })
  expect([failure(once.video), once.remote.taken.length]).toEqual(['completed', 2])
  const twice = await makeWith({ onStatus: () => ({ at: 'lost' }) })
  expect([failure(twice.video), twice.remote.taken.length, twice.left]).toEqual([{ code: 'backend_lost' }, 2, []])
})

test('questions that are not answered for a while do no harm; for too long they do', async () => {
  const passing = await makeWith({ onStatus: (asked) => (asked < 4 ? unavailable() : DONE) })
  expect([failure(passing.video), passing.remote.asked]).toEqual(['completed', 4])
  const lasting = await makeWith({ onStatus: unavailable }, { limits: { outOfReachMs: 30 } })
  expect([failure(lasting.video), lasting.remote.cancelled.length]).toEqual([{ code: 'backend_unavailable' }, 1])
  const deaf = await makeWith({ onStatus: never }, { limits: { outOfReachMs: 30, askMs: 20 } })
  expect(failure(deaf.video)).toEqual({ code: 'backend_unavailable', reason: 'timeout' })
})

test('a backend that takes too long is given up, and told so', async () => {
  const { video, remote, left } = await makeWith({ onStatus: () => ({ at: 'running', progress: 1 }) }, { deadlineMs: 1000 })
  expect([failure(video), remote.cancelled.length, left]).toEqual([{ code: 'backend_timeout', seconds: 1 }, 1, []])
})

test('a video that the database takes behind the deadline keeps its files', async () => {
  const stalled = Promise.withResolvers<void>()
  await using rig = await openVideoRig({ deadlineMs: 500 })
  const { put } = rig.objects
  rig.objects.put = async (key, bytes) => {
    await put(key, bytes)
    if (key.endsWith('video.mp4')) void rig.db.transaction().execute(() => stalled.promise)
  }
  const { id } = await rig.videos.submit(videoRequest())
  await expect.poll(async () => (await rig.queue.figures()).running, PATIENT).toBe(1)
  await expect.poll(async () => (await rig.queue.figures()).running, PATIENT).toBe(0)
  stalled.resolve()
  expect((await rig.ended(id)).state.at).toBe('completed')
  await rig.videos.drain()
  expect(await rig.files('objects')).toHaveLength(3)
})

test('what a backend says went wrong is what the video says', async () => {
  const failed = await makeWith({ onStatus: () => ({ at: 'failed', error: new AppError('backend_rejected', { details: { said: 'no GPU' } }) }) })
  expect([failure(failed.video), failed.left, failed.happened.at(-1)]).toEqual([{ code: 'backend_rejected', said: 'no GPU' }, [], 'video.failed'])
  const lying = await makeWith({ onStatus: () => { throw new AppError('output_invalid', { details: { reason: 'HTML' } }) } })
  expect(failure(lying.video)).toEqual({ code: 'output_invalid', reason: 'HTML' })
  const buggy = await makeWith({ onStatus: () => { throw new TypeError('cannot read /secret/path') } })
  expect(failure(buggy.video)).toEqual({ code: 'internal_error' })
})

const endless = async function* () { for (;;) yield new Uint8Array(1000) }

test('an output that is empty, endless, gone or no video ends the video with its own reason, and nothing is left', async () => {
  const outputs: readonly (readonly [Script['onOpen'], unknown])[] = [
    [() => chunksOf(), { code: 'output_invalid', reason: 'it is empty' }],
    [endless, { code: 'output_invalid', reason: 'it is larger than 5000 bytes' }],
    [() => { throw new AppError('output_expired') }, { code: 'output_expired' }],
    [unavailable, { code: 'backend_unavailable' }],
  ]
  for (const [onOpen, expected] of outputs) {
    const { video, left } = await makeWith({ ...(onOpen && { onOpen }) }, { limits: { outputBytes: 5000 } })
    expect([failure(video), left]).toEqual([expected, []])
  }
  const passing = await makeWith({ onOpen: (attempt) => (attempt < 3 ? unavailable() : chunksOf(OUTPUT)) })
  expect([failure(passing.video), passing.remote.opened]).toEqual(['completed', 3])
  const deaf = await makeWith({ onOpen: never }, { limits: { fetchMs: 50 } })
  expect([failure(deaf.video), deaf.left]).toEqual([{ code: 'backend_unavailable', reason: 'timeout' }, []])
  const noVideo = await makeWith({}, { lens: { inspect: () => { throw new AppError('media_unsupported', { details: { reads: ['MP4'] } }) } } })
  expect([failure(noVideo.video), noVideo.left, noVideo.remote.cancelled.length]).toEqual([{ code: 'output_invalid', reason: 'it is not a video' }, [], 1])
})

test('a lens that dies of an output costs one more lens; two are the output\'s fault', async () => {
  let deaths = 0
  const answer = { container: 'mp4', codec: 'h264', width: 720, height: 1280, durationMs: 4000, hasSound: false, thumbnail: new Uint8Array(1), spritesheet: new Uint8Array(1) }
  const dieOnce = () => {
    if (deaths++ === 0) throw new LensDied('killed for the test')
    return answer
  }
  expect(failure((await makeWith({}, { lens: { inspect: dieOnce } })).video)).toBe('completed')
  const always = await makeWith({}, { lens: { inspect: () => { throw new LensDied('killed for the test') } } })
  expect(failure(always.video)).toEqual({ code: 'output_invalid', reason: 'reading it failed twice' })
})

test('a character that is deleted while its video waits fails it, and nothing leaves the service', async () => {
  const gate = Promise.withResolvers<void>()
  const remote = scriptedBackend({ onSubmit: (attempt) => (attempt === 1 ? gate.promise : undefined) })
  await using rig = await openVideoRig({ backends: [remote], concurrency: 1 })
  const otter = await rig.plant('misty_otter')
  await rig.videos.submit(videoRequest())
  const waiting = await rig.videos.submit(videoRequest({ prompt: '@misty_otter runs' }))
  await rig.db.updateTable('characters').set({ deleted_at: 1 }).where('id', '=', otter).execute()
  gate.resolve()
  expect(failure(await rig.ended(waiting.id))).toEqual({ code: 'character_revoked' })
  expect(remote.attempts).toBe(1)
})

test('access is checked again at the last moment, before every try', async () => {
  const remote = scriptedBackend({ onSubmit: async (attempt) => {
    await rig.db.updateTable('characters').set({ deleted_at: 1 }).execute()
    if (attempt === 1) unavailable()
  } })
  await using rig = await openVideoRig({ backends: [remote] })
  await rig.plant('misty_otter')
  const { id } = await rig.videos.submit(videoRequest({ prompt: '@misty_otter runs' }))
  expect(failure(await rig.ended(id))).toEqual({ code: 'character_revoked' })
  expect([remote.attempts, remote.taken.length]).toEqual([1, 0])
})

test('a video waits for the characters that came along with it, and ends with them', async () => {
  await using rig = await openVideoRig()
  const [arriving, failing] = [await rig.begin(), await rig.begin()]
  const good = await rig.videos.submit(videoRequest({ pending: [arriving] }))
  const bad = await rig.videos.submit(videoRequest({ pending: [failing] }))
  expect(good.characters).toEqual([{ id: arriving, username: null, revision: 1, mentions: [] }])
  await expect.poll(async () => (await rig.db.selectFrom('videos').select('facts').execute()).map((row) => readFacts(row).step), PATIENT).toEqual(['admit', 'admit'])
  expect(rig.steps).toEqual([])
  expect((await rig.videos.find('local', good.id)).state).toEqual({ at: 'queued' })
  await rig.finish(arriving, 'misty_otter')
  await rig.db.transaction().execute(async (trx) => {
    await startAttempt(trx, failing, 1, 1)
    await failAttempt(trx, failing, 1, { error: writeError(new AppError('no_character_found', { details: { reasons: ['blank'] } })), nowMs: 1 })
  })
  expect(await rig.ended(good.id)).toMatchObject({ state: { at: 'completed' }, characters: [{ id: arriving, username: 'misty_otter' }], warnings: [{ code: 'character_not_mentioned' }] })
  expect(failure(await rig.ended(bad.id))).toEqual({ code: 'no_character_found', reasons: ['blank'] })
})

test('a store that is out of reach ends the video with that; when it is back, so is the service', async () => {
  await using rig = await openVideoRig()
  await writeFile(join(rig.folder, 'objects'), 'no folder can be made here')
  const { id } = await rig.videos.submit(videoRequest())
  await expect.poll(() => rig.outcomes, PATIENT).toEqual(['failed'])
  await rm(join(rig.folder, 'objects'))
  expect(failure(await rig.ended(id))).toMatchObject({ code: 'storage_unavailable' })
  expect((await rig.ended((await rig.videos.submit(videoRequest())).id)).state.at).toBe('completed')
})

test('when the service ends, what is followed is kept, and followed on at the next start', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dramatis-drain-'))
  const journal = join(folder, 'journal')
  const remote = scriptedBackend({ journal, onStatus: () => ({ at: 'running', progress: 40 }) })
  let ids: readonly Video['id'][] = []
  {
    await using rig = await openVideoRig({ folder, backends: [remote], concurrency: 1 })
    ids = [(await rig.videos.submit(videoRequest())).id, (await rig.videos.submit(videoRequest())).id]
    await expect.poll(() => remote.asked, PATIENT).toBeGreaterThan(1)
    await rig.videos.drain()
    expect(rig.outcomes).toEqual(['kept'])
    expect(await codeOf(rig.videos.submit(videoRequest()))).toBe('shutting_down')
    expect((await rig.videos.list('local', { limit: 10, order: 'asc' })).videos.map(({ state }) => state)).toEqual([{ at: 'in_progress', progress: 40 }, { at: 'queued' }])
    expect(remote.cancelled).toEqual([])
    const rows = await rig.db.selectFrom('videos').select('facts').execute()
    expect(rows.map((row) => readFacts(row).step)).toEqual([null, null]) // an end that was announced is no death
  }
  const again = scriptedBackend({ journal })
  await using rig = await openVideoRig({ folder, backends: [again] })
  await rig.videos.resume()
  for (const id of ids) expect((await rig.ended(id)).state.at).toBe('completed')
  expect([remote.taken.length, again.taken.map(({ videoId }) => videoId)]).toEqual([1, [ids[1]]])
  await rm(folder, { recursive: true })
})

/** Runs the service in a process of its own until it is killed or done; what it acknowledged. */
async function runUntilKilled(folder: string, step: string): Promise<{ readonly signal: NodeJS.Signals | null; readonly accepted: string | null; readonly ended: string | null }> {
  const program = join(import.meta.dirname, '../../test/fixtures/crashing-videos.ts')
  const child = spawn(process.execPath, [program, folder, step], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = new Promise<NodeJS.Signals | null>((resolve) => { child.on('exit', (_, signal) => resolve(signal)) })
  const [output, signal] = await Promise.all([text(child.stdout), exited])
  const said = Object.assign({ accepted: null, ended: null }, ...output.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line))) as { accepted: string | null; ended: string | null }
  return { signal, ...said }
}

const submissions = (folder: string): number => (existsSync(join(folder, 'journal')) ? readFileSync(join(folder, 'journal'), 'utf8').trim().split('\n').length : 0)

test.each(VIDEO_STEPS)('killed on entering %s, then started again: one whole video, submitted once, and nothing is left over', async (step) => {
  const folder = await mkdtemp(join(tmpdir(), 'dramatis-killed-'))
  const { signal, ended } = await runUntilKilled(folder, step)
  expect({ signal, ended }).toEqual({ signal: 'SIGKILL', ended: null })
  expect(submissions(folder)).toBe(VIDEO_STEPS.indexOf(step) > VIDEO_STEPS.indexOf('submit') ? 1 : 0)
  const nobodys = ['video_00000000000000000000000000000000', 'video_00000000000000000000000000000000-given']
  for (const name of nobodys) {
    await mkdir(join(folder, 'objects', name), { recursive: true })
    await writeFile(join(folder, 'objects', name, 'video.mp4'), 'of a row that is gone')
  }
  await mkdir(join(folder, 'objects', 'not-a-video'))

  await using rig = await openVideoRig({ folder, backends: [scriptedBackend({ journal: join(folder, 'journal') })] })
  rig.pictures.set('https://pictures.example/a.png', 'a picture')
  await rig.videos.resume()
  const { videos: [video], hasMore } = await rig.videos.list('local', { limit: 1, order: 'asc' })
  expect(hasMore).toBe(false)
  expect(await rig.ended(video.id)).toMatchObject({ state: { at: 'completed' } })
  expect(submissions(folder)).toBe(1)
  await rig.videos.drain()
  expect(await left(rig)).toEqual(['spritesheet.jpg', 'thumbnail.webp', 'video.mp4'].map((name) => `${video.id}/2/${name}`))
  expect(existsSync(join(folder, 'objects', 'not-a-video'))).toBe(true)
  expect(rig.happened.filter(({ type }) => type === 'video.completed')).toHaveLength(1)
  await rm(folder, { recursive: true })
})

test('killed when the backend has taken it and nobody knows yet: submitted again under the same id, and one whole video', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dramatis-taken-'))
  expect((await runUntilKilled(folder, 'taken')).signal).toBe('SIGKILL')
  await using rig = await openVideoRig({ folder, backends: [scriptedBackend({ journal: join(folder, 'journal') })] })
  rig.pictures.set('https://pictures.example/a.png', 'a picture')
  await rig.videos.resume()
  const { videos: [{ id }] } = await rig.videos.list('local', { limit: 1, order: 'asc' })
  expect((await rig.ended(id)).state.at).toBe('completed')
  expect(readFileSync(join(folder, 'journal'), 'utf8')).toBe(`scripted-${id}-1\nscripted-${id}-2\n`)
  await rm(folder, { recursive: true })
})

test('a video that ends the process within the same step again and again fails, and its backend is told', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dramatis-poison-'))
  for (let death = 0; death < 3; death++) expect((await runUntilKilled(folder, 'keep')).signal).toBe('SIGKILL')
  const remote = scriptedBackend({ journal: join(folder, 'journal') })
  await using rig = await openVideoRig({ folder, backends: [remote] })
  await rig.videos.resume()
  const { videos: [{ id }] } = await rig.videos.list('local', { limit: 1, order: 'asc' })
  expect((await rig.ended(id)).state).toMatchObject({ at: 'failed', error: { code: 'internal_error', details: { reason: 'service_stopped', step: 'judge' } } })
  await rig.videos.drain()
  expect([remote.cancelled.length, submissions(folder), await left(rig)]).toEqual([1, 1, []])
  await rm(folder, { recursive: true })
})

const UNSHARE = 'unshare'
const mounts = spawnSync(UNSHARE, ['-rm', 'true']).status === 0

test.skipIf(!mounts)('a full disk is storage_full, reads go on, nothing half made is left, and with room again videos are made without a restart', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dramatis-full-'))
  const program = join(import.meta.dirname, '../../test/fixtures/full-disk-videos.ts')
  const { stdout, stderr } = spawnSync(UNSHARE, ['-rm', 'sh', '-c', `mount -t tmpfs -o size=4m tmpfs "$0" && exec "$1" "$2" "$0"`, folder, process.execPath, program], { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(JSON.parse(stdout)).toEqual({ whileFull: ['storage_full', 'storage_full'], readWhileFull: OUTPUT, folders: 1, afterwards: ['completed', 'completed'] })
  await rm(folder, { recursive: true })
})
