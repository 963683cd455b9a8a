import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { codeOf } from '../../test/support/character-rig.ts'
import { scriptedBackend, type Script } from '../../test/support/scripted-backend.ts'
import { openVideoRig, videoRequest, type VideoRig, type VideoRigOptions } from '../../test/support/video-rig.ts'
import { AppError } from '../domain/errors.ts'
import type { Video } from '../domain/video.ts'
import type { VideoRequest } from './videos.ts'

const rigOf = (script: Script, options: VideoRigOptions = {}): Promise<VideoRig> => openVideoRig({ backends: [scriptedBackend(script), scriptedBackend({ name: 'spare', model: 'other', capabilities: { operations: ['edit', 'extend'] } })], ...options })

async function make(rig: VideoRig, request: Partial<VideoRequest>): Promise<Video> {
  const { id } = await rig.videos.submit(videoRequest(request))
  return rig.ended(id)
}

/** The refusal, which a dry run gives to the letter. Nothing is kept of either. */
async function refusal(rig: VideoRig, request: Partial<VideoRequest>): Promise<unknown> {
  const count = async (): Promise<number> => (await rig.db.selectFrom('videos').select('id').execute()).length
  const before = await count()
  const [planned, submitted] = await Promise.all([rig.videos.plan, rig.videos.submit].map((ask) => ask(videoRequest(request)).then(() => null, facts)))
  expect(submitted).toEqual(planned)
  expect(await count()).toBe(before)
  return planned
}

const facts = (error: unknown): unknown => (error instanceof AppError ? { code: error.code, param: error.param, ...error.details } : error)

test('size and length are what the backend makes, near to what was meant', async () => {
  await using rig = await rigOf({ capabilities: { sizes: ['848x480', '1280x720', '720x1280', '480x848'], seconds: [5, 10] } })
  const shape = async (request: Partial<VideoRequest>) => {
    const { rendered } = await rig.videos.plan(videoRequest(request))
    return [rendered.size, rendered.seconds]
  }
  expect(await shape({})).toEqual(['720x1280', 5])
  expect(await shape({ orientation: 'landscape', seconds: 10 })).toEqual(['1280x720', 10])
  expect(await shape({ size: '480x848', orientation: 'landscape' })).toEqual(['480x848', 5])
  await using wide = await rigOf({ capabilities: { sizes: ['848x480', '1920x1080'], seconds: { min: 6, max: 8 } } })
  expect((await wide.videos.plan(videoRequest())).rendered).toMatchObject({ size: '848x480', seconds: 6 })
  expect(await refusal(wide, { orientation: 'portrait' })).toMatchObject({ code: 'invalid_parameter', param: 'orientation', allowed: ['848x480', '1920x1080'] })
  expect(await refusal(wide, { size: '720x1280' })).toMatchObject({ code: 'invalid_parameter', param: 'size', allowed: ['848x480', '1920x1080'], nearest: '848x480' })
  expect(await refusal(wide, { seconds: 20 })).toMatchObject({ code: 'invalid_parameter', param: 'seconds', nearest: 8 })
})

test('everything a request can say wrong is said before a row is written', async () => {
  await using rig = await rigOf({ capabilities: { maxCharacters: 1, promptMax: 60, faces: 'refused', firstFrame: 'none', kinds: {}, maxReferences: 0 } })
  await rig.plant('misty_otter')
  await rig.plant('dune_fox')
  await rig.plant('ana', { kind: 'person' })
  await rig.plant('hidden', { account: 'other' })
  const waiting = await rig.begin()
  expect(await refusal(rig, { model: 'nothing' })).toMatchObject({ code: 'model_not_found', known: ['scripted-1', 'other', 'scripted', 'spare'] })
  expect(await refusal(rig, { prompt: '@nobody runs' })).toMatchObject({ code: 'character_not_found', param: 'prompt' })
  expect(await refusal(rig, { prompt: '@hidden runs' })).toMatchObject({ code: 'character_not_found', param: 'prompt' })
  expect(await refusal(rig, { characters: ['nobody'] })).toMatchObject({ code: 'character_not_found', param: 'characters' })
  expect(await refusal(rig, { characters: [waiting] })).toMatchObject({ code: 'character_not_ready' })
  expect(await refusal(rig, { prompt: '@misty_otter and @dune_fox' })).toMatchObject({ code: 'too_many_characters', limit: 1, asked: 2 })
  expect(await refusal(rig, { prompt: '@misty_otter', pending: [waiting] })).toMatchObject({ code: 'too_many_characters', limit: 1, asked: 2 })
  expect(await refusal(rig, { prompt: 'x'.repeat(61) })).toMatchObject({ code: 'prompt_too_long', limit: 60, asked: 61 })
  expect(await refusal(rig, { prompt: '@ana runs' })).toMatchObject({ code: 'faces_refused', known: ['spare'] })
  expect(await refusal(rig, { pictures: [{ type: 'url', url: 'https://pictures.example/a.png' }] })).toMatchObject({ code: 'reference_unsupported', known: ['spare'] })
  expect(await refusal(rig, { prompt: '' })).toMatchObject({ param: 'prompt' })
})

test('what refuses some of the pictures is not named as what would take them', async () => {
  await using rig = await rigOf({ capabilities: { maxReferences: 1, firstFrame: 'none' } })
  const pictures = ['a', 'b'].map((name) => ({ type: 'url', url: `https://pictures.example/${name}.png` } as const))
  expect(await refusal(rig, { pictures })).toMatchObject({ code: 'reference_unsupported', limit: 1, asked: 2, known: ['spare'] })
})

test('a model of a service that is not here is made by the first backend, and said', async () => {
  await using rig = await rigOf({})
  const { warnings, model } = await rig.videos.plan(videoRequest({ model: 'sora-2-pro' }))
  expect([model, warnings.map(({ code }) => code)]).toEqual(['scripted-1', ['model_substituted']])
  expect((await make(rig, { model: 'sora-2' })).warnings).toMatchObject([{ code: 'model_substituted' }])
  expect((await make(rig, { model: 'spare' }))).toMatchObject({ backend: 'spare', model: 'other', warnings: [] })
})

test('a remix takes over the model, shape and cast, unless the new words say otherwise', async () => {
  await using rig = await rigOf({})
  await rig.plant('misty_otter')
  await rig.plant('dune_fox')
  const first = await make(rig, { prompt: '@misty_otter runs', model: 'other', size: '848x480', seconds: 9 })
  const from = { id: first.id, how: 'remix' } as const
  expect(await make(rig, { prompt: 'at night', from })).toMatchObject({ backend: 'spare', model: 'other', size: '848x480', seconds: 9, remixedFrom: first.id, characters: [{ username: 'misty_otter', mentions: [] }] })
  expect(await make(rig, { prompt: '@dune_fox too', seconds: 2, orientation: 'portrait', model: 'scripted', from })).toMatchObject({ backend: 'scripted', size: '720x1280', seconds: 2, characters: [{ username: 'dune_fox' }] })
})

test('edits and extensions go to the backend of the video, where it can', async () => {
  await using rig = await rigOf({})
  const [plain, able] = [await make(rig, {}), await make(rig, { model: 'other', seconds: 5 })]
  for (const how of ['edit', 'extend'] as const) {
    expect(await refusal(rig, { from: { id: plain.id, how } })).toMatchObject({ code: 'operation_unsupported', operation: how, known: ['spare'] })
  }
  expect(await make(rig, { from: { id: able.id, how: 'edit' } })).toMatchObject({ seconds: 5, remixedFrom: able.id, state: { at: 'completed' } })
  expect(await make(rig, { from: { id: able.id, how: 'extend' }, seconds: 3 })).toMatchObject({ seconds: 8 })
  expect(await make(rig, { from: { id: able.id, how: 'extend' } })).toMatchObject({ seconds: 9 })
  expect(await refusal(rig, { from: { id: able.id, how: 'extend' }, seconds: 8 })).toMatchObject({ code: 'invalid_parameter', param: 'seconds', asked: 13, nearest: 12 })
})

const from = (id: string) => ({ from: { id, how: 'edit' } as const })

test('what a video is made from must be there, finished, and the caller\'s own', async () => {
  const gate = Promise.withResolvers<void>()
  await using rig = await rigOf({ onSubmit: (_, { caption }) => {
    if (caption === 'wait') return gate.promise
    if (caption === 'fail') throw new AppError('backend_rejected', { details: { said: 'no' } })
  } })
  const failed = await make(rig, { prompt: 'fail' })
  const unfinished = await rig.videos.submit(videoRequest({ prompt: 'wait' }))
  const foreign = await make(rig, { account: 'other' })
  expect(await refusal(rig, from(failed.id))).toEqual({ code: 'video_failed', param: null })
  expect(await refusal(rig, from(unfinished.id))).toEqual({ code: 'video_not_ready', param: null })
  for (const id of [foreign.id, 'video_nonsense']) expect(await refusal(rig, from(id))).toEqual({ code: 'video_not_found', param: 'video' })
  expect(await refusal(rig, { from: { id: 'video_nonsense', how: 'remix' } })).toEqual({ code: 'video_not_found', param: null }) // it stands in the address
  gate.resolve()
  await rig.ended(unfinished.id)
})

test('a picture that came as a file is taken over by a dry run and a refusal too', async () => {
  await using rig = await rigOf({}, { limits: { pictureBytes: 10 } })
  const path = join(rig.folder, 'uploads', 'one')
  for (const [ask, text, code] of [[rig.videos.plan, 'short', null], [rig.videos.submit, 'more than ten bytes', 'request_too_large'], [rig.videos.plan, 'more than ten bytes', 'request_too_large']] as const) {
    await writeFile(path, text)
    expect(await codeOf(ask(videoRequest({ pictures: [{ type: 'upload', path, sha256: 'aa' }] })))).toBe(code)
    expect(await rig.files('uploads')).toEqual([])
  }
  expect(await rig.files('objects')).toEqual([])
})
