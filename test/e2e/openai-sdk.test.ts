import OpenAI, { toFile } from 'openai'
import OpenAI6, { toFile as toFile6 } from 'openai-6'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AppError } from '../../src/domain/errors.ts'
import { startHttpServer, type TestServer } from '../support/http-server.ts'
import { finished } from '../support/memory-videos.ts'
import { official } from '../support/official-schema.ts'

const refusalOf = (call: Promise<unknown>): Promise<InstanceType<typeof OpenAI.APIError>> =>
  call.then(() => { throw new Error('it was not refused') }, (error: unknown) => error as InstanceType<typeof OpenAI.APIError>) // the caller looks at what it is

describe.each([['7', OpenAI, toFile], ['6', OpenAI6, toFile6]] as const)('the official client, version %s', (_version, Client, file) => {
  let server: TestServer
  let client: OpenAI
  beforeAll(async () => {
    server = await startHttpServer({ settings: { isOpen: false } })
    client = new Client({ apiKey: 'drm_alice', baseURL: `${server.url}/v1` }) as OpenAI // the methods used here are the same in both
  })
  afterAll(() => server[Symbol.asyncDispose]())

  const clip = () => file(Buffer.from('a movie'), 'clip.mp4', { type: 'video/mp4' })
  const frame = () => file(Buffer.from('a picture'), 'frame.png', { type: 'image/png' })
  const last = () => server.videos.submitted.at(-1)

  test('creates a video, with the parameters as they are documented', async () => {
    const video = official('video', await client.videos.create({ prompt: 'a quiet street', model: 'sora-2', seconds: '8', size: '1280x720' }))
    expect(video).toMatchObject({ status: 'queued', progress: 0, seconds: '8', size: '1280x720', prompt: 'a quiet street', error: null })
    expect(last()).toMatchObject({ account: 'alice', seconds: 8, size: '1280x720', model: 'sora-2', isRetry: false })
  })

  test.each(['720x1280', '1280x720', '1024x1792', '1792x1024'] as const)('of %s', async (size) => {
    expect(official('video', await client.videos.create({ prompt: 'p', size })).size).toBe(size)
  })

  test('with characters and our other parameters, which pass through', async () => {
    const [one, two] = [server.characters.plant({}, 'alice'), server.characters.plant({}, 'alice')]
    const more = { characters: [{ id: one.id }, { id: two.id }], seed: 7, negative_prompt: 'rain', unknown_mentions: 'text' }
    expect(await client.videos.create({ prompt: 'p', ...more })).toMatchObject({ characters: [{ id: one.id, username: one.username }, { id: two.id }], backend: 'animatic' })
    expect(last()).toMatchObject({ characters: [one.id, two.id], seed: 7, negativePrompt: 'rain', unknownMentions: 'text' })
  })

  test('with a reference, as a file and as an address', async () => {
    await client.videos.create({ prompt: 'p', input_reference: await frame() })
    expect(last()?.pictures).toMatchObject([{ type: 'upload', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) }])
    await client.videos.create({ prompt: 'p', input_reference: { image_url: 'https://example.com/frame.png' } })
    expect(last()?.pictures).toEqual([{ type: 'url', url: 'https://example.com/frame.png' }])
  })

  test('retrieves one as it goes on, and is told how long to wait', async () => {
    const { id } = await client.videos.create({ prompt: 'p' })
    server.videos.move(id, { at: 'in_progress', progress: 45 })
    const { data, response } = await client.videos.retrieve(id).withResponse()
    expect(official('video', data)).toMatchObject({ id, status: 'in_progress', progress: 45 })
    expect(response.headers.get('openai-poll-after-ms')).toBe('700')
    server.videos.move(id, { at: 'failed', progress: 40, completedAtMs: 1_795_392_009_000, error: new AppError('cancelled') })
    expect(official('video', await client.videos.retrieve(id))).toMatchObject({ status: 'failed', error: { code: 'cancelled', message: 'The video was cancelled.' } })
  })

  test('pages through all videos', async () => {
    await using fresh = await startHttpServer()
    const ids = Array.from({ length: 5 }, () => fresh.videos.plant().id)
    const lister = new Client({ apiKey: 'any', baseURL: `${fresh.url}/v1` }) as OpenAI // as above
    official('list', await lister.videos.list({ limit: 2 }).asResponse().then((response) => response.json()))
    const listed: string[] = []
    for await (const video of lister.videos.list({ limit: 2, order: 'asc' })) listed.push(official('video', video).id)
    expect(listed).toEqual(ids)
    expect((await lister.videos.list({ limit: 2, after: ids[2] })).data.map(({ id }) => id)).toEqual([ids[1], ids[0]])
  })

  test('deletes', async () => {
    const { id } = await client.videos.create({ prompt: 'p' })
    expect(official('deleted', await client.videos.delete(id))).toEqual({ id, object: 'video.deleted', deleted: true })
    expect((await refusalOf(client.videos.retrieve(id))).status).toBe(404)
  })

  test('downloads the content, and each variant', async () => {
    const { id } = server.videos.plant({ account: 'alice', state: finished() })
    const response = await client.videos.downloadContent(id)
    expect([response.headers.get('content-type'), (await response.arrayBuffer()).byteLength]).toEqual(['video/mp4', 1000])
    expect((await client.videos.downloadContent(id, { variant: 'thumbnail' })).headers.get('content-type')).toBe('image/webp')
    expect((await client.videos.downloadContent(id, { variant: 'spritesheet' })).headers.get('content-type')).toBe('image/jpeg')
  })

  test('remixes, edits and extends', async () => {
    const { id } = server.videos.plant({ account: 'alice', state: finished() })
    const more = { model: 'studio' } // not among the documented parameters
    const made = [
      await client.videos.remix(id, { prompt: 'at night' }),
      await client.videos.edit({ prompt: 'in rain', video: { id }, ...more }),
      await client.videos.extend({ prompt: 'and on', seconds: '8', video: { id }, ...more }),
    ]
    for (const video of made) expect(official('video', video).remixed_from_video_id).toBe(id)
    expect(server.videos.submitted.slice(-3).map(({ from }) => from)).toEqual(['remix', 'edit', 'extend'].map((how) => ({ id, how })))
  })

  test('is told that a file cannot be edited', async () => {
    const refusal = await refusalOf(client.videos.edit({ prompt: 'p', video: await clip() }))
    expect(refusal).toMatchObject({ status: 400, code: 'invalid_parameter', param: 'video' })
  })

  test('creates a character of a file, with more than is documented, and reads it', async () => {
    const more = { timestamps: '1,3', username: 'mossy' }
    const made = official('character', await client.videos.createCharacter({ name: 'Mossy', video: await clip(), ...more }))
    expect(made).toMatchObject({ name: 'Mossy', username: 'mossy', status: 'completed', object: 'character' })
    expect(server.characters.created.at(-1)).toMatchObject({ source: { type: 'upload' }, window: { startMs: 1000, endMs: 3000 } })
    for (const ref of [made.id ?? '', '@mossy', 'mossy']) expect(official('character', await client.videos.getCharacter(ref))).toEqual(made)
    expect((await refusalOf(client.videos.getCharacter('@a.b/é'))).code).toBe('character_not_found')
  })

  test('creates a character of an address', async () => {
    const body = { name: 'Far', url: 'https://example.com/far.mp4', timestamps: '1,3' }
    expect(official('character', await client.videos.createCharacter(body as unknown as OpenAI.VideoCreateCharacterParams))).toMatchObject({ name: 'Far' }) // the types ask for a file
  })

  test('reaches the seed door from its base URL', async () => {
    const made = await client.post('/../sora/v1/characters', { body: { url: 'https://example.com/seed.mp4', timestamps: '1,3' } })
    expect(Object.keys(made as object)).toEqual(['id', 'username', 'permalink', 'profile_picture_url'])
  })

  test('sees a refusal as the error class of its status, with everything in it', async () => {
    const refusal = await refusalOf(client.videos.create({ prompt: '@nobody_here runs' }))
    expect(refusal).toBeInstanceOf(Client.BadRequestError)
    expect(refusal).toMatchObject({ status: 400, code: 'character_not_found', param: 'prompt', type: 'invalid_request_error', requestID: expect.stringMatching(/^req_[0-9a-f]{32}$/) })
    expect(official('error', refusal.error)).toMatchObject({ docs_url: expect.stringContaining('/docs/errors/character_not_found'), details: { unknown: ['nobody_here'] } })
    expect(await refusalOf(client.videos.retrieve('video_none'))).toBeInstanceOf(Client.NotFoundError)
    expect(await refusalOf(client.videos.downloadContent((await client.videos.create({ prompt: 'p' })).id))).toBeInstanceOf(Client.ConflictError)
    expect(await refusalOf((new Client({ apiKey: 'wrong', baseURL: `${server.url}/v1` }) as OpenAI).videos.list())).toBeInstanceOf(Client.AuthenticationError)
    expect(await refusalOf((new Client({ apiKey: 'drm_reader', baseURL: `${server.url}/v1` }) as OpenAI).videos.list())).toBeInstanceOf(Client.PermissionDeniedError)
  })

  test.each([
    ['queue_full', 3], ['video_not_ready', 1], ['backend_rejected', 1], ['internal_error', 1],
  ] as const)('tries again what may pass and nothing else: %s is asked %i times', async (code, tries) => {
    const { submit } = server.videos
    const counts: boolean[] = []
    server.videos.submit = async ({ isRetry }) => {
      counts.push(isRetry)
      throw new AppError(code, { details: { retryAfterSeconds: 1 } })
    }
    const refusal = await refusalOf(client.videos.create({ prompt: 'p' }))
    server.videos.submit = submit
    expect(refusal.code).toBe(code)
    expect(counts).toEqual([false, true, true].slice(0, tries))
  })

  test('a create whose answer was lost is one video, files and all', async () => {
    const { submit } = server.videos
    const ids: string[] = []
    server.videos.submit = async (request) => {
      const video = await submit(request)
      ids.push(video.id)
      if (ids.length === 1) throw new AppError('storage_unavailable', { details: { retryAfterSeconds: 1 } })
      return video
    }
    const video = await client.videos.create({ prompt: 'only once', input_reference: await frame() })
    server.videos.submit = submit
    expect(ids).toEqual([video.id, video.id])
  })
})
