import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { character, detection, seedCharacter, type SeedCharacter } from '../../src/http/schemas/character.ts'
import { videoResource as video } from '../../src/http/schemas/video.ts'
import { makeClip } from '../fixtures/make-clip.ts'
import { answerOf, createSeed, filesBelow, get, postJson, SEED } from '../support/client.ts'
import { canCluster, openCluster, type Cluster } from '../support/cluster.ts'
import { answerRange, startOrigin, type Origin } from '../support/origins.ts'
import { startFaultyS3 } from '../support/faulty-s3.ts'
import type { RunningService } from '../support/service.ts'

/** Processes that share a PostgreSQL and an S3 bucket, as on several machines: api processes that have no lens, and workers that have no door. */

const page = z.object({ data: z.array(z.object({ id: z.string() })) })
const list = (service: RunningService) => get(service, '/v1/characters?limit=100', page)
/** A write of something that a character is made of. */
const isOfCharacter = (asked: string): boolean => asked.startsWith('PUT ') && asked.includes('/char_')
const readiness = z.object({ ready: z.boolean(), facts: z.record(z.string(), z.unknown()) })

describe.skipIf(!canCluster())('many processes', () => {
  let clip: Uint8Array
  let origin: Origin
  let cluster: Cluster
  let api: RunningService
  let otherApi: RunningService
  let worker: RunningService
  /** Answers to lenses that wait; a service reads the first bytes, its lens the rest. */
  const held: (() => void)[] = []
  let isHolding = false

  beforeAll(async () => {
    clip = await makeClip({ scene: 'toy', seconds: 3, width: 320, height: 240, tables: 'last', bitrate: 2_000_000 })
    const answer = answerRange(clip)
    origin = await startOrigin((request, response) => {
      if (isHolding && !request.headers.range?.startsWith('bytes=0-')) held.push(() => answer(request, response))
      else answer(request, response)
    })
    cluster = await openCluster({ environment: { FETCH_ALLOW: origin.pair } })
    // All at once on an empty database: one of them makes the tables, the others wait for it.
    ;[api, otherApi, worker] = await Promise.all([cluster.start('api'), cluster.start('api'), cluster.start('worker')])
  }, 60_000)
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]()
    await origin?.[Symbol.asyncDispose]()
  })

  const urlOf = (name: string): string => `http://${origin.pair}/${name}.mp4`
  const body = (name: string) => ({ url: urlOf(name), timestamps: '0,2' })
  const letGo = (): void => {
    isHolding = false
    for (const go of held.splice(0)) go()
  }

  test('a character is made by a worker, answered by the api that was asked, and read at any', async () => {
    const made = await createSeed(api, body('first'))
    const path = made.profile_picture_url.slice(api.url.length)
    const portraits = await Promise.all([api, otherApi].map(async ({ url }) => Buffer.from(await (await fetch(url + path)).arrayBuffer())))
    expect(portraits[0].subarray(8, 12).toString()).toBe('WEBP')
    expect(portraits[1].equals(portraits[0])).toBe(true)
    expect(await get(otherApi, `/v1/characters/@${made.username}`, character)).toMatchObject({ id: made.id, status: 'completed' })
    expect(await filesBelow(api, 'objects')).toEqual([])
  })

  test('an upload reaches the worker on another machine, and is gone afterwards', async () => {
    const form = new FormData()
    form.set('video', new File([clip.slice()], 'a.mp4'))
    form.set('timestamps', '0,2')
    const made = await answerOf(await fetch(`${api.url}/v1/characters`, { method: 'POST', body: form }), character)
    expect(made).toMatchObject({ status: 'completed', source: { type: 'upload' } })
  })

  test('who and what is in a window is looked at by a worker', async () => {
    const found = await answerOf(await postJson(api, '/v1/characters/detect', body('detected')), detection)
    expect(found.subjects.length).toBeGreaterThan(0)
  })

  test('a video is made, and verified, by a worker', async () => {
    const { username } = await createSeed(api, body('star'))
    const { id } = await answerOf(await postJson(api, '/v1/videos', { prompt: `@${username} waves`, model: 'animatic', seconds: 1, size: '848x480' }), video)
    await expect.poll(async () => (await get(otherApi, `/v1/videos/${id}`, video)).status, { timeout: 20_000 }).toBe('completed')
    const content = await fetch(`${otherApi.url}/v1/videos/${id}/content`)
    expect((await content.arrayBuffer()).byteLength).toBeGreaterThan(1000)
    expect((await postJson(otherApi, `/v1/videos/${id}/verify`, {})).status).toBe(200)
  }, 40_000)

  test('the same request at two apis at once is one character; under one key its answer is the same to the byte', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => postJson(n % 2 ? api : otherApi, SEED, body('same'), n < 10 ? { 'idempotency-key': 'one-of-many' } : {})))
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
    expect(new Set(await Promise.all(answers.map(async (answer) => seedCharacter.parse(await answer.json()).id))).size).toBe(1)
  })

  test('an api has no lens and says so; a worker has no door', async () => {
    expect(await get(api, '/readyz', readiness)).toMatchObject({ ready: true, facts: { role: 'api' } })
    expect(await get(worker, '/readyz', readiness)).toMatchObject({ ready: true, facts: { role: 'worker' } })
    expect((await postJson(worker, SEED, body('no'))).status).toBe(404)
  })

  /** Asks for a character that only `worker` can take, and gives it another worker beside it once it has. */
  async function askOne(name: string): Promise<{ readonly asked: Promise<SeedCharacter>; readonly other: RunningService }> {
    const other = await cluster.start('worker')
    process.kill(other.pid, 'SIGSTOP')
    isHolding = true
    const asked = createSeed(api, body(name))
    asked.catch(() => {}) // awaited by the test
    await expect.poll(() => held.length, { timeout: 15_000 }).toBe(1)
    process.kill(other.pid, 'SIGCONT')
    return { asked, other }
  }

  test('a worker that ends hands its job to another at once', async () => {
    const { asked, other } = await askOne('handed-on')
    const ended = worker.stop('SIGTERM')
    letGo()
    await asked
    expect(await ended).toBe(0)
    worker = other
  }, 60_000)

  test('a worker that is killed loses nothing: another takes its job over', async () => {
    const { asked, other } = await askOne('taken-over')
    await worker.stop('SIGKILL')
    letGo()
    const made = await asked
    expect((await list(api)).data.filter(({ id }) => id === made.id)).toHaveLength(1)
    worker = other
  }, 60_000)

  test('a worker that is paused while it publishes is overtaken, and what it writes later changes nothing', async () => {
    await using faulty = await startFaultyS3({ inFrontOf: cluster.s3Url })
    await worker.stop('SIGTERM')
    const paused = await cluster.start('worker', { S3_URL: faulty.url })
    faulty.meet('stall', { only: isOfCharacter })
    const asked = createSeed(api, body('paused'))
    asked.catch(() => {}) // awaited below
    await expect.poll(() => faulty.asked.some(isOfCharacter), { timeout: 20_000 }).toBe(true)
    process.kill(paused.pid, 'SIGSTOP')
    worker = await cluster.start('worker')
    const made = await asked // by the other, once the lease of the first is over
    const before = await get(api, `/v1/characters/${made.id}`, character)
    const portrait = await (await fetch(made.profile_picture_url)).arrayBuffer()

    faulty.meet('none')
    process.kill(paused.pid, 'SIGCONT')
    await expect.poll(() => paused.log(), { timeout: 20_000 }).toMatch(/character\.lost/)
    await sleep(500)
    expect(await get(api, `/v1/characters/${made.id}`, character)).toEqual(before)
    expect(await (await fetch(made.profile_picture_url)).arrayBuffer()).toEqual(portrait)
    expect((await list(api)).data.filter(({ id }) => id === made.id)).toHaveLength(1)
    // And it goes on working.
    await worker.stop('SIGTERM')
    await createSeed(api, body('afterwards'))
  }, 120_000)
})

