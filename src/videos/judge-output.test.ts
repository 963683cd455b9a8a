import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { makeClip } from '../../test/fixtures/make-clip.ts'
import { memorySource } from '../../test/fixtures/memory-source.ts'
import { silent } from '../../test/support/lenses.ts'
import { scriptedBackend } from '../../test/support/scripted-backend.ts'
import { openVideoRig, videoRequest } from '../../test/support/video-rig.ts'
import { MODELS_FOLDER } from '../app/compose.ts'
import { startLenses, type Lenses } from '../jail/lenses.ts'
import { judgeOutput, type Judgement } from './judge-output.ts'

let lenses: Lenses
let clip: Uint8Array
beforeAll(async () => {
  clip = await makeClip({ scene: 'toy', seconds: 2 })
  lenses = await startLenses({ processes: 2, modelsFolder: MODELS_FOLDER, log: silent })
})
afterAll(() => lenses[Symbol.asyncDispose]())

const judge = (bytes: Uint8Array): Promise<Judgement> => judgeOutput(memorySource(bytes), { lenses, deadlineMs: 10_000, signal: new AbortController().signal })
const text = (words: string): Uint8Array => new TextEncoder().encode(words.padEnd(5000))

test('a lens says what a video is, and makes a thumbnail and a sheet of it', async () => {
  const { thumbnail, spritesheet, ...facts } = await judge(clip)
  expect(facts).toEqual({ extension: 'mp4', width: 320, height: 180, durationMs: 2000 })
  expect(Buffer.from(thumbnail.subarray(8, 12)).toString()).toBe('WEBP')
  expect(Buffer.from(spritesheet.subarray(0, 2)).toString('hex')).toBe('ffd8')
})

test.each([
  ['a page', () => text('<!doctype html><html><body>Please log in'), 'it is not a video'],
  ['sound alone', () => makeClip({ hasVideo: false, sound: 'aac', seconds: 1 }), 'it has no pictures'],
] as const)('%s is no video', async (_, bytes, reason) => {
  await expect(judge(await bytes())).rejects.toMatchObject({ code: 'output_invalid', message: expect.stringContaining(reason) })
})

test('a video that was cut off ends as what it is, with nothing kept', async () => {
  await using rig = await openVideoRig({ lenses, backends: [scriptedBackend({ onOpen: async function* () { yield clip.subarray(0, clip.length / 3) } })] })
  const { id } = await rig.videos.submit(videoRequest())
  expect((await rig.ended(id)).state).toMatchObject({ at: 'failed', error: { code: 'output_invalid' } })
  expect(await rig.files('objects')).toEqual([])
})

test('a picture of the caller is decoded and encoded anew on its way', async () => {
  const remote = scriptedBackend({ onOpen: async function* () { yield clip }, capabilities: { kinds: { image: { max: 6, mimes: ['image/png'] } }, imageForm: 'white' } })
  await using rig = await openVideoRig({ lenses, backends: [remote] })
  const path = join(rig.folder, 'uploads', 'one')
  await writeFile(path, await sharp({ create: { width: 40, height: 20, channels: 3, background: 'red' } }).jpeg().withExif({ IFD0: { Artist: 'Ana' } }).toBuffer())
  await rig.ended((await rig.videos.submit(videoRequest({ pictures: [{ type: 'upload', path, sha256: 'aa' }] }))).id)
  const [{ firstFrame }] = remote.taken
  const picture = Buffer.from(firstFrame?.bytes ?? [])
  expect([firstFrame?.mime, picture.subarray(1, 4).toString(), picture.includes('Ana')]).toEqual(['image/png', 'PNG', false])
})

test('a whole one is kept as it came', async () => {
  await using rig = await openVideoRig({ lenses, backends: [scriptedBackend({ onOpen: async function* () { yield clip } })] })
  const { id } = await rig.videos.submit(videoRequest({ seconds: 2 }))
  expect(await rig.ended(id)).toMatchObject({ state: { at: 'completed', width: 320, height: 180, durationMs: 2000 }, warnings: [{ code: 'backend_said' }] })
  const content = await rig.videos.openContent('local', id, 'video')
  expect(Buffer.concat(await Array.fromAsync(await content.read())).equals(clip)).toBe(true)
  const verification = await rig.videos.verify('local', id, { signal: new AbortController().signal, traceId: null })
  expect(verification).toMatchObject({ characters: [], models: [] })
})
