import { join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, describe, expect, test } from 'vitest'
import { makeClip } from '../../test/fixtures/make-clip.ts'
import { memorySource } from '../../test/fixtures/memory-source.ts'
import { createJob } from './job.ts'
import { loadModels, type Models } from './models.ts'
import { CALLS } from './protocol.ts'

let models: Models
beforeAll(async () => { models = await loadModels(join(import.meta.dirname, '../../models/onnx')) })

/** One colour a picture, and another in the next: equal pictures would become one. */
async function blankAnimation(side: number): Promise<Uint8Array> {
  const pages = await Promise.all(Array.from({ length: 12 }, (_, i) => sharp({ create: { width: side, height: side, channels: 3, background: i % 2 ? '#4060a0' : '#a06040' } }).png().toBuffer()))
  return sharp(pages, { join: { animated: true } }).gif({ delay: pages.map(() => 100) }).toBuffer()
}

async function seen(bytes: Uint8Array) {
  const job = createJob(memorySource(bytes), models)
  await job.window({ window: null })
  return { job, answer: CALLS.see.answers.parse(await job.see({})) }
}

test('a drawn toy becomes an object with all its pictures, and nothing else becomes one', async () => {
  const { job, answer: { subjects, models: used } } = await seen(await makeClip({ scene: 'toy' }))
  expect(subjects[0]).toMatchObject({ id: 's1', kind: 'object' })
  expect(subjects[0].sightings).toContainEqual(subjects[0].best)
  expect(Object.keys(used)).toContain('nanodet')
  const portrait = CALLS.portrait.answers.parse(await job.portrait({ subject: 's1' }))
  const { references } = CALLS.references.answers.parse(await job.references({ subject: 's1' }))
  expect(references[0]).toEqual({ picture: portrait.picture, seconds: portrait.seconds, box: portrait.box })
  const { vectors } = CALLS.identity.answers.parse(await job.identity({ subject: 's1' }))
  expect(vectors.map(({ model, of }) => [model, of])).toEqual([['nanodet-g-416/59+62', 'references-mean']])
  // Whatever is not there is refused, and told what is.
  const refusal = { code: 'subject_not_found', param: 'subject', details: { subjects: subjects.map(({ id }) => id) } }
  for (const call of ['portrait', 'cutout', 'references', 'identity'] as const) await expect(job[call]({ subject: 's9' })).rejects.toMatchObject(refusal)
})

describe('where there is nothing to see', () => {
  test('a picture of one colour is blank', async () => {
    expect((await seen(await blankAnimation(200))).answer).toMatchObject({ subjects: [], reasons: ['blank'] })
  })

  test('a stamp is too small', async () => {
    expect((await seen(await blankAnimation(32))).answer).toMatchObject({ subjects: [], reasons: ['too_small'] })
  })
})
