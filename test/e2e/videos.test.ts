import { execFile } from 'node:child_process'
import { createReadStream } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { ALL_FORMATS, BufferSource, Input } from 'mediabunny'
import OpenAI from 'openai'
import OpenAI6 from 'openai-6'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { videoResource, type VideoResource } from '../../src/http/schemas/video.ts'
import { makeClip } from '../fixtures/make-clip.ts'
import { browserProgram, openBrowser } from '../support/browser.ts'
import { answerOf, createNative, createSeed, filesBelow, get, postJson, refusalOf } from '../support/client.ts'
import { startFileServer, type FileServer } from '../support/file-server.ts'
import { official } from '../support/official-schema.ts'
import { startService, type RunningService } from '../support/service.ts'
import { startWebhookReceiver, type WebhookReceiver } from '../support/webhook-receiver.ts'

/** From a clip to a video that plays, through the whole program and its embedded backend, by the official clients. */

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
/** A machine with other work takes its time over several previews. */
const SLOW_MS = 120_000

let folder: string
let files: FileServer
let hooks: WebhookReceiver
let service: RunningService
let client: OpenAI

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dramatis-videos-'))
  for (const [name, scene] of [['a.mp4', 'toy'], ['b.mp4', 'toy']] as const) await writeFile(join(folder, name), await makeClip({ scene, seconds: 3, ...(name === 'b.mp4' && { width: 360, height: 200 }) }))
  files = await startFileServer(folder)
  hooks = await startWebhookReceiver()
  service = await startService({ environment: { LENS_PROCESSES: '2', FETCH_ALLOW: `${files.host},${hooks.pair}` } })
  client = new OpenAI({ apiKey: 'any', baseURL: `${service.url}/v1` })
  for (const name of ['a', 'b']) {
    const ours = { timestamps: '0,2', username: `${name}${name}` }
    await client.videos.createCharacter({ name, video: createReadStream(join(folder, `${name}.mp4`)), ...ours })
  }
})
afterAll(async () => {
  await service[Symbol.asyncDispose]()
  await files[Symbol.asyncDispose]()
  await hooks[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const finished = (id: string): Promise<VideoResource> => pollUntilDone(service, id)

async function pollUntilDone(at: RunningService, id: string): Promise<VideoResource> {
  for (;;) {
    const video = await get(at, `/v1/videos/${id}`, videoResource)
    if (video.status === 'completed' || video.status === 'failed') return video
    await sleep(50)
  }
}
const bytesAt = async (path: string): Promise<Buffer> => Buffer.from(await (await fetch(`${service.url}${path}`)).arrayBuffer())

describe('a prompt with two characters', () => {
  const prompt = '@aa hands @bb a letter，＠aa笑了'
  let video: VideoResource
  beforeAll(async () => {
    const answer = await answerOf(await postJson(service, '/v1/videos', { prompt, size: '1280x720', seconds: 2 }), videoResource)
    video = await finished(answer.id)
  })

  test('is a video by the embedded backend that says what it is, with the spans of who was called', () => {
    expect(video).toMatchObject({ status: 'completed', progress: 100, model: 'animatic', backend: 'animatic', prompt, size: '1280x720', seconds: '2', error: null })
    expect(video.characters).toMatchObject([{ username: 'aa', mentions: [[0, 3], [23, 26]] }, { username: 'bb', mentions: [[10, 13]] }])
    expect(prompt.slice(23, 26)).toBe('＠aa')
    expect(video.warnings.map(({ code }) => code)).toContain('preview_only')
  })

  test('is an MP4 of the length and size asked for, by range too', async () => {
    const whole = await bytesAt(`/v1/videos/${video.id}/content`)
    using input = new Input({ source: new BufferSource(whole), formats: ALL_FORMATS })
    const track = await input.getPrimaryVideoTrack()
    expect([await track?.getDisplayWidth(), await track?.getDisplayHeight()]).toEqual([1280, 720])
    expect(await input.computeDuration()).toBeCloseTo(2, 1)
    const part = await fetch(`${service.url}/v1/videos/${video.id}/content`, { headers: { range: 'bytes=4-7' } })
    expect([part.status, await part.text()]).toEqual([206, 'ftyp'])
    expect(Buffer.from(await (await client.videos.downloadContent(video.id)).arrayBuffer())).toEqual(whole)
  })

  test('has a thumbnail and a sprite sheet', async () => {
    expect(await sharp(await bytesAt(`/v1/videos/${video.id}/content?variant=thumbnail`)).metadata()).toMatchObject({ format: 'webp', width: 512, height: 288 })
    expect(await sharp(await bytesAt(`/v1/videos/${video.id}/content?variant=spritesheet`)).metadata()).toMatchObject({ format: 'jpeg' })
  })

  test.skipIf(browserProgram === null)('plays in a browser to its end', async () => {
    await using browser = await openBrowser()
    const page = await browser.newPage()
    const played = await page.evaluate(async (source) => {
      const player = document.createElement('video')
      Object.assign(player, { muted: true, src: source })
      document.body.append(player)
      await new Promise((resolve, reject) => {
        player.addEventListener('ended', resolve)
        player.addEventListener('error', () => reject(new Error(player.error?.message)))
        void player.play()
      })
      return { width: player.videoWidth, seconds: player.duration, frames: player.getVideoPlaybackQuality().totalVideoFrames }
    }, `${service.url}/v1/videos/${video.id}/content`)
    expect(played).toMatchObject({ width: 1280, seconds: expect.closeTo(2, 1) })
    expect(played.frames).toBeGreaterThan(20)
  })

  test('verified: who is called is in it, frame by frame, and that stays with the video', async () => {
    const alone = await finished((await client.videos.create({ prompt: '@aa alone', seconds: '2' as '4', size: '1280x720' })).id)
    const verification = await (await postJson(service, `/v1/videos/${alone.id}/verify`, {})).json()
    expect(verification).toMatchObject({ object: 'video.verification', video_id: alone.id, characters: [{ username: 'aa', verdict: 'same' }] })
    expect(verification.characters[0].frames.length).toBeGreaterThan(3)
    expect((await finished(alone.id)).verification).toEqual(verification)
  }, SLOW_MS)

  test('is a source of characters: by the native door, and by the old one with a dead address beside it', async () => {
    const made = await createNative(service, { from_task: video.id, timestamps: '0,2' })
    expect(made.source).toMatchObject({ type: 'video', host: null, width: 1280 })
    const seeded = await createSeed(service, { url: 'https://gone.invalid/v.mp4', from_task: video.id, timestamps: '0,2', model: 'sora-2' })
    expect(seeded.id).toBe(made.id)
    expect(await refusalOf(await postJson(service, '/v1/characters', { from_task: 'video_0193f0c2a4b47d6e8f00112233445566' }))).toMatchObject({ code: 'video_not_found', param: 'from_task' })
  })

  test('can be remixed, edited and extended, and deleted with all its files', async () => {
    const remixed = await finished((await client.videos.remix(video.id, { prompt: 'at night' })).id)
    expect(remixed).toMatchObject({ status: 'completed', remixed_from_video_id: video.id, size: '1280x720' })
    expect(remixed.characters.map(({ username }) => username)).toEqual(['aa', 'bb'])
    const edited = await finished((await client.videos.edit({ prompt: 'in the rain', video: { id: video.id } })).id)
    expect(edited).toMatchObject({ status: 'completed', remixed_from_video_id: video.id })
    const extended = await finished((await client.videos.extend({ prompt: '@aa leaves', seconds: '4', video: { id: video.id } })).id)
    expect(extended).toMatchObject({ status: 'completed', seconds: '6' })
    expect(await filesBelow(service, `objects/${remixed.id}`)).toHaveLength(3)
    expect(await client.videos.delete(remixed.id)).toEqual({ id: remixed.id, object: 'video.deleted', deleted: true })
    expect(await filesBelow(service, `objects/${remixed.id}`)).toEqual([])
    await expect(client.videos.retrieve(remixed.id)).rejects.toMatchObject({ status: 404, code: 'video_not_found' })
  }, SLOW_MS)
})

describe.each([['7', OpenAI], ['6', OpenAI6]])('the official client, version %s', (_version, Client) => {
  test('its ten methods, and what they answer is what its makers published', async () => {
    const { videos } = new Client({ apiKey: 'any', baseURL: `${service.url}/v1` }) as OpenAI // these methods are the same in both
    const ours = { timestamps: '0,2' }
    const made = official('character', await videos.createCharacter({ name: 'A toy', video: createReadStream(join(folder, 'a.mp4')), ...ours }))
    expect(official('character', await videos.getCharacter(made.id ?? ''))).toMatchObject({ id: made.id, name: 'A toy' })
    const { id } = official('video', await videos.create({ prompt: '@aa at the sea', seconds: '4', size: '720x1280' }))
    await finished(id)
    expect(official('video', await videos.retrieve(id))).toMatchObject({ status: 'completed', size: '720x1280', seconds: '4' })
    expect(Buffer.from(await (await videos.downloadContent(id)).arrayBuffer()).subarray(4, 8).toString()).toBe('ftyp')
    const more = [
      await videos.remix(id, { prompt: 'at night' }), await videos.edit({ prompt: 'in the rain', video: { id } }), await videos.extend({ prompt: 'and leaves', seconds: '4', video: { id } }),
    ].map((video) => official('video', video))
    expect(more.map(({ remixed_from_video_id, seconds }) => [remixed_from_video_id, seconds])).toEqual([[id, '4'], [id, '4'], [id, '8']])
    for (const video of more) expect((await finished(video.id)).status).toBe('completed')
    const listed: string[] = []
    for await (const video of videos.list({ limit: 2, order: 'asc' })) listed.push(official('video', video).id)
    expect(listed).toEqual(expect.arrayContaining([id, ...more.map((video) => video.id)]))
    expect(listed).toEqual(listed.toSorted())
    expect(official('deleted', await videos.delete(id))).toEqual({ id, object: 'video.deleted', deleted: true })
    await expect(videos.retrieve(id)).rejects.toMatchObject({ status: 404, code: 'video_not_found' })
    await expect(videos.create({ prompt: '@aaa waves' })).rejects.toMatchObject({ status: 400, code: 'character_not_found', param: 'prompt', error: { details: { suggestions: ['aa'] } } })
    await expect(videos.create({ prompt: 'x', model: 'veo-9' as 'sora-2' })).rejects.toMatchObject({ status: 400, code: 'model_not_found' })
  }, SLOW_MS)
})

test('what becomes of a video is streamed as it happens, and told to a webhook that the official clients believe', async () => {
  const { signing_secret: secret } = await client.webhooks.create({ name: 'test', url: hooks.url, event_types: ['video.completed'] })
  const { id } = await client.videos.create({ prompt: '@bb', seconds: '4', size: '1280x720' })
  const stream = await (await fetch(`${service.url}/v1/videos/${id}/events`)).text()
  const told = Array.from(stream.matchAll(/^event: (\S+)$/gm), ([, type]) => type)
  expect([told[0], told.at(-1)]).toEqual(['video.queued', 'video.completed'])
  expect(told).toContain('video.progress')
  const { headers, body } = await vi.waitUntil(() => hooks.received[0])
  for (const sdk of [client, new OpenAI6({ apiKey: 'any' })]) {
    expect(await sdk.webhooks.unwrap(body, new Headers(Object.entries(headers).map(([name, value]) => [name, String(value)])), secret)).toMatchObject({ object: 'event', type: 'video.completed', data: { id, status: 'completed' } })
  }
}, SLOW_MS)

test('the lines of the README make a character and a video', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8')
  const [, lines = ''] = /```ts\n(.*?)```/s.exec(readme) ?? []
  expect(lines).toContain("baseURL: 'http://127.0.0.1:7300/v1'")
  const out = join(folder, 'video.mp4')
  const runnable = lines.replace('http://127.0.0.1:7300', service.url).replace("'clip.mp4'", JSON.stringify(join(folder, 'a.mp4'))).replace("'video.mp4'", JSON.stringify(out))
  const program = new URL(`../../.readme-${process.pid}.mjs`, import.meta.url)
  await writeFile(program, runnable)
  try {
    await import(program.href)
  } finally {
    await rm(program)
  }
  expect((await readFile(out)).subarray(4, 8).toString()).toBe('ftyp')
})

const dramatis = (...args: string[]) => new Promise<{ readonly code: number; readonly out: string; readonly told: string }>((resolve) => {
  execFile(process.execPath, [MAIN, ...args, '--server', service.url], { cwd: folder, env: { PATH: process.env.PATH } }, (error, out, told) => resolve({ code: Number(error?.code ?? 0), out, told }))
})

describe('the command line', () => {
  test('says who a prompt calls and what would be sent, and marks whom nobody knows', async () => {
    const known = await dramatis('resolve', '@aa meets a@bb.com')
    expect(known).toMatchObject({ code: 0, out: expect.stringMatching(/^@aa {2}object {2}char_[0-9a-f]{32}\nnot a mention: "@bb\.com" at 11 \(inside word\)\n\nanimatic on animatic would be sent\n {2}@aa meets a@bb\.com\n/) })
    const unknown = await dramatis('resolve', '@aa meets @bbb')
    expect(unknown).toMatchObject({ code: 1, out: '', told: expect.stringContaining('@aa meets @bbb\n          ^^^^\nNo character you may use is called @bbb.\nDid you mean @bb?') })
  })

  test('makes a video and keeps it in a file, which it never overwrites', async () => {
    const args = ['video', '@aa', '--seconds', '1', '--size', '848x480', '--out', 'aa.mp4']
    const made = await dramatis(...args)
    expect([made.code, JSON.parse(made.out)]).toMatchObject([0, { model: 'animatic', size: '848x480', seconds: '1', file: 'aa.mp4' }])
    expect((await readFile(join(folder, 'aa.mp4'))).subarray(4, 8).toString()).toBe('ftyp')
    expect(await dramatis(...args)).toMatchObject({ code: 2, told: expect.stringContaining('aa.mp4 is there already') })
  }, SLOW_MS)
})

test('a sora model is taken for the default, and the answer says so', async () => {
  const video = await finished((await client.videos.create({ prompt: 'an empty street', model: 'sora-2', seconds: '4' })).id)
  expect(video).toMatchObject({ status: 'completed', model: 'animatic', size: '720x1280', seconds: '4' })
  expect(video.warnings.map(({ code }) => code)).toContain('model_substituted')
})

test('a character that comes along with the request is made first', async () => {
  const body = { prompt: 'waves at the sea', character_url: `${files.url}/b.mp4`, character_timestamps: '0,2', duration: 2, orientation: 'landscape', model: 'sora-2' }
  const asked = await answerOf(await postJson(service, '/v1/videos', body), videoResource)
  expect(asked).toMatchObject({ status: 'queued', size: '1280x720', seconds: '2', characters: [{ mentions: [] }] })
  const made = await finished(asked.id)
  expect(made).toMatchObject({ status: 'completed', characters: [{ id: asked.characters[0]?.id, username: expect.stringMatching(/^[a-z]/) }] })
  expect(made.warnings.map(({ code }) => code)).toContain('character_not_mentioned')
})
