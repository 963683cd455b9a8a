import { mkdtemp, rm } from 'node:fs/promises'
import type { ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { seedCharacter } from '../../src/http/schemas/character.ts'
import { makeClip } from '../fixtures/make-clip.ts'
import { answerOf, createSeed, workBelow, postJson, refusalOf, SEED } from '../support/client.ts'
import { answerRange, startOrigin, type Origin } from '../support/origins.ts'
import { isRunning, processesBelow, type Process } from '../support/processes.ts'
import { startService, type RunningService } from '../support/service.ts'

/** Lenses that are killed at work, found by looking at the processes below the service. */

let folder: string
let origin: Origin
let service: RunningService
/** Reads by lenses that wait for {@link letGo}, by the path they are of. */
const held = new Map<string, { readonly response: ServerResponse; readonly answer: () => void }>()
let isHolding = true

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dramatis-lens-faults-'))
  const clip = await makeClip({ scene: 'toy', seconds: 3, width: 640, height: 360, bitrate: 1_000_000, tables: 'last' })
  const answer = answerRange(clip)
  origin = await startOrigin((request, response) => {
    // The service asks for the start, and its lens for the rest.
    if (!isHolding || request.headers.range?.startsWith('bytes=0-')) answer(request, response)
    else held.set(request.url ?? '', { response, answer: () => answer(request, response) })
  })
  service = await start()
})
afterAll(async () => {
  await service[Symbol.asyncDispose]()
  await origin[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const start = (): Promise<RunningService> => startService({ dataFolder: join(folder, 'data'), environment: { FETCH_ALLOW: origin.pair, LENS_PROCESSES: '2' } })

function letGo(): void {
  isHolding = false
  for (const { answer } of held.values()) answer()
  held.clear()
}

const create = (path: string): Promise<Response> => postJson(service, SEED, { url: `http://${origin.pair}${path}`, timestamps: '0,2' })

/** The programs inside the jails. */
const lenses = (): readonly Process[] => processesBelow(service.pid).filter(({ commandLine }) => /^\S*node .*lens\/main\.ts/.test(commandLine))

/** Resolves when exactly these are being read by lenses, which are then all at work. */
const untilHeld = (...paths: readonly string[]) => expect.poll(() => [...held].filter(([, { response }]) => !response.destroyed).map(([path]) => path).toSorted(), { timeout: 15_000, interval: 20 }).toEqual(paths)

const isHit = (path: string): boolean => held.get(path)?.response.destroyed === true

interface OneHit { readonly hit: Promise<Response>; readonly other: Promise<Response>; readonly survivors: readonly Process[] }

/** Starts two creates and kills the lens of one while both are at work. */
async function killOneOf(first: string, second: string): Promise<OneHit> {
  isHolding = true
  const [ofFirst, ofSecond] = [create(first), create(second)]
  await untilHeld(first, second)
  const [victim, ...survivors] = lenses()
  expect(survivors).toHaveLength(1)
  kill(victim)
  await expect.poll(() => isHit(first) || isHit(second), { timeout: 5000, interval: 10 }).toBe(true)
  return isHit(first) ? { hit: ofFirst, other: ofSecond, survivors } : { hit: ofSecond, other: ofFirst, survivors }
}

function kill(victim: Process | undefined): void {
  if (!victim) throw new Error('there is no lens to kill')
  process.kill(victim.pid, 'SIGKILL')
}

/** How often a character was tried, as the log of its end says. */
/** The answer may come before it is told. */
const attemptsOf = (id: string): unknown => JSON.parse(service.log().split('\n').find((line) => line.includes(id) && line.includes('"event":"character.')) ?? '{}').attempts

test('a lens that is killed at work costs its create one more try, and the other create nothing', async () => {
  const { hit, other } = await killOneOf('/one.mp4', '/two.mp4')
  await untilHeld('/one.mp4', '/two.mp4')
  letGo()
  const [again, untouched] = [await answerOf(await hit, seedCharacter), await answerOf(await other, seedCharacter)]
  await expect.poll(() => [attemptsOf(again.id), attemptsOf(untouched.id)]).toEqual([2, 1])
})

test('killed twice, its create fails for good; the other is untouched and the next one works', async () => {
  const { hit, other, survivors: [survivor] } = await killOneOf('/three.mp4', '/two.mp4?again')
  await untilHeld('/three.mp4', '/two.mp4?again')
  kill(lenses().find(({ pid }) => pid !== survivor?.pid))
  const refused = await hit
  expect([refused.status, refused.headers.get('x-should-retry')]).toEqual([422, 'false'])
  expect(await refusalOf(refused)).toMatchObject({ code: 'lens_failed', details: { reason: 'died' } })
  letGo()
  const { id } = await answerOf(await other, seedCharacter)
  await expect.poll(() => attemptsOf(id)).toBe(1)
  await createSeed(service, { url: `http://${origin.pair}/four.mp4`, timestamps: '1,3' })
  expect(await workBelow(service)).toEqual([])
})

test('killed with a create at work, the service leaves no process behind for 2 s, and finishes it after the next start', async () => {
  isHolding = true
  const lost = create('/five.mp4')
  lost.catch(() => {})
  await untilHeld('/five.mp4')
  const children = processesBelow(service.pid)
  expect(children.length).toBeGreaterThanOrEqual(2)
  await service.stop('SIGKILL')
  await expect.poll(() => children.filter(isRunning), { timeout: 2000, interval: 50 }).toEqual([])
  await expect(lost).rejects.toThrow('fetch failed')

  letGo()
  service = await start()
  const { id } = await answerOf(await create('/five.mp4'), seedCharacter)
  await expect.poll(() => attemptsOf(id)).toBe(2)
})
