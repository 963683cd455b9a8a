import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { CLIP_URL, codeOf, createRequest, openRig, subject } from '../../test/support/character-rig.ts'
import { STEPS } from '../domain/character.ts'
import { AppError } from '../domain/errors.ts'
import { sha256 } from '../runtime/sha256.ts'

const textOf = async (chunks: AsyncIterable<Uint8Array>): Promise<string> => Buffer.concat(await Array.fromAsync(chunks)).toString()

test('a window becomes a character with pictures, clip and sound behind its token', async () => {
  await using rig = await openRig()
  const { id, done, isReplay } = await rig.characters.create(createRequest())
  const character = await done
  expect(isReplay).toBe(false)
  expect(character).toMatchObject({
    id, account: 'local', kind: 'animal', revision: 1, references: 3, hasCutout: true, hasVoice: true, clipSha256: sha256('the video'),
    window: { startMs: 1000, endMs: 3000, chosenBy: 'caller', isClamped: false },
    source: { type: 'url', host: 'videos.example', container: 'mp4', width: 1920, height: 1080, durationMs: 12_480 }, warnings: [],
  })
  expect(character.username).toMatch(/^[a-z][a-z0-9_]{2,15}$/)
  expect(await rig.characters.find('local', `@${character.username.toUpperCase()}`)).toMatchObject({ at: 'completed', character })
  const names = ['portrait.webp', 'cutout.webp', 'reference-1.webp', 'reference-2.webp', 'reference-3.webp', 'clip.mp4', 'voice.wav']
  const stored = await Promise.all(names.map(async (name) => {
    const { contentType, bytes, sha256, read } = await rig.characters.openMedia(character.mediaToken, name)
    return { name, contentType, bytes, sha256, text: await textOf(await read()) }
  }))
  expect(stored.map(({ text }) => text)).toEqual(['portrait', 'cutout', 'reference 1', 'reference 2', 'reference 3', 'the video', 'sound'])
  expect(stored.at(-1)).toMatchObject({ contentType: 'audio/wav', bytes: 5, sha256: sha256('sound') })
  const part = await rig.characters.openMedia(character.mediaToken, 'clip.mp4')
  expect(await textOf(await part.read({ start: 4, end: 7 }))).toBe('vid')
})

test('every job enters every step in order, and asks the lens in the order of its protocol', async () => {
  await using rig = await openRig()
  await (await rig.characters.create(createRequest())).done
  expect(rig.steps).toEqual(STEPS)
  expect(rig.lens.calls).toEqual(['window', 'see', 'portrait', 'cutout', 'references', 'identity', 'voice'])
  expect(rig.lens).toMatchObject({ opened: 1, closed: 1 })
  expect(await rig.files('work')).toEqual([])
})

test('the evidence says what was read, seen and chosen, and why', async () => {
  await using rig = await openRig()
  const { id, done } = await rig.characters.create(createRequest())
  await done
  const evidence = await rig.characters.evidence('local', id)
  expect(evidence).toMatchObject({
    frames: 16, subjects: [subject()], chosen: { subject: 's1', why: 'the only subject' }, jail: 'none', speechSeconds: 1.2,
    source: { bytesRead: 9, requests: 1, floorBytes: 5, packets: 60 }, models: { eyes: 'a'.repeat(64) }, cutoutGate: { inside: 1 },
    identity: [{ model: 'eyes', of: 'track-mean', length: 3 }, { model: 'eyes', of: 'best-frame', length: 3 }],
  })
  expect(evidence.steps.map(({ step }) => step)).toEqual(STEPS.slice(0, STEPS.indexOf('publish') + 1))
})

test('vectors are kept with the model that made them', async () => {
  await using rig = await openRig()
  const { id, done } = await rig.characters.create(createRequest())
  await done
  const rows = await rig.db.selectFrom('vectors').selectAll().orderBy('of').execute()
  expect(rows).toEqual([
    { character_id: id, model: 'eyes', of: 'best-frame', bytes: new Uint8Array(Float32Array.of(4, 5, 6).buffer) },
    { character_id: id, model: 'eyes', of: 'track-mean', bytes: new Uint8Array(Float32Array.of(1, 2, 3).buffer) },
  ])
})

test('what cannot be cut out or heard, and a window that was shortened, is said', async () => {
  await using rig = await openRig({ script: {
    cutout: () => ({ picture: null, gate: { coverage: 0.1, largestPart: 0.2, undecided: 0.5, inside: 0.3 } }),
    voice: () => ({ speechSeconds: 0, wav: null }),
  } })
  const character = await (await rig.characters.create(createRequest())).done
  expect(character).toMatchObject({ hasCutout: false, hasVoice: false, warnings: [{ code: 'cutout_missing' }] })
  expect(await codeOf(rig.characters.openMedia(character.mediaToken, 'cutout.webp'))).toBe('not_found')
})

test('no subject, and a refusal of the lens, end the job with their own code and nothing stored', async () => {
  await using empty = await openRig({ script: { see: () => ({ frames: 16, subjects: [], reasons: ['blank'], models: {} }) } })
  await expect((await empty.characters.create(createRequest())).done).rejects.toMatchObject({ code: 'no_character_found', details: { reasons: ['blank'] } })
  await using refused = await openRig({ script: { window: () => { throw new AppError('media_unsupported', { details: { reads: ['MP4'] } }) } } })
  const { id, done } = await refused.characters.create(createRequest())
  await expect(done).rejects.toMatchObject({ code: 'media_unsupported' })
  expect(await refused.characters.find('local', id)).toMatchObject({ at: 'failed', error: { code: 'media_unsupported', details: { reads: ['MP4'] } } })
  expect(await refused.files('objects')).toEqual([])
  expect(await refused.files('work')).toEqual([])
})

test('a bug is an internal error that says nothing of itself', async () => {
  await using rig = await openRig({ script: { see: () => { throw new TypeError('cannot read /secret/path') } } })
  const { id, done } = await rig.characters.create(createRequest())
  await expect(done).rejects.toMatchObject({ code: 'internal_error' })
  expect(JSON.stringify(await rig.characters.find('local', id))).not.toContain('secret')
})

const seesPersonToo = () => ({ frames: 16, subjects: [subject(), subject({ id: 's2', kind: 'person', rank: 0.5 })], reasons: [], models: {} })

test.each([
  ['reject', null, 'person_not_allowed'],
  ['consent', null, 'consent_required'],
  ['consent', { basis: 'permission', by: 'Ana', atMs: 1, note: null }, null],
  ['allow', null, null],
] as const)('policy %s with consent %j for a person beside the chosen subject: %s', async (humanPolicy, consent, code) => {
  await using rig = await openRig({ humanPolicy, script: { see: seesPersonToo } })
  expect(await codeOf((await rig.characters.create(createRequest({ options: { consent } }))).done)).toBe(code)
})

test('a chosen name is held from the request on, refused to others with free ones near it, and free again when the job fails', async () => {
  await using rig = await openRig()
  const first = await rig.characters.create(createRequest({ options: { username: 'misty_otter' } }))
  const second = rig.characters.create(createRequest({ options: { username: 'misty_0tter' } }))
  await expect(second).rejects.toMatchObject({ code: 'username_taken', details: { suggestions: ['misty_0tter_2', 'misty_0tter_3', 'misty_0tter_4'] } })
  expect(await first.done).toMatchObject({ username: 'misty_otter' })

  const missing = { url: 'https://videos.example/gone.mp4', options: { username: 'dune_fox' } }
  expect(await codeOf((await rig.characters.create(createRequest(missing))).done)).not.toBeNull()
  rig.videos.set(missing.url, 'back again')
  expect(await (await rig.characters.create(createRequest(missing))).done).toMatchObject({ username: 'dune_fox' })
})

test('two jobs that are given the same free name at the same moment get different ones', async () => {
  const bothHeard = Promise.withResolvers<void>()
  let heard = 0
  const voice = async () => {
    if (++heard === 2) bothHeard.resolve()
    await bothHeard.promise
    return { speechSeconds: 0, wav: null }
  }
  let drawn = 0
  const random = (): number => (drawn++ < 80 ? 0.5 : Math.random()) // enough of the same for both to be offered the same name
  await using rig = await openRig({ concurrency: 2, random, script: { voice } })
  const tickets = [await rig.characters.create(createRequest()), await rig.characters.create(createRequest({ isForced: true }))]
  const [one, other] = await Promise.all(tickets.map(({ done }) => done))
  expect(one.username).not.toBe(other.username)
  expect(await rig.characters.find('local', `@${other.username}`)).toMatchObject({ id: other.id })
})

test('the whole URL is in the row only while it is needed, and nowhere after', async () => {
  await using rig = await openRig()
  await (await rig.characters.create(createRequest())).done
  const failing = createRequest({ url: 'https://videos.example/gone.mp4?signature=very-secret' })
  await codeOf((await rig.characters.create(failing)).done)
  const rows = await rig.db.selectFrom('characters').selectAll().execute()
  expect(rows.map(({ status }) => status).toSorted()).toEqual(['completed', 'failed'])
  expect(JSON.stringify(rows)).not.toContain('very-secret')
  expect(CLIP_URL).toContain('very-secret')
})

test('an upload is taken over and gone at the end, whatever the end is', async () => {
  await using rig = await openRig()
  const path = join(rig.folder, 'uploads', 'one')
  const upload = { type: 'upload', path, sha256: sha256('uploaded') } as const
  await writeFile(path, 'uploaded')
  expect(await (await rig.characters.create(createRequest({ source: upload }))).done).toMatchObject({ source: { type: 'upload', host: null } })
  expect(await rig.files('uploads')).toEqual([])
  await writeFile(path, 'uploaded')
  expect(await rig.characters.create(createRequest({ source: upload }))).toMatchObject({ isReplay: true })
  expect(await rig.files('uploads')).toEqual([])
})

test('detect tells the subjects with pictures to choose from, and keeps nothing', async () => {
  await using rig = await openRig()
  const { signal } = new AbortController()
  const found = await rig.characters.detect({ account: 'local', source: { type: 'url', url: CLIP_URL }, window: null, traceId: null }, { signal })
  expect(found).toMatchObject({ window: { startMs: 1000, endMs: 3000, chosenBy: 'service' }, source: { host: 'videos.example' }, reasons: [] })
  expect(found.subjects).toEqual([{ subject: subject(), thumbnail: new TextEncoder().encode('thumbnail') }])
  expect(await rig.db.selectFrom('characters').selectAll().execute()).toEqual([])
  expect([...await rig.files('objects'), ...await rig.files('work')]).toEqual([])
})
