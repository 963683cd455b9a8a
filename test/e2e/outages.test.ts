import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { character, type SeedCharacter } from '../../src/http/schemas/character.ts'
import { makeClip } from '../fixtures/make-clip.ts'
import { createSeed, get, postJson, refusalOf, SEED } from '../support/client.ts'
import { openCluster, type Cluster } from '../support/cluster.ts'
import { startFaultyS3, type FaultyS3 } from '../support/faulty-s3.ts'
import { answerRange, startOrigin, type Origin } from '../support/origins.ts'
import { hasPostgres, startOwnPostgres, type OwnPostgres } from '../support/postgres-server.ts'
import type { RunningService } from '../support/service.ts'

/** A running service whose database and whose objects go away and come back. */

const page = z.object({ data: z.array(z.object({ id: z.string() })) })

describe.skipIf(!hasPostgres() || inject('s3Url') === null)('outages', () => {
  let origin: Origin
  let postgres: OwnPostgres
  let cluster: Cluster
  let faulty: FaultyS3
  let service: RunningService
  let kept: SeedCharacter
  /** Answers to a lens that waits. */
  const held: (() => void)[] = []
  let isHolding = false

  beforeAll(async () => {
    const clip = await makeClip({ scene: 'toy', seconds: 3, width: 320, height: 240, tables: 'last', bitrate: 2_000_000 })
    const answer = answerRange(clip)
    origin = await startOrigin((request, response) => {
      if (isHolding && !request.headers.range?.startsWith('bytes=0-')) held.push(() => answer(request, response))
      else answer(request, response)
    })
    postgres = await startOwnPostgres()
    cluster = await openCluster({ databaseUrl: postgres.url, environment: { FETCH_ALLOW: origin.pair } })
    faulty = await startFaultyS3({ inFrontOf: cluster.s3Url })
    service = await cluster.start('all', { S3_URL: faulty.url })
    kept = await createSeed(service, body('kept'))
  }, 60_000)
  afterAll(async () => {
    await cluster?.[Symbol.asyncDispose]()
    await faulty?.[Symbol.asyncDispose]()
    await postgres?.[Symbol.asyncDispose]()
    await origin?.[Symbol.asyncDispose]()
  })

  const body = (name: string) => ({ url: `http://${origin.pair}/${name}.mp4`, timestamps: '0,2' })
  const statusOf = async (path: string): Promise<number> => (await fetch(`${service.url}${path}`)).status
  const ids = async (): Promise<readonly string[]> => (await get(service, '/v1/characters?limit=100', page)).data.map(({ id }) => id)

  test('while PostgreSQL is gone reads and creates are 503 at once, the process stays, and all is well when it is back', async () => {
    await postgres.stop()
    const read = await fetch(`${service.url}/v1/characters/${kept.id}`)
    expect([read.status, read.headers.get('retry-after')]).toEqual([503, '1'])
    expect((await refusalOf(read)).code).toBe('database_unavailable')
    expect((await refusalOf(await postJson(service, SEED, body('refused')))).code).toBe('database_unavailable')
    expect([await statusOf('/healthz'), await statusOf('/readyz')]).toEqual([200, 503])
    await postgres.start()
    await expect.poll(() => statusOf(`/v1/characters/${kept.id}`), { timeout: 5000 }).toBe(200)
    expect(await statusOf('/readyz')).toBe(200)
    await expect.poll(async () => (await postJson(service, SEED, body('afterwards'))).status, { timeout: 20_000, interval: 500 }).toBe(200)
  }, 60_000)

  test('a create that is under way when PostgreSQL is killed and comes back is one character', async () => {
    isHolding = true
    const asked = postJson(service, SEED, body('cut'))
    await expect.poll(() => held.length, { timeout: 10_000 }).toBe(1)
    await postgres.crash()
    isHolding = false
    for (const go of held.splice(0)) go()
    await postgres.start()
    const first = await asked
    // Whatever was answered, the same request again gives the one character.
    expect([200, 503, 504]).toContain(first.status)
    let made: SeedCharacter | null = null
    await expect.poll(async () => {
      const answer = await postJson(service, SEED, body('cut'))
      if (answer.status === 200) made = await answer.json() as SeedCharacter
      return answer.status
    }, { timeout: 40_000, interval: 500 }).toBe(200)
    expect(first.status === 200 ? await first.json() : made).toEqual(made)
    const names = await Promise.all((await ids()).map((id) => get(service, `/v1/characters/${id}`, character)))
    expect(names.filter(({ id }) => id === made?.id)).toHaveLength(1)
    expect(new Set(names.map(({ username }) => username)).size).toBe(names.length)
  }, 90_000)

  test('while S3 answers 503 creates are 503 and a portrait is not said to be missing; then all is well', async () => {
    const before = await ids()
    faulty.meet('unavailable')
    const portrait = await fetch(kept.profile_picture_url)
    expect([portrait.status, (await refusalOf(portrait)).code]).toEqual([503, 'storage_unavailable'])
    const create = await postJson(service, SEED, body('unstored'))
    expect([create.status, (await refusalOf(create)).code, Number(create.headers.get('retry-after')) > 0]).toEqual([503, 'storage_unavailable', true])
    expect([await statusOf('/healthz'), await statusOf(`/v1/characters/${kept.id}`)]).toEqual([200, 200])
    expect(await ids()).toEqual(before)
    faulty.meet('none')
    expect((await fetch(kept.profile_picture_url)).status).toBe(200)
    expect((await createSeed(service, body('unstored'))).id).toMatch(/^char_/)
  }, 60_000)

  test('an S3 that takes connections and says nothing is given up on, and other reads do not wait for it', async () => {
    faulty.meet('stall')
    const portrait = fetch(kept.profile_picture_url).then(({ status }) => ({ portrait: status }))
    const read = statusOf(`/v1/characters/${kept.id}`).then((status) => ({ read: status }))
    expect(await Promise.race([portrait, read])).toEqual({ read: 200 })
    expect(await portrait).toEqual({ portrait: 503 })
    faulty.meet('none')
    expect((await fetch(kept.profile_picture_url)).status).toBe(200)
  }, 60_000)
})
