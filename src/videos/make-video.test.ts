import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DONE, OUTPUT, scriptedBackend } from '../../test/support/scripted-backend.ts'
import { openVideoRig, videoRequest } from '../../test/support/video-rig.ts'
import { VIDEO_STEPS } from '../domain/video.ts'
import { sha256 } from '../runtime/sha256.ts'

const textOf = async (chunks: AsyncIterable<Uint8Array>): Promise<string> => Buffer.concat(await Array.fromAsync(chunks)).toString()

test('a prompt becomes a video: rendered for its backend, followed, judged and kept', async () => {
  const remote = scriptedBackend({ onStatus: (asked) => ([{ at: 'queued' }, { at: 'running', progress: 50 }, { at: 'running', progress: 30 }] as const)[asked - 1] ?? { ...DONE, warnings: [{ code: 'backend_said', message: 'hot' }] } })
  await using rig = await openVideoRig({ backends: [remote] })
  const [otter, fox] = [await rig.plant('misty_otter', { hasVoice: true }), await rig.plant('dune_fox')]
  const accepted = await rig.videos.submit(videoRequest({ prompt: '@misty_otter hands @dune_fox a letter', seed: 7 }))
  expect(accepted).toMatchObject({ state: { at: 'queued' }, backend: 'scripted', model: 'scripted-1', size: '720x1280', seconds: 4, compiledPrompt: null, remixedFrom: null, verification: null })
  const video = await rig.ended(accepted.id)
  expect(video).toMatchObject({
    state: { at: 'completed', width: 720, height: 1280, durationMs: 4000 }, prompt: '@misty_otter hands @dune_fox a letter', compiledPrompt: expect.stringMatching(/^Image 1\b.* hands .*Image 3\b/),
    characters: [{ id: otter, username: 'misty_otter', revision: 1, mentions: [[0, 12]] }, { id: fox, username: 'dune_fox', mentions: [[19, 28]] }],
    warnings: [{ code: 'backend_said', message: 'hot' }],
  })
  const [request] = remote.taken
  expect(request).toMatchObject({ videoId: video.id, model: 'scripted-1', firstFrame: null, caption: video.prompt, language: 'en', shot: { prompt: video.compiledPrompt, size: '720x1280', seconds: 4, seed: 7 } })
  expect(request.references.map(({ kind, n, mime, bytes }) => [kind, n, mime, Buffer.from(bytes).toString()])).toEqual([
    ['image', 1, 'image/webp', 'misty_otter portrait.webp'], ['image', 2, 'image/webp', 'misty_otter reference-2.webp'], ['audio', 1, 'audio/wav', 'misty_otter voice.wav'],
    ['image', 3, 'image/webp', 'dune_fox portrait.webp'], ['image', 4, 'image/webp', 'dune_fox reference-2.webp'],
  ])
  expect(rig.steps).toEqual(VIDEO_STEPS)
  expect(rig.lensCalls.map(({ name }) => name)).toEqual(['inspect']) // pictures that are taken as they are pass through untouched
  expect(await rig.files('objects')).toEqual(['spritesheet.jpg', 'thumbnail.webp', 'video.mp4'].map((name) => `${video.id}/1/${name}`))
  const content = await rig.videos.openContent('local', video.id, 'video')
  expect(content).toMatchObject({ contentType: 'video/mp4', bytes: OUTPUT.length, sha256: sha256(OUTPUT) })
  expect(await textOf(await content.read())).toBe(OUTPUT)
  expect(await textOf(await content.read({ start: 2, end: 10 }))).toBe('finished')
  expect(await rig.videos.openContent('local', video.id, 'thumbnail')).toMatchObject({ contentType: 'image/webp' })
  expect(await rig.videos.openContent('local', video.id, 'spritesheet')).toMatchObject({ contentType: 'image/jpeg' })
  expect(await rig.videos.fileOf('local', video.id, 'from_task')).toEqual({ id: video.id, file: { name: 'video.mp4', key: `${video.id}/1/video.mp4`, bytes: OUTPUT.length, sha256: sha256(OUTPUT) } })
  await rig.videos.drain()
  expect(remote.cancelled).toHaveLength(1) // it may forget it now
  expect([...await rig.files('work'), ...await rig.files('uploads')]).toEqual([])
})

test('what happens is told in order, and progress never falls', async () => {
  const remote = scriptedBackend({ onStatus: (asked) => ([{ at: 'running', progress: 50 }, { at: 'running', progress: 30 }, { at: 'running', progress: null }, { at: 'running', progress: 900 }] as const)[asked - 1] ?? DONE })
  await using rig = await openVideoRig({ backends: [remote] })
  const { id } = await rig.videos.submit(videoRequest())
  const video = await rig.ended(id)
  const told = rig.happened.map((happening) => (happening.type === 'video.progress' ? happening.progress : happening.type))
  // 49: half of the way from following to fetching.
  expect(told).toEqual(['video.queued', 1, 2, 4, 49, 94, 97, 99, 'video.completed'])
  expect(rig.happened.at(-1)).toMatchObject({ account: 'local', id, video })
})

test('a picture of the caller goes through a lens, whatever it is, and is gone at the end', async () => {
  const remote = scriptedBackend({ capabilities: { kinds: { image: { max: 6, mimes: ['image/png', 'image/webp'] } } } })
  await using rig = await openVideoRig({ backends: [remote] })
  const path = join(rig.folder, 'uploads', 'one')
  await writeFile(path, 'uploaded picture')
  rig.pictures.set('https://pictures.example/a.jpg?signature=very-secret', 'fetched picture')
  const pictures = [{ type: 'upload', path, sha256: 'aa' }, { type: 'url', url: 'https://pictures.example/a.jpg?signature=very-secret' }] as const
  const { id } = await rig.videos.submit(videoRequest({ pictures }))
  expect(await rig.files('uploads')).toEqual([])
  expect((await rig.ended(id)).state.at).toBe('completed')
  const [{ firstFrame, references }] = remote.taken
  expect({ ...firstFrame, bytes: String(firstFrame && Buffer.from(firstFrame.bytes)) }).toEqual({ mime: 'image/png', bytes: 'uploaded picture as png' })
  expect(references.map(({ mime, bytes }) => [mime, Buffer.from(bytes).toString()])).toEqual([['image/png', 'fetched picture as png']])
  await rig.videos.drain()
  expect(await rig.files('objects')).toHaveLength(3)
  expect(JSON.stringify(await rig.db.selectFrom('videos').selectAll().execute())).not.toContain('very-secret')
})

test('a picture that the backend does not take as it is, or wants on white, is turned into one that it takes', async () => {
  const plain = scriptedBackend({ name: 'plain', model: 'plain', capabilities: { kinds: { image: { max: 6, mimes: ['image/jpeg'] } } } })
  const white = scriptedBackend({ name: 'white', model: 'white', capabilities: { imageForm: 'white', perCharacter: 1 } })
  await using rig = await openVideoRig({ backends: [plain, white] })
  await rig.plant('dune_fox')
  for (const model of ['plain', 'white']) {
    const { id } = await rig.videos.submit(videoRequest({ prompt: '@dune_fox runs', model, size: '848x480' }))
    expect((await rig.ended(id)).state.at).toBe('completed')
  }
  const sent = [plain, white].map(({ taken: [{ references: [{ mime, bytes }] }] }) => [mime, Buffer.from(bytes).toString()])
  expect(sent).toEqual([['image/jpeg', 'dune_fox portrait.webp as jpeg'], ['image/webp', 'dune_fox cutout.webp as webp']])
  expect(rig.lensCalls.filter(({ name }) => name === 'picture').map(({ asks }) => asks)).toEqual([
    expect.objectContaining({ format: 'jpeg', onWhite: null }), expect.objectContaining({ format: 'jpeg', onWhite: null }), expect.objectContaining({ format: 'webp', onWhite: { width: 848, height: 480 } }),
  ])
})

test('what is not quite what was asked for is said', async () => {
  await using rig = await openVideoRig({ lens: { inspect: () => ({ container: 'webm', codec: 'vp9', width: 480, height: 848, durationMs: 2000, hasSound: true, thumbnail: new Uint8Array(1), spritesheet: new Uint8Array(1) }) } })
  const { id } = await rig.videos.submit(videoRequest())
  expect(await rig.ended(id)).toMatchObject({
    warnings: [{ code: 'backend_said', message: 'It was asked for 720x1280 and made 480x848.' }, { code: 'backend_said', message: 'It was asked for 4 s and made 2 s.' }],
    state: { at: 'completed', width: 480, height: 848, durationMs: 2000 },
  })
  expect(await rig.videos.openContent('local', id, 'video')).toMatchObject({ contentType: 'video/webm' })
})
