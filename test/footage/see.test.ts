import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { overlap } from '../../src/domain/geometry.ts'
import { distance } from '../../src/domain/vector.ts'
import { createJob } from '../../src/lens/job.ts'
import { loadModels, type Models } from '../../src/lens/models.ts'
import { CALLS } from '../../src/lens/protocol.ts'
import { memorySource } from '../fixtures/memory-source.ts'

/** Real footage is not part of the repository: skipped where it is absent. */
const FOOTAGE = join(import.meta.dirname, '../../../shared/media')
const isHere = existsSync(join(FOOTAGE, 'labels.json'))

const fraction = z.number()
const label = z.object({
  window: z.tuple([z.number(), z.number()]), kind: z.string().nullish(), person: z.string().optional(), subjects: z.number().optional(),
  face_box: z.tuple([fraction, fraction, fraction, fraction]).optional(),
})
const labels = isHere ? z.object({ clips: z.record(z.string(), label) }).parse(JSON.parse(readFileSync(join(FOOTAGE, 'labels.json'), 'utf8'))).clips : {}
const named = (test: (facts: z.infer<typeof label>) => unknown): readonly string[] => Object.keys(labels).filter((name) => test(labels[name]))
const signing = named(({ person }) => person !== undefined)

describe.skipIf(!isHere)('the labelled clips', () => {
  let models: Models
  const identities: { readonly person: string; readonly values: Float32Array }[] = []
  beforeAll(async () => { models = await loadModels(join(import.meta.dirname, '../../models/onnx')) })

  async function open(name: string) {
    const job = createJob(memorySource(readFileSync(join(FOOTAGE, name))), models)
    const [start, end] = labels[name].window
    const facts = await job.window({ window: { startMs: start * 1000, endMs: end * 1000 } })
    return { job, facts, seen: CALLS.see.answers.parse(await job.see({})) }
  }

  test.each(named(({ kind }) => typeof kind === 'string'))('%s shows what its label says', async (name) => {
    const { job, seen } = await open(name)
    expect(seen.subjects[0]?.kind).toBe(labels[name].kind)
    const [cutout, { references }] = [await job.cutout({ subject: 's1' }), await job.references({ subject: 's1' })]
    expect(CALLS.cutout.answers.parse(cutout).gate.coverage).toBeGreaterThan(0)
    expect(references.length).toBeGreaterThanOrEqual(3)
    expect(references.length).toBeLessThanOrEqual(8)
  })

  test.each(signing)('%s: the portrait is of the face, and a cut-out is offered', async (name) => {
    const { job } = await open(name)
    const portrait = CALLS.portrait.answers.parse(await job.portrait({ subject: 's1' }))
    expect(overlap(portrait.box, labels[name].face_box ?? [0, 0, 0, 0])).toBeGreaterThanOrEqual(0.5)
    const { format, width, height } = await sharp(portrait.picture).metadata()
    expect({ format, width, height }).toEqual({ format: 'webp', width: 512, height: 512 })
    const { picture } = await job.cutout({ subject: 's1' })
    expect((await sharp(picture ?? Buffer.alloc(0)).metadata()).hasAlpha).toBe(true)
    const { vectors } = CALLS.identity.answers.parse(await job.identity({ subject: 's1' }))
    expect(vectors.map(({ model, of, values }) => [model, of, values.length])).toEqual([
      ['dlib-face-resnet-v1', 'track-mean', 128], ['dlib-face-resnet-v1', 'best-frame', 128],
    ])
    identities.push({ person: labels[name].person ?? '', values: vectors[0].values })
  })

  test('every pair of one person is nearer than every pair of two', () => {
    expect(identities).toHaveLength(signing.length)
    const pairs = identities.flatMap((a, i) => identities.slice(i + 1).map((b) => ({ isSame: a.person === b.person, apart: distance(a.values, b.values) })))
    const apart = (isSame: boolean): readonly number[] => pairs.filter((pair) => pair.isSame === isSame).map((pair) => pair.apart)
    expect(Math.max(...apart(true))).toBeLessThan(Math.min(...apart(false)))
  })

  test.each(named(({ subjects }) => subjects !== undefined))('%s: its people are listed apart', async (name) => {
    const { job, seen } = await open(name)
    expect(seen.subjects.filter(({ kind }) => kind === 'person').length).toBeGreaterThanOrEqual(2)
    expect(seen.subjects.map(({ id }) => id)).toEqual(seen.subjects.map((_, i) => `s${i + 1}`))
    const { pictures } = await job.thumbnails({})
    expect(await Promise.all(pictures.map(async (picture) => (await sharp(picture).metadata()).width))).toEqual(seen.subjects.map(() => 192))
  })

  test('hevc-no-character.mp4 has no character', async () => {
    const { job, seen } = await open('hevc-no-character.mp4')
    expect({ subjects: seen.subjects, reasons: seen.reasons }).toEqual({ subjects: [], reasons: ['nothing_stays'] })
    await expect(job.portrait({ subject: 's1' })).rejects.toMatchObject({ code: 'subject_not_found', details: { subjects: [] } })
  })

  test('rotated.mp4 is seen upright', async () => {
    const { job, facts } = await open('rotated.mp4')
    expect(facts.height).toBeGreaterThan(facts.width)
    const { crop } = await job.portrait({ subject: 's1' })
    // Square in pixels of the upright frame, and so not in fractions of it.
    expect((crop[2] - crop[0]) * facts.width).toBeCloseTo((crop[3] - crop[1]) * facts.height, 0)
  })

  test('nobody speaks in toy-pig.mp4, and there is nothing to hear in woman.gif', async () => {
    for (const name of ['toy-pig.mp4', 'woman.gif']) expect((await (await open(name)).job.voice({})).wav).toBeNull()
  })

})
