// The labelled clips through the lens's own code: the right kind, the right face, who is the same, and CPU time a step. Prints a table, and with
// `--sheet FILE.png` draws all portraits and cut-outs to look at. `node_modules/.bin/node bench/see.ts [folder] [--sheet FILE]`
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import sharp from 'sharp'
import { z } from 'zod'
import { AppError } from '../src/domain/errors.ts'
import { overlap, type Box } from '../src/domain/geometry.ts'
import { distance } from '../src/domain/vector.ts'
import { createJob } from '../src/lens/job.ts'
import { loadModels } from '../src/lens/models.ts'
import { openFileSource } from '../src/net/file-source.ts'
import { median, report, rounded } from './support/report.ts'

const TILE = 256

const { values, positionals: [folder = new URL('../../shared/media', import.meta.url).pathname] } = parseArgs({ allowPositionals: true, options: { sheet: { type: 'string' } } })
const label = z.object({
  window: z.tuple([z.number(), z.number()]), kind: z.string().nullish(), person: z.string().optional(), subjects: z.number().optional(),
  face_box: z.tuple([z.number(), z.number(), z.number(), z.number()]).optional(),
})
const { clips } = z.object({ clips: z.record(z.string(), label) }).parse(JSON.parse(await readFile(join(folder, 'labels.json'), 'utf8')))
const models = await loadModels(new URL('../models/onnx', import.meta.url).pathname)
await models.warmUp()

interface Seen { readonly row: Record<string, unknown>; readonly person: string | null; readonly face: Float32Array | null; readonly pictures: readonly (Uint8Array | null)[] }

async function see(name: string, { window: [start, end], kind, person, subjects: expected, face_box: faceBox }: z.infer<typeof label>): Promise<Seen> {
  await using source = await openFileSource(join(folder, name))
  const job = createJob(source, models)
  const times: Record<string, number> = {}
  const timed = async <T>(step: string, work: () => Promise<T>): Promise<T> => {
    const before = process.cpuUsage()
    const result = await work()
    const { user, system } = process.cpuUsage(before)
    times[`${step} ms`] = Math.round((user + system) / 1000)
    return result
  }
  await timed('window', () => job.window({ window: { startMs: start * 1000, endMs: end * 1000 } }))
  const { subjects, frames, reasons } = await timed('see', () => job.see({}))
  if (subjects.length === 0) return { row: { clip: name, label: kind ?? '-', kind: reasons.join(), frames, ...times }, person: null, face: null, pictures: [] }
  const subject = subjects[0].id
  const portrait = await timed('portrait', () => job.portrait({ subject }))
  const cutout = await timed('cutout', () => job.cutout({ subject }))
  const { references } = await timed('references', () => job.references({ subject }))
  const { vectors } = await timed('identity', () => job.identity({ subject }))
  const { speechSeconds } = await timed('voice', () => job.voice({}))
  const iou = faceBox ? rounded(overlap(portrait.box as Box, faceBox), 2) : null
  const row = {
    clip: name, label: kind ?? '-', kind: subjects[0].kind, rung: subjects[0].rung, hint: subjects[0].hint, colour: subjects[0].colour, found: expected ? `${subjects.length} of ${expected}` : subjects.length,
    IoU: iou, at: rounded(portrait.seconds, 2), quality: rounded(portrait.quality.score, 2), reasons: portrait.quality.reasons.join(' '), cutout: cutout.picture ? 'yes' : 'no', references: references.length, speech: rounded(speechSeconds, 1), frames, ...times,
  }
  return { row, person: person ?? null, face: vectors.find(({ of }) => of === 'track-mean')?.values ?? null, pictures: [portrait.picture, cutout.picture, ...references.slice(1).map(({ picture }) => picture)] }
}

const results: Seen[] = []
for (const [name, facts] of Object.entries(clips)) {
  results.push(await see(name, facts).catch((error: unknown): Seen => {
    if (!(error instanceof AppError)) throw error
    return { row: { clip: name, label: facts.kind, kind: error.code }, person: null, face: null, pictures: [] }
  }))
}

/** Share of the pairs of pairs in which the same person's distance is the smaller. */
function identity(): Record<string, number> {
  const known = results.flatMap(({ person, face }) => (person && face ? [{ person, face }] : []))
  const pairs = known.flatMap((a, i) => known.slice(i + 1).map((b) => ({ isSame: a.person === b.person, apart: distance(a.face, b.face) })))
  const [same, different] = [true, false].map((is) => pairs.filter(({ isSame }) => isSame === is).map(({ apart }) => apart))
  const wins = same.flatMap((a) => different.map((b): number => (a < b ? 1 : a === b ? 0.5 : 0)))
  return {
    AUC: rounded(wins.reduce((sum, win) => sum + win, 0) / (wins.length || 1), 4), 'same pairs': same.length, 'different pairs': different.length,
    'largest same': rounded(Math.max(...same)), 'median different': rounded(median(different)), 'smallest different': rounded(Math.min(...different)),
  }
}

/** A row a clip: portrait, cut-out on a checkered ground, references. */
async function drawSheet(path: string): Promise<void> {
  const columns = 8
  const checkers = Uint8Array.from({ length: TILE * TILE * 3 }, (_, i) => ((Math.floor(i / 3) % TILE >> 4) + (Math.floor(i / 3 / TILE) >> 4)) % 2 || i % 3 === 0 ? 230 : 60)
  const ground = await sharp(checkers, { raw: { width: TILE, height: TILE, channels: 3 } }).png().toBuffer()
  const tiles = await Promise.all(results.flatMap(({ pictures }, row) => pictures.slice(0, columns).map(async (picture, column) => {
    const shown = picture ? await sharp(picture).resize(TILE, TILE).png().toBuffer() : null
    const input = shown ? await sharp(ground).composite([{ input: shown }]).png().toBuffer() : await sharp(ground).modulate({ saturation: 0, brightness: 0.3 }).png().toBuffer()
    return { input, left: column * TILE, top: row * TILE }
  })))
  await sharp({ create: { width: columns * TILE, height: results.length * TILE, channels: 3, background: '#222' } }).composite(tiles).png().toFile(path)
}

if (values.sheet) await drawSheet(values.sheet)
await report('see', results.map(({ row }) => row), { identity: identity(), 'peak MiB': Math.round(process.resourceUsage().maxRSS / 1024) })
