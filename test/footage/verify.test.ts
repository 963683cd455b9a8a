import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { newCharacterId } from '../../src/domain/identifier.ts'
import type { CallName } from '../../src/lens/protocol.ts'
import type { LensSession } from '../../src/jail/lens-session.ts'
import { createJob } from '../../src/lens/job.ts'
import { loadModels, type Models } from '../../src/lens/models.ts'
import { verifyCast, type VerifiedMember } from '../../src/videos/verify-cast.ts'
import { memorySource } from '../fixtures/memory-source.ts'

/** Real footage is not part of the repository: skipped where it is absent. */
const FOOTAGE = join(import.meta.dirname, '../../../shared/media')
const WINDOWS: Readonly<Record<string, { readonly startMs: number; readonly endMs: number }>> = {
  'sign-book.mkv': { startMs: 200, endMs: 1500 }, 'sign-night.mkv': { startMs: 200, endMs: 1500 },
  'toy-monster.mp4': { startMs: 2000, endMs: 4000 }, 'toy-pig.mp4': { startMs: 2000, endMs: 4000 },
}

const clip = (name: string): Uint8Array => readFileSync(join(FOOTAGE, name))

interface Known extends VerifiedMember { readonly isCutout: boolean; readonly portrait: Uint8Array }

describe.skipIf(!existsSync(join(FOOTAGE, 'labels.json')))('produced videos with real footage in them', { timeout: 180_000 }, () => {
  let models: Models
  const characters = new Map<string, Known>()
  const known = (...names: readonly string[]): readonly Known[] => names.flatMap((name) => characters.get(name) ?? [])
  const jobOn = (bytes: Uint8Array) => createJob(memorySource(bytes), models)

  beforeAll(async () => {
    models = await loadModels(join(import.meta.dirname, '../../models/onnx'))
    for (const [name, window] of Object.entries(WINDOWS)) characters.set(name, await characterOf(name, window))
  }, 120_000)

  async function characterOf(name: string, window: (typeof WINDOWS)[string]): Promise<Known> {
    const job = jobOn(clip(name))
    await job.window({ window })
    await job.see({})
    const { picture } = await job.portrait({ subject: 's1' })
    const cutout = await job.cutout({ subject: 's1' })
    const { vectors } = await job.identity({ subject: 's1' })
    return { id: newCharacterId(), username: name, vectors, figure: cutout.picture ?? picture, isCutout: cutout.picture !== null, portrait: picture }
  }

  async function verdicts(video: Uint8Array, cast: readonly Known[]): Promise<Readonly<Record<string, string>>> {
    const job = jobOn(video)
    const lens = { call: (name: CallName, asked: never) => job[name](asked) } as unknown as LensSession
    const { characters } = await verifyCast(lens, cast, { clock: Date.now })
    for (const { frames, score } of characters) expect([frames.length >= 10, score >= 0 && score <= 1]).toEqual([true, true])
    return Object.fromEntries(characters.map(({ username, verdict }) => [username, verdict]))
  }

  test('the same person in another recording is the same, and another one is not', async () => {
    expect(await verdicts(clip('sign-learn.mkv'), known('sign-book.mkv'))).toEqual({ 'sign-book.mkv': 'same' })
    expect(await verdicts(clip('sign-learn.mkv'), known('sign-night.mkv'))).toEqual({ 'sign-night.mkv': 'different' })
  })

  test('one face is one of the cast', async () => {
    expect(await verdicts(clip('sign-learn.mkv'), known('sign-night.mkv', 'sign-book.mkv'))).toEqual({ 'sign-night.mkv': 'absent', 'sign-book.mkv': 'same' })
  })

  test('a toy is itself, and no person and no other toy is', async () => {
    const result = await verdicts(clip('toy-pig.mp4'), known('toy-pig.mp4', 'toy-monster.mp4', 'sign-book.mkv'))
    expect(result).toMatchObject({ 'toy-pig.mp4': 'same', 'sign-book.mkv': 'absent' })
    expect(['different', 'absent']).toContain(result['toy-monster.mp4'])
  })

  test('in an animatic a person and a toy are recognised by their cut-outs, and who is not in it is not', async () => {
    const cast = known('sign-book.mkv', 'toy-monster.mp4')
    const job = jobOn(new Uint8Array(1))
    await job.stage({
      width: 640, height: 360, seconds: 3, cast: cast.map(({ figure, isCutout }) => ({ figure, isCutout })), backdrops: cast.map(({ portrait }) => portrait),
      caption: 'A walk in the park.', language: 'en', seed: 7, voice: null,
    })
    for (let drawn = 0, frames = 1; drawn < frames;) ({ drawn, frames } = await job.roll({}))
    const { video } = await job.wrap({})
    expect(await verdicts(video, cast)).toEqual({ 'sign-book.mkv': 'same', 'toy-monster.mp4': 'same' })
    const others = await verdicts(video, known('sign-night.mkv', 'toy-pig.mp4'))
    expect(Object.values(others)).not.toContain('same')
  })
})
