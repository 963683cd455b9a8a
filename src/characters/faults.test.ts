import { spawn, spawnSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import { codeOf, createRequest, openRig, type Rig, type RigOptions } from '../../test/support/character-rig.ts'
import { STEPS } from '../domain/character.ts'
import { LensDied } from '../jail/lens-died.ts'

const died = (): never => { throw new LensDied('killed for the test') }
const never = (): Promise<never> => new Promise(() => {})
const usernames = async (rig: Rig): Promise<readonly string[]> => (await rig.db.selectFrom('usernames').select('name').execute()).map(({ name }) => name)

test('a lens that dies costs one more lens, not the character', async () => {
  let deaths = 0
  await using rig = await openRig({ script: { portrait: () => (deaths++ === 0 ? died() : { picture: new Uint8Array([1]), seconds: 1, box: [0, 0, 1, 1], crop: [0, 0, 1, 1], quality: { score: 1, reasons: [] } }) } })
  expect(await (await rig.characters.create(createRequest())).done).toMatchObject({ kind: 'animal' })
  expect(rig.lens).toMatchObject({ opened: 2, closed: 2 })
})

test('a video that kills two lenses fails with lens_failed, frees its name, and others go on', async () => {
  await using rig = await openRig({ script: { identity: async (source) => (source.size === 'poison'.length ? died() : { vectors: [{ model: 'eyes', of: 'track-mean', values: Float32Array.of(1) }] }) } })
  rig.videos.set('https://videos.example/bad.mp4', 'poison')
  const bad = await rig.characters.create(createRequest({ url: 'https://videos.example/bad.mp4', options: { username: 'dune_fox' } }))
  const good = await rig.characters.create(createRequest())
  await expect(bad.done).rejects.toMatchObject({ code: 'lens_failed' })
  expect(await good.done).toMatchObject({ kind: 'animal' })
  expect(rig.lens).toMatchObject({ opened: 3, closed: 3 })
  expect(await usernames(rig)).not.toContain('dune_fox')
  expect(await rig.files('objects')).not.toContainEqual(expect.stringContaining(bad.id))
})

test('a job that is stuck past the deadline fails alone, and its place is free again', async () => {
  await using rig = await openRig({ deadlineMs: 100, script: { see: (source) => (source.size === 'stuck'.length ? never() : { frames: 1, subjects: [], reasons: ['blank'], models: {} }) } })
  rig.videos.set('https://videos.example/stuck.mp4', 'stuck')
  const stuck = await rig.characters.create(createRequest({ url: 'https://videos.example/stuck.mp4' }))
  const next = await rig.characters.create(createRequest())
  await expect(stuck.done).rejects.toMatchObject({ code: 'lens_failed', details: { reason: 'deadline' } })
  expect(await codeOf(next.done)).toBe('no_character_found')
})

test('a character that the database takes behind the deadline keeps its files', async () => {
  const stalled = Promise.withResolvers<void>()
  // Behind the step's own transaction, and before the one that completes the character.
  await using rig = await openRig({ deadlineMs: 400, onTold: (happening) => {
    if (happening.type === 'character.progress' && happening.step === 'stored') void rig.db.transaction().execute(() => stalled.promise)
  } })
  const { id } = await rig.characters.create(createRequest())
  for (const running of [1, 0]) await expect.poll(async () => (await rig.queue.figures()).running, { timeout: 10_000 }).toBe(running)
  stalled.resolve()
  await expect.poll(async () => (await rig.characters.find('local', id)).at, { timeout: 10_000 }).toBe('completed')
  await rig.characters.drain()
  expect((await rig.files('objects')).filter((path) => path.startsWith(id))).toHaveLength(7)
})

test('a store that is out of reach refuses the character; when it is back, so is the service', async () => {
  await using rig = await openRig()
  await writeFile(join(rig.folder, 'objects'), 'no folder can be made here')
  expect(await codeOf((await rig.characters.create(createRequest())).done)).toBe('storage_unavailable')
  await rm(join(rig.folder, 'objects'))
  await expect.poll(async () => codeOf((await rig.characters.create(createRequest())).done), { timeout: 5000 }).toBeNull()
})

const UNSHARE = 'unshare'
const mounts = spawnSync(UNSHARE, ['-rm', 'true']).status === 0

test.skipIf(!mounts)('a full disk is storage_full, reads go on, nothing half made is left, and with room again creates work without a restart', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dramatis-full-'))
  const program = join(import.meta.dirname, '../../test/fixtures/full-disk.ts')
  const { stdout, stderr } = spawnSync(UNSHARE, ['-rm', 'sh', '-c', `mount -t tmpfs -o size=4m tmpfs "$0" && exec "$1" "$2" "$0"`, folder, process.execPath, program], { encoding: 'utf8' })
  expect(stderr).toBe('')
  expect(JSON.parse(stdout)).toEqual({ whileFull: ['storage_full', 'storage_full'], listedWhileFull: 1, readWhileFull: 'portrait', objectFolders: 2, afterwards: [null, null], listed: 3 })
  await rm(folder, { recursive: true })
})

test('when the service ends, what runs may finish, and what waits is told at once', async () => {
  const gate = Promise.withResolvers<void>()
  await using rig = await openRig({ drainMs: 20_000, script: { voice: async () => {
    await gate.promise
    return { speechSeconds: 0, wav: null }
  } } })
  const running = await rig.characters.create(createRequest())
  await expect.poll(() => rig.lens.calls.at(-1)).toBe('voice')
  const waiting = await rig.characters.create(createRequest({ isForced: true }))
  const drained = rig.characters.drain()
  expect(await codeOf(waiting.done)).toBe('shutting_down')
  gate.resolve()
  expect(await running.done).toMatchObject({ id: running.id })
  await drained
})

test('when the service ends, what runs longer than its grace is kept for the next start, and so is what waits', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dramatis-drain-'))
  const requests = ['a', 'b'].map((name) => createRequest({ url: `https://videos.example/${name}.mp4` }))
  const open = async (options: RigOptions): Promise<Rig> => {
    const rig = await openRig({ folder, ...options })
    for (const name of ['a', 'b']) rig.videos.set(`https://videos.example/${name}.mp4`, name)
    return rig
  }
  const tickets = []
  {
    await using rig = await open({ drainMs: 50, script: { see: (_, signal) => new Promise((_, reject) => { signal.addEventListener('abort', () => reject(new Error('cut off'))) }) } })
    for (const request of requests) tickets.push(await rig.characters.create(request))
    const ends = Promise.all(tickets.map(({ done }) => codeOf(done)))
    await rig.characters.drain()
    expect(await ends).toEqual(['shutting_down', 'shutting_down'])
    expect(await codeOf(rig.characters.create(createRequest()))).toBe('shutting_down')
    expect((await rig.db.selectFrom('characters').select(['status', 'attempts']).execute()).map((row) => ({ ...row }))).toEqual([{ status: 'queued', attempts: 0 }, { status: 'queued', attempts: 0 }])
  }
  await using rig = await open({})
  await rig.characters.resume()
  const again = await Promise.all(requests.map((request) => rig.characters.create(request)))
  expect(again.map(({ id }) => id)).toEqual(tickets.map(({ id }) => id))
  expect(again.every(({ isReplay }) => isReplay)).toBe(true)
  expect((await Promise.all(again.map(({ done }) => done))).map(({ id }) => id)).toEqual(tickets.map(({ id }) => id))
  await rm(folder, { recursive: true })
})

/** Runs the service in a process of its own until it is killed or done; what it acknowledged. */
async function runUntilKilled(folder: string, step: string): Promise<{ readonly signal: NodeJS.Signals | null; readonly accepted: string | null; readonly made: string | null }> {
  const program = join(import.meta.dirname, '../../test/fixtures/crashing-service.ts')
  const child = spawn(process.execPath, [program, folder, step], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = new Promise<NodeJS.Signals | null>((resolve) => { child.on('exit', (_, signal) => resolve(signal)) })
  const [output, signal] = await Promise.all([text(child.stdout), ended])
  const said = Object.assign({ accepted: null, made: null }, ...output.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line))) as { accepted: string | null; made: string | null }
  return { signal, ...said }
}

test.each(STEPS)('killed on entering %s, then started again: the same request is one whole character, and nothing is left over', async (step) => {
  const folder = await mkdtemp(join(tmpdir(), 'dramatis-killed-'))
  const { signal, accepted, made } = await runUntilKilled(folder, step)
  expect({ signal, made }).toEqual({ signal: 'SIGKILL', made: null })
  const nobodys = join(folder, 'objects', 'char_00000000000000000000000000000000')
  await mkdir(nobodys, { recursive: true })
  await writeFile(join(nobodys, 'portrait.webp'), 'of a row that is gone')

  // The second try hears nobody speak: the sound that the first one stored would be left over.
  await using rig = await openRig({ folder, script: { voice: () => ({ speechSeconds: 0, wav: null }) } })
  expect((await rig.characters.list('local', { limit: 10, order: 'asc' })).states).toHaveLength(step === 'committed' ? 1 : 0)
  await rig.characters.resume()
  const { id, done, isReplay } = await rig.characters.create(createRequest({ options: { username: 'misty_otter' } }))
  expect({ id, isReplay }).toEqual({ id: accepted, isReplay: true })
  const character = await done
  expect(character).toMatchObject({ id: accepted, username: 'misty_otter' })
  expect((await rig.characters.list('local', { limit: 10, order: 'asc' })).states).toHaveLength(1)
  expect(await Array.fromAsync(await (await rig.characters.openMedia(character.mediaToken, 'portrait.webp')).read())).toHaveLength(1)
  const names = ['clip.mp4', 'cutout.webp', 'portrait.webp', 'reference-1.webp', 'reference-2.webp', 'reference-3.webp', ...(step === 'committed' ? ['voice.wav'] : [])]
  await expect.poll(() => rig.files('objects')).toEqual(names.map((name) => `${accepted}/${step === 'committed' ? 1 : 2}/${name}`))
  expect(await rig.files('work')).toEqual([])
  await rm(folder, { recursive: true })
})

test('a request that twice ends the process fails, and is not tried a third time', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'dramatis-poison-'))
  const first = await runUntilKilled(folder, 'stored')
  expect((await runUntilKilled(folder, 'stored')).signal).toBe('SIGKILL')
  await using rig = await openRig({ folder })
  await rig.characters.resume()
  await expect.poll(() => rig.characters.find('local', first.accepted ?? '')).toMatchObject({ at: 'failed', error: { code: 'lens_failed', details: { reason: 'service_stopped' } } })
  await expect.poll(() => rig.files('objects')).toEqual([])
  expect(await usernames(rig)).toEqual([])
  await rm(folder, { recursive: true })
})
