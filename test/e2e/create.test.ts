import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ALL_FORMATS, BufferSource, Input } from 'mediabunny'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { STEPS } from '../../src/domain/character.ts'
import { character, characterDeleted, characterList, detection, evidence, type SeedCharacter } from '../../src/http/schemas/character.ts'
import { makeClip } from '../fixtures/make-clip.ts'
import { answerOf, createNative, createSeed, filesBelow, get, postJson, refusalOf, SEED, type Headers } from '../support/client.ts'
import { startFileServer, type FileServer } from '../support/file-server.ts'
import { startService, type RunningService } from '../support/service.ts'

/** The whole program, as a client meets it: one process that is restarted twice on the same data. */

const KEY = 'a-key-of-this-test'
const MARKER = 'hazelnut-47-lighthouse'
let folder: string
let clip: Uint8Array<ArrayBuffer>
let server: FileServer
/** The same files behind a slow line: a create takes a second longer. */
let slowServer: FileServer
let service: RunningService
let body: { readonly url: string; readonly timestamps: string }

const start = (environment: Readonly<Record<string, string>> = {}): Promise<RunningService> => startService({
  dataFolder: join(folder, 'data'), environment: { FETCH_ALLOW: `${server.host},${slowServer.host}`, LENS_PROCESSES: '2', ...environment },
})

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dramatis-create-'))
  clip = await makeClip({ scene: 'toy', seconds: 3 })
  await writeFile(join(folder, 'clip.mp4'), clip)
  server = await startFileServer(folder)
  slowServer = await startFileServer(folder, { link: { roundTripMs: 400, bytesPerSecond: 10_000_000 } })
  body = { url: `${server.url}/clip.mp4`, timestamps: '0,2' }
  service = await start()
})
afterAll(async () => {
  await service[Symbol.asyncDispose]()
  await server[Symbol.asyncDispose]()
  await slowServer[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const readiness = z.object({ ready: z.boolean(), facts: z.record(z.string(), z.unknown()) })
const page = { accept: 'text/html' }
const json = { accept: 'application/json' }
const bytesOf = async (response: Response): Promise<Buffer> => Buffer.from(await response.arrayBuffer())

/** Which files of the service's data hold these bytes. */
async function filesWith(text: string): Promise<string[]> {
  const found: string[] = []
  for (const path of await filesBelow(service, '.')) if (path.includes(text) || (await readFile(path)).includes(text)) found.push(path)
  return found
}

describe('a character', () => {
  test('is four keys, to the byte, and the same body gives the same one', async () => {
    const response = await postJson(service, SEED, body)
    const text = await response.text()
    const address = RegExp.escape(service.url)
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8'])
    expect(text).toMatch(new RegExp(
      String.raw`^\{"id":"char_[0-9a-f]{32}","username":"([a-z0-9_]+)","permalink":"${address}/@\1","profile_picture_url":"${address}/media/[\w-]{22}/portrait\.webp"\}$`,
    ))
    server.takeCounts()
    const again = await postJson(service, SEED, body)
    expect(await again.text()).toBe(text)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    expect(server.takeCounts().requests).toBe(0)
  })

  test('has a page at its permalink, and the resource for programs', async () => {
    const { id, username, permalink } = await createSeed(service, body)
    const shown = await fetch(permalink, { headers: page })
    expect([shown.status, shown.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(await shown.text()).toContain(`@${username}`)
    const resource = await get(service, `/@${username}`, character, json)
    expect(resource).toMatchObject({ id, username, status: 'completed', progress: 100, window: { start: 0, end: 2, chosen_by: 'caller', clamped: false } })
    expect(resource.source).toMatchObject({ type: 'url', host: '127.0.0.1', container: 'mp4', codec: 'h264', width: 320, height: 180, duration: 3 })
    expect(['object', 'cartoon']).toContain(resource.kind)
  })

  test('has a portrait of 512 pixels square without metadata, and no key is needed for it', async () => {
    const { profile_picture_url } = await createSeed(service, body)
    const response = await fetch(profile_picture_url)
    expect(response.headers.get('content-type')).toBe('image/webp')
    const portrait = await bytesOf(response)
    expect([portrait.toString('latin1', 0, 4), portrait.readUInt32LE(4), portrait.toString('latin1', 8, 12)]).toEqual(['RIFF', portrait.length - 8, 'WEBP'])
    const { format, width, height, exif, xmp, icc } = await sharp(portrait).metadata()
    expect({ format, width, height, exif, xmp, icc }).toEqual({ format: 'webp', width: 512, height: 512, exif: undefined, xmp: undefined, icc: undefined })
    const { channels } = await sharp(portrait).stats()
    expect(Math.max(...channels.map(({ stdev }) => stdev))).toBeGreaterThan(10) // a picture of something
  })

  test('has a clip of its window that plays', async () => {
    const { id } = await createSeed(service, body)
    const response = await fetch(`${service.url}/v1/characters/${id}/clip`)
    expect(response.headers.get('content-type')).toBe('video/mp4')
    const input = new Input({ source: new BufferSource(await response.arrayBuffer()), formats: ALL_FORMATS })
    const track = await input.getPrimaryVideoTrack()
    if (track === null) throw new Error('no video in the clip')
    expect([track.codec, track.displayWidth, track.displayHeight]).toEqual(['avc', 320, 180])
    expect(await track.computeDuration()).toBeCloseTo(2, 1)
    expect((await track.computePacketStats()).packetCount).toBe(50)
  })

  test('has evidence: every step, what was read, what was seen, by which models', async () => {
    const { id } = await createSeed(service, body)
    const found = await get(service, `/v1/characters/${id}/evidence`, evidence)
    const beforeItsRow = STEPS.slice(0, STEPS.indexOf('stored'))
    expect(found.steps.map(({ step }) => step)).toEqual(beforeItsRow)
    expect(found.chosen.subject).toBe(found.subjects[0]?.subject)
    expect(found.subjects[0]?.sightings.length).toBeGreaterThan(3)
    expect(found.source.bytes_read).toBeLessThanOrEqual(clip.length)
    expect(found.identity.length).toBeGreaterThan(0)
    expect(found.identity.every(({ length }) => length > 100)).toBe(true)
    expect(Object.values(found.models).every((sha256) => /^[0-9a-f]{64}$/.test(sha256))).toBe(true)
    expect(['bubblewrap', 'prlimit']).toContain(found.jail)
    const { ready, facts } = await get(service, '/readyz', readiness)
    expect({ ready, jail: facts.jail }).toEqual({ ready: true, jail: found.jail })
    expect(facts.jail_summary).toMatch(/bounded memory|memory and time are bounded/)
  })

  test('is one when it is asked for twenty times at once, and another when force says so', async () => {
    const wanted = { url: `${slowServer.url}/clip.mp4`, timestamps: '0.5,2' }
    const same = await Promise.all(Array.from({ length: 20 }, () => createSeed(service, wanted)))
    expect(new Set(same.map(({ id }) => id)).size).toBe(1)
    expect(slowServer.takeCounts().requests).toBeLessThan(5)
    const forced = await createSeed(service, { ...wanted, force: true })
    expect(forced.id).not.toBe(same[0]?.id)
    expect(forced.username).not.toBe(same[0]?.username)
    const { data } = await get(service, '/v1/characters', characterList)
    expect(new Set(data.map(({ id }) => id)).size).toBe(3)
  })
})

describe('the native door', () => {
  test('takes the file itself, in a form or as a data: URI', async () => {
    const form = new FormData()
    form.append('video', new Blob([clip], { type: 'video/mp4' }), '../../clip.mp4')
    form.append('timestamps', '1,2.5')
    form.append('username', 'Uploaded.Toy')
    form.append('metadata[shot]', '12b')
    const [uploaded, sent] = await Promise.all([
      fetch(`${service.url}/v1/characters`, { method: 'POST', body: form }).then((response) => answerOf(response, character)),
      createNative(service, { data: `data:video/mp4;base64,${Buffer.from(clip).toString('base64')}`, display_name: 'Toy' }),
    ])
    expect(uploaded).toMatchObject({ username: 'uploaded.toy', status: 'completed', metadata: { shot: '12b' }, source: { type: 'upload', host: null }, window: { start: 1, end: 2.5 } })
    expect(sent).toMatchObject({ display_name: 'Toy', status: 'completed', source: { type: 'data', host: null }, window: { start: 0, end: 3, chosen_by: 'service' } })
    expect(await filesBelow(service, 'uploads')).toEqual([])
  })

  test('lists who is in a window and keeps nothing of it', async () => {
    const before = await get(service, '/v1/characters?limit=0', characterList)
    const found = await answerOf(await postJson(service, '/v1/characters/detect', body), detection)
    const [subject] = found.subjects
    expect(found.window).toMatchObject({ start: 0, end: 2 })
    expect(subject?.subject).toBe('s1')
    const [, , width = 0, height = 0] = subject?.box ?? []
    expect(width * height).toBeGreaterThan(0.02)
    const thumbnail = Buffer.from(subject?.thumbnail.replace('data:image/webp;base64,', '') ?? '', 'base64')
    expect((await sharp(thumbnail).metadata()).format).toBe('webp')
    expect(await get(service, '/v1/characters?limit=0', characterList)).toEqual(before)
  })

  test('deletes, restores, and purges to the last byte', async () => {
    const bystander = await createSeed(service, body)
    const made = await createNative(service, { ...body, force: true, username: 'short-lived', description: MARKER })
    const remove = (path: string) => fetch(`${service.url}/v1/characters/${path}`, { method: 'DELETE' })
    const statuses = async () => Promise.all([`/v1/characters/${made.id}`, '/v1/characters/@short-lived', '/@short-lived', made.profile_picture_url?.slice(service.url.length)].map(async (path) => (await fetch(`${service.url}${path}`)).status))
    expect(await statuses()).toEqual([200, 200, 200, 200])
    expect((await answerOf(await remove('short-lived'), characterDeleted)).purge_at).toBeGreaterThan(Date.now() / 1000 + 29 * 86_400)
    expect(await statuses()).toEqual([404, 404, 404, 404])
    expect((await answerOf(await postJson(service, `/v1/characters/${made.id}/restore`, {}), character)).username).toBe('short-lived')
    expect(await statuses()).toEqual([200, 200, 200, 200])

    const ofIt = async () => (await filesBelow(service, 'objects')).filter((path) => path.includes(made.id))
    const [, token = ''] = /\/media\/([\w-]{22})\//.exec(made.profile_picture_url ?? '') ?? []
    const files = await ofIt()
    expect(files.length).toBeGreaterThan(1)
    const { receipt } = await answerOf(await remove(`${made.id}?purge=true`), characterDeleted)
    expect(receipt).toMatchObject({ rows: expect.any(Number), objects: files.length, sha256_of_manifest: expect.stringMatching(/^[0-9a-f]{64}$/) })
    expect(await ofIt()).toEqual([])
    expect(await statuses()).toEqual([404, 404, 404, 404])
    expect(await filesWith(bystander.id)).not.toEqual([]) // the search finds what is there
    // The id alone is told on, for a day, to those who must hear that it is gone.
    for (const trace of [MARKER, token, 'short-lived']) expect([trace, await filesWith(trace)]).toEqual([trace, []])
    expect((await remove(`${made.id}?purge=true`)).status).toBe(404)
  })
})

describe('starting', () => {
  test('a second service on the same data is refused in a sentence', async () => {
    await expect(start()).rejects.toThrow(`Another dramatis is serving from ${service.dataFolder}. Stop it, or set DATA_DIR to another folder.`)
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
  })

  test('settings that cannot be used are all named at once', async () => {
    const started = startService({ environment: { PORT: 'x', API_KEYS: 'alice', FETCH_ALLOW: 'http://x', SYNC_BUDGET_MS: '1', LENS_PROCESSES: '0', HUMAN_POLICY: 'maybe', CRASH_AT: 'lunch' } })
    await expect(started).rejects.toThrow(/These settings cannot be used:\n +PORT: .*\n +API_KEYS\[0\]: .*\n +FETCH_ALLOW\[0\]: .*\n +SYNC_BUDGET_MS: .*\n +LENS_PROCESSES: .*\n +HUMAN_POLICY: .*\n +CRASH_AT: /)
    await expect(started).rejects.not.toThrow(/\n +at /)
  })

  test('a public address without keys is refused', async () => {
    await expect(startService({ environment: { HOST: '0.0.0.0' } })).rejects.toThrow(/HOST: 0\.0\.0\.0 can be reached from outside; set API_KEYS/)
  })
})

describe('restarted after kill -9, with keys', () => {
  let earlier: SeedCharacter[]
  beforeAll(async () => {
    earlier = [await createSeed(service, body), await createSeed(service, { ...body, timestamps: '1,3' })]
    await service.stop('SIGKILL')
    service = await start({ API_KEYS: `local:${KEY},bob:another-key-of-it`, SYNC_BUDGET_MS: '100' })
  })

  test('every character that was answered with is there, under its old name and picture', async () => {
    for (const { id, username, profile_picture_url } of earlier) {
      expect(await get(service, `/v1/characters/@${username}`, character, { 'x-api-key': KEY })).toMatchObject({ id, username })
      const picture = await bytesOf(await fetch(`${service.url}${new URL(profile_picture_url).pathname}`))
      expect(picture.toString('latin1', 8, 12)).toBe('WEBP')
    }
    expect((await createSeed(service, body, { authorization: KEY })).id).toBe(earlier[0]?.id)
  })

  test('the bare key is taken, none and a wrong one are not, and another account sees nothing', async () => {
    const [{ id } = { id: '' }] = earlier
    const path = `${service.url}/v1/characters/${id}`
    const as = async (headers: Headers) => {
      const response = await fetch(path, { headers })
      return [response.status, response.status === 200 ? 'ok' : (await refusalOf(response)).code]
    }
    for (const authorization of [KEY, `Bearer ${KEY}`, `bearer ${KEY}`]) expect(await as({ authorization })).toEqual([200, 'ok'])
    expect(await as({})).toEqual([401, 'missing_api_key'])
    expect(await as({ authorization: `${KEY}x` })).toEqual([401, 'invalid_api_key'])
    expect(await as({ authorization: 'another-key-of-it' })).toEqual([404, 'character_not_found'])
    expect(service.log()).not.toContain(KEY)
  })

  test('past the budget the answer is 504, the work goes on, and the same body attaches to it', async () => {
    const wanted = { url: `${slowServer.url}/clip.mp4`, timestamps: '0,1' }
    const late = await postJson(service, SEED, wanted, { authorization: KEY })
    expect([late.status, late.headers.get('retry-after'), late.headers.get('x-should-retry')]).toEqual([504, '2', null])
    expect((await refusalOf(late)).code).toBe('character_processing_timeout')
    const location = late.headers.get('location')
    await expect.poll(async () => {
      const again = await postJson(service, SEED, wanted, { authorization: KEY })
      return [again.status, again.headers.get('location')]
    }, { timeout: 15_000, interval: 200 }).toEqual([200, location])
  })
})

describe('ended by SIGTERM while a create runs', () => {
  test('the create is answered, and the exit code is 0', async () => {
    await service.stop()
    service = await start()
    slowServer.takeCounts()
    const running = createSeed(service, { url: `${slowServer.url}/clip.mp4`, timestamps: '0.2,2.2' })
    await expect.poll(() => slowServer.takeCounts().requests, { timeout: 10_000, interval: 20 }).toBeGreaterThan(0)
    const ended = service.stop('SIGTERM')
    const { id } = await running
    expect(id).toMatch(/^char_/)
    expect(await ended).toBe(0)
    expect(service.log()).toContain(`"id":"${id}"`)
  })
})
