// An animatic of two characters, 4 s, in a jailed lens: against real time, against encoding as many ready frames, and against the same film
// put together by hand with the ffmpeg program, where it is installed. `node_modules/.bin/node --expose-gc bench/animatic.ts`
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import sharp from 'sharp'
import { startLenses } from '../src/jail/lenses.ts'
import { H264Encoder } from '../src/lens/media/h264-encoder.ts'
import { drawScene, FRAMES_PER_SECOND, makeScene } from '../src/lens/scene/scene.ts'
import { BITS_PER_PIXEL, sceneCalls } from '../src/lens/scene/scene-calls.ts'
import { createLog } from '../src/runtime/log.ts'
import { memorySource } from '../test/fixtures/memory-source.ts'
import { largestDescendantMiB } from './support/processes.ts'
import { median, report, rounded } from './support/report.ts'

const run = promisify(execFile)
const modelsFolder = new URL('../models/onnx', import.meta.url).pathname
const SIZES = ['848x480', '1280x720', '1920x1080']
const SECONDS = 4
const RUNS = 3
const SIDE = 512
const CAPTION = '@anna hands @ben a letter, and then both of them look at the camera.'

async function figure([red, green, blue]: readonly number[]): Promise<Uint8Array> {
  const pixels = Buffer.alloc(SIDE * SIDE * 4)
  for (let at = 0; at < SIDE * SIDE; at++) {
    const [x, y] = [(at % SIDE) - SIDE / 2, Math.floor(at / SIDE)]
    const isInside = Math.hypot(x, (y - 170) * 0.8) < 120 || (y > 300 && Math.abs(x) < 130 + (y - 300) / 2)
    pixels.set([red + (y % 40), green, blue, isInside ? 255 : 0], at * 4)
  }
  return sharp(pixels, { raw: { width: SIDE, height: SIDE, channels: 4 } }).webp({ quality: 90 }).toBuffer()
}

const figures = await Promise.all([[190, 140, 110], [90, 120, 190]].map(figure))
const stageOf = (size: string) => {
  const [width, height] = size.split('x').map(Number)
  return { width, height, seconds: SECONDS, cast: figures.map((bytes) => ({ figure: bytes, isCutout: true })), backdrops: figures, caption: CAPTION, language: 'en' as const, seed: 1, voice: null }
}

interface Timed { readonly wallMs: number; readonly cpuMs: number }

async function timed(work: () => Promise<unknown>): Promise<Timed> {
  const [started, before] = [performance.now(), process.cpuUsage()]
  await work()
  const { user, system } = process.cpuUsage(before)
  return { wallMs: performance.now() - started, cpuMs: (user + system) / 1000 }
}

async function repeated(work: () => Promise<Timed>): Promise<Timed> {
  const runs: Timed[] = []
  for (let i = 0; i < RUNS; i++) runs.push(await work())
  return { wallMs: median(runs.map(({ wallMs }) => wallMs)), cpuMs: median(runs.map(({ cpuMs }) => cpuMs)) }
}

/** From the first call to the bytes, in a lens that was ready. */
async function inLens(size: string): Promise<{ readonly wallMs: number; readonly mostMiB: number }> {
  await using lenses = await startLenses({ processes: 1, modelsFolder, log: createLog({ level: 'silent' }) })
  let mostMiB = 0
  const sampler = setInterval(async () => { mostMiB = Math.max(mostMiB, await largestDescendantMiB(process.pid)) }, 50)
  const started = performance.now()
  await using lens = await lenses.open(memorySource(new Uint8Array()), { signal: new AbortController().signal })
  const { frames } = await lens.call('stage', stageOf(size))
  for (let drawn = 0; drawn < frames;) ({ drawn } = await lens.call('roll', {}))
  await lens.call('wrap', {})
  clearInterval(sampler)
  return { wallMs: performance.now() - started, mostMiB }
}

async function inProcess(size: string): Promise<void> {
  const job = sceneCalls(modelsFolder)
  const { frames } = await job.stage(stageOf(size))
  for (let drawn = 0; drawn < frames;) ({ drawn } = await job.roll({}))
  await job.wrap({})
}

/** As many frames of the same film, all drawn before. */
async function readyFrames(size: string): Promise<Timed> {
  const { width, height, seconds: length } = stageOf(size)
  const scene = await makeScene(stageOf(size), modelsFolder)
  const kept = Array.from({ length: FRAMES_PER_SECOND }, (_, i) => {
    const frame = { width, height, data: new Uint8Array((width * height * 3) / 2) }
    drawScene(frame, scene, { seconds: i / FRAMES_PER_SECOND, length })
    return frame
  })
  return timed(async () => {
    using encoder = new H264Encoder({ bitsPerPixel: BITS_PER_PIXEL })
    for (let i = 0; i < SECONDS * FRAMES_PER_SECOND; i++) {
      // To and fro, so that each differs from the one before as it does in the film.
      const at = i % (2 * kept.length - 2)
      await encoder.add(kept[at < kept.length ? at : 2 * kept.length - 2 - at], { seconds: i / FRAMES_PER_SECOND, isKey: i % 48 === 0 })
    }
    await encoder.finish({ endSeconds: SECONDS, originSeconds: 0 })
  })
}

/** What somebody would write: blur, pan, two overlays that bob, a box and the text. */
async function byHand(size: string, folder: string): Promise<Timed> {
  const { width, height } = stageOf(size)
  const tall = Math.round(height * 0.68)
  const filter = [
    `[0]scale=${Math.round(width * 1.1)}:-2,gblur=sigma=40,eq=brightness=-0.2,crop=${width}:${height}:'(iw-ow)*t/${SECONDS}':0[back]`,
    `[1]scale=-2:${tall}[one]`, `[2]scale=-2:${tall}[two]`,
    `[back][one]overlay=x=W*0.27-w/2:y='H*0.1+6*sin(t*2)'[a]`, `[a][two]overlay=x=W*0.73-w/2:y='H*0.1+6*sin(t*2+1)'[b]`,
    '[b]drawbox=y=ih*0.8:h=ih*0.2:color=black@0.75:t=fill[c]', `[c]drawtext=textfile=${join(folder, 'caption.txt')}:fontfile=${join(modelsFolder, 'caption.otf')}:fontsize=h/24:fontcolor=white:x=w*0.03:y=h*0.87[out]`,
  ].join(';')
  const stills = ['0.png', '0.png', '1.png'].flatMap((file) => ['-loop', '1', '-framerate', String(FRAMES_PER_SECOND), '-i', join(folder, file)])
  const command = ['ffmpeg', '-v', 'error', '-y', ...stills, '-f', 'lavfi', '-i', 'anullsrc=r=48000:cl=mono', '-filter_complex', filter, '-map', '[out]', '-map', '3:a', '-t', String(SECONDS), '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-movflags', '+faststart', join(folder, 'out.mp4')]
  const { stderr } = await run('bash', ['-c', 'TIMEFORMAT="%R %U %S"; time "$@"', 'bash', ...command])
  const [wall, user, system] = (stderr.trim().split('\n').at(-1) ?? '').split(' ').map(Number)
  return { wallMs: wall * 1000, cpuMs: (user + system) * 1000 }
}

const folder = await mkdtemp(join(tmpdir(), 'dramatis-bench-'))
for (const [i, bytes] of figures.entries()) await sharp(bytes).png().toFile(join(folder, `${i}.png`))
await writeFile(join(folder, 'caption.txt'), CAPTION)
const hasFfmpeg = await run('ffmpeg', ['-version']).then(() => true, () => false)

const rows = []
for (const size of SIZES) {
  const lens = [await inLens(size), await inLens(size), await inLens(size)]
  const wallMs = median(lens.map(({ wallMs }) => wallMs))
  await inProcess(size)
  const { cpuMs } = await repeated(() => timed(() => inProcess(size)))
  const floor = await repeated(() => readyFrames(size))
  const hand = hasFfmpeg ? await repeated(() => byHand(size, folder)) : null
  rows.push({
    size, seconds: SECONDS, 'wall ms': Math.round(wallMs), 'times real time': rounded((SECONDS * 1000) / wallMs, 1), 'cpu ms': Math.round(cpuMs), 'lens MiB': Math.max(...lens.map(({ mostMiB }) => mostMiB)),
    'encoding alone ms': Math.round(floor.wallMs), 'encoding alone cpu ms': Math.round(floor.cpuMs), 'of that': rounded(wallMs / floor.wallMs, 1),
    ...(hand && { 'by hand ms': Math.round(hand.wallMs), 'by hand cpu ms': Math.round(hand.cpuMs), 'times faster': rounded(hand.wallMs / wallMs, 1) }),
  })
  console.error(rows.at(-1))
}
await rm(folder, { recursive: true })
await report('animatic', rows)
process.exit(0)
