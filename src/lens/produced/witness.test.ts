import { join } from 'node:path'
import sharp from 'sharp'
import { beforeAll, expect, test, vi } from 'vitest'
import { FIGURE_VECTOR } from '../../../models/table.ts'
import { makeClip } from '../../../test/fixtures/make-clip.ts'
import { memorySource } from '../../../test/fixtures/memory-source.ts'
import { cosine } from '../../domain/vector.ts'
import { createJob } from '../job.ts'
import { loadModels, type Models } from '../models.ts'
import { CALLS } from '../protocol.ts'

// Several models over ten frames: slow on a machine that does much else.
vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 })

let models: Models
let figure: Uint8Array
beforeAll(async () => {
  models = await loadModels(join(import.meta.dirname, '../../../models/onnx'))
  const job = createJob(memorySource(await makeClip({ seconds: 2, width: 640, height: 360 })), models)
  await job.window({ window: null })
  await job.see({})
  const { picture } = await job.cutout({ subject: 's1' })
  figure = picture ?? (await job.portrait({ subject: 's1' })).picture
})

const witnessed = async (bytes: Uint8Array, figures: readonly Uint8Array[]) => CALLS.witness.answers.parse(await createJob(memorySource(bytes), models).witness({ wantsFaces: true, figures }))

test('a drawn toy is seen as itself, where it is', async () => {
  const { figures: [known], frames } = await witnessed(await makeClip({ seconds: 1, width: 480, height: 270 }), [figure])
  expect(frames).toHaveLength(10)
  const nearest = frames.map(({ sightings }) => sightings.map(({ values, box, model }) => ({ apart: 1 - cosine(values, known ?? []), box, model })).toSorted((a, b) => a.apart - b.apart)[0])
  expect(nearest.filter((seen) => seen?.apart < 0.12).length).toBeGreaterThanOrEqual(8)
  // It walks to the right.
  const middles = nearest.flatMap((seen) => (seen ? [(seen.box[0] + seen.box[2]) / 2] : []))
  expect(middles.at(-1)).toBeGreaterThan((middles[0] ?? 1) + 0.2)
  expect(new Set(nearest.map((seen) => seen?.model))).toEqual(new Set([FIGURE_VECTOR.id]))
})

test('where it is not, nothing is like it; and without figures nothing but faces is looked for', async () => {
  const plain = await makeClip({ seconds: 2, width: 480, height: 270, scene: 'plain' })
  const { figures: [known], frames } = await witnessed(plain, [figure])
  expect(frames.flatMap(({ sightings }) => sightings.filter(({ values }) => 1 - cosine(values, known ?? []) < 0.22))).toEqual([])
  const { figures, frames: faces } = await witnessed(plain, [])
  expect([figures, faces.length, faces.flatMap(({ sightings }) => sightings)]).toEqual([[], 24, []])
})

test('a figure with nothing on it has no vector', async () => {
  const nothing = await sharp({ create: { width: 64, height: 64, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } } }).webp().toBuffer()
  expect((await witnessed(await makeClip({ seconds: 0.4 }), [nothing])).figures).toEqual([null])
})

test('what cannot be decoded is refused', async () => {
  await expect(witnessed(new TextEncoder().encode('<html>'), [])).rejects.toMatchObject({ code: 'media_unsupported' })
})
