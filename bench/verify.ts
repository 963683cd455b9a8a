// Characters of the labelled clips against the clips themselves and against animatics: how far the scores of who is in a video lie above those of who is not;
// and how long a jailed lens takes to judge 4 s and 20 s of 720p. `node_modules/.bin/node bench/verify.ts [folder]`
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { newCharacterId } from '../src/domain/identifier.ts'
import type { LensSession } from '../src/jail/lens-session.ts'
import { startLenses } from '../src/jail/lenses.ts'
import { openFileSource } from '../src/net/file-source.ts'
import { createLog } from '../src/runtime/log.ts'
import type { ByteSource } from '../src/runtime/byte-source.ts'
import { verifyCast, type VerifiedMember } from '../src/videos/verify-cast.ts'
import { memorySource } from '../test/fixtures/memory-source.ts'
import { report, rounded } from './support/report.ts'

const [folder = new URL('../../shared/media', import.meta.url).pathname] = process.argv.slice(2)
const label = z.object({ window: z.tuple([z.number(), z.number()]), kind: z.string().nullish(), person: z.string().optional() })
const { clips } = z.object({ clips: z.record(z.string(), label) }).parse(JSON.parse(await readFile(join(folder, 'labels.json'), 'utf8')))
const SIZE = { width: 1280, height: 720 }

await using lenses = await startLenses({ processes: 1, modelsFolder: new URL('../models/onnx', import.meta.url).pathname, log: createLog({ level: 'silent' }) })
async function withLens<T>(source: ByteSource, work: (lens: LensSession) => Promise<T>): Promise<T> {
  await using lens = await lenses.open(source, { signal: new AbortController().signal, deadlineMs: 60_000 })
  return await work(lens)
}

interface Known extends VerifiedMember { readonly person: string; readonly isCutout: boolean; readonly backdrop: Uint8Array }

async function characterOf(name: string): Promise<Known> {
  const { window: [start, end], person = name } = clips[name]
  await using source = await openFileSource(join(folder, name))
  return await withLens(source, async (lens) => {
    await lens.call('window', { window: { startMs: start * 1000, endMs: end * 1000 } })
    await lens.call('see', {})
    const { picture } = await lens.call('portrait', { subject: 's1' })
    const cutout = await lens.call('cutout', { subject: 's1' })
    const { vectors } = await lens.call('identity', { subject: 's1' })
    return { id: newCharacterId(), username: name.split('.')[0], vectors, figure: cutout.picture ?? picture, isCutout: cutout.picture !== null, backdrop: picture, person }
  })
}

async function animatic(cast: readonly Known[], seconds: number): Promise<Uint8Array> {
  return withLens(memorySource(new Uint8Array(1)), async (lens) => {
    await lens.call('stage', { ...SIZE, seconds, cast: cast.map(({ figure, isCutout }) => ({ figure, isCutout })), backdrops: cast.map(({ backdrop }) => backdrop), caption: 'A walk in the park.', language: 'en', seed: 7, voice: null })
    for (let drawn = 0, frames = 1; drawn < frames;) ({ drawn, frames } = await lens.call('roll', {}))
    return (await lens.call('wrap', {})).video
  })
}

interface Scored { readonly video: string; readonly character: string; readonly isIn: boolean; readonly score: number; readonly verdict: string }

/** Each character alone, so that none takes what another is seen by. The lens looks once. */
async function scoreAll(video: string, bytes: Uint8Array, isIn: (known: Known) => boolean): Promise<readonly Scored[]> {
  const figures = everyone.filter(({ vectors }) => !vectors.some(({ of }) => of === 'track-mean')).map(({ figure }) => figure)
  const seen = await withLens(memorySource(bytes), (lens) => lens.call('witness', { wantsFaces: true, figures }))
  const answered = { ...seen, figures: new Map(figures.map((figure, i) => [figure, seen.figures[i]])) }
  return Promise.all(everyone.map(async (known) => {
    const lens = { call: async () => ({ ...seen, figures: [answered.figures.get(known.figure) ?? null] }) } as unknown as LensSession
    const { characters: [{ score, verdict }] } = await verifyCast(lens, [known], { clock: Date.now })
    return { video, character: known.username, isIn: isIn(known), score: rounded(score, 2), verdict }
  }))
}

const everyone: Known[] = []
for (const [name, { kind }] of Object.entries(clips)) if (kind && name.match(/^(sign|toy)-/)) everyone.push(await characterOf(name))
const named = (...names: readonly string[]): readonly Known[] => everyone.filter(({ username }) => names.includes(username))

const casts = [named('sign-book', 'toy-monster'), named('sign-night', 'toy-pig', 'toy-rabbit'), named('toy-monster', 'toy-pig', 'toy-rabbit')]
const scores: Scored[] = []
for (const name of Object.keys(clips).filter((name) => name.match(/^(sign|toy)-/))) {
  const { person = name } = clips[name]
  scores.push(...await scoreAll(name, await readFile(join(folder, name)), (known) => known.person === person))
}
const animatics: Scored[] = []
for (const cast of casts) animatics.push(...await scoreAll(`animatic of ${cast.map(({ username }) => username).join(' ')}`, await animatic(cast, 4), ({ person }) => cast.some((member) => member.person === person)))

function separation(of: readonly Scored[]): Record<string, unknown> {
  const [present, others] = [true, false].map((isIn) => of.filter((scored) => scored.isIn === isIn))
  const share = (rows: readonly Scored[], verdict: string): number => rounded(rows.filter((row) => row.verdict === verdict).length / rows.length, 2)
  const verdicts = (rows: readonly Scored[]) => Object.fromEntries(['same', 'unsure', 'different', 'absent'].map((verdict) => [verdict, share(rows, verdict)]))
  return {
    'who is in it': { pairs: present.length, least: Math.min(...present.map(({ score }) => score)), ...verdicts(present) },
    'who is not': { pairs: others.length, most: Math.max(...others.map(({ score }) => score)), ...verdicts(others) },
  }
}

const times = []
for (const seconds of [4, 20]) {
  const video = await animatic(named('sign-book', 'toy-monster'), seconds)
  const timed = async (call: (lens: LensSession) => Promise<unknown>): Promise<number> => withLens(memorySource(video), async (lens) => {
    const started = performance.now()
    await call(lens)
    return Math.round(performance.now() - started)
  })
  times.push({
    video: `${seconds} s of 720p`, 'MiB': rounded(video.length / 1024 / 1024, 1),
    'inspect ms': await timed((lens) => lens.call('inspect', {})),
    'witness faces ms': await timed((lens) => lens.call('witness', { wantsFaces: true, figures: [] })),
    'witness all ms': await timed((lens) => lens.call('witness', { wantsFaces: true, figures: everyone.slice(-3).map(({ figure }) => figure) })),
  })
}

const wrong = [...scores, ...animatics].filter(({ isIn, verdict }) => isIn !== (verdict === 'same'))
console.table(wrong)
await report('verify', times, { 'jail': lenses.jail, 'clips': separation(scores), 'animatics': separation(animatics), 'not told right': wrong })
