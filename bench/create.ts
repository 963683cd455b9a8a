// A warm create of a two-second window of 1080p through the whole service (HTTP, queue, jail, disk) against the hand-built
// pipeline and against the floor, in one run, over loopback and over a slow link. `node_modules/.bin/node bench/create.ts`
// Processor time is the machine's: it counts the spare lens that is started for the next create.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openFileSource } from '../src/net/file-source.ts'
import { openWindow } from '../src/lens/media/open-window.ts'
import { loadModels } from '../src/lens/models.ts'
import { startFileServer, type Link } from '../test/support/file-server.ts'
import { startService } from '../test/support/service.ts'
import { benchClips, type BenchClip } from './support/clips.ts'
import { decodeOnly, handBuilt } from './support/hand-built.ts'
import { largestDescendantMiB, machineCpuSeconds, residentMiB } from './support/processes.ts'
import { median, report, rounded } from './support/report.ts'

const SLOW_LINK: Link = { roundTripMs: 50, bytesPerSecond: 5_000_000 }
const RUNS = { loopback: 3, slow: 3, slowByHand: 1 }
const SETTLE_MS = 1500
const SOAK_CREATES = Number(process.argv[2] ?? 200)

const { folder, clips } = await benchClips()
const models = await loadModels(new URL('../models/onnx', import.meta.url).pathname)
await models.warmUp()
const scratch = await mkdtemp(join(tmpdir(), 'dramatis-bench-'))
const wanted = clips.filter(({ seconds, layout }) => seconds >= 60 && layout === 'moov-first')

interface Timed { readonly wallMs: number; readonly cpuMs: number }

/** Starts when the machine is quiet: the spare lens of the create before is up. */
async function timed(work: () => Promise<unknown>): Promise<Timed> {
  await sleep(SETTLE_MS)
  const [cpuBefore, started] = [await machineCpuSeconds(), performance.now()]
  await work()
  const wallMs = performance.now() - started
  await sleep(SETTLE_MS)
  return { wallMs, cpuMs: (await machineCpuSeconds() - cpuBefore) * 1000 }
}

async function create(service: string, url: string, { startMs, endMs }: BenchClip['window']): Promise<void> {
  const body = JSON.stringify({ url, timestamps: { start: startMs / 1000, end: endMs / 1000 }, force: true })
  const response = await fetch(`${service}/sora/v1/characters`, { method: 'POST', headers: { 'content-type': 'application/json' }, body })
  if (response.status !== 200) throw new Error(await response.text())
  await response.arrayBuffer()
}

const repeat = async (count: number, work: () => Promise<Timed>): Promise<Timed> => {
  const runs: Timed[] = []
  for (let i = 0; i < count; i++) runs.push(await work())
  return { wallMs: median(runs.map(({ wallMs }) => wallMs)), cpuMs: median(runs.map(({ cpuMs }) => cpuMs)) }
}

const rows = []
for (const [linkName, link] of [['loopback', undefined], ['50 ms, 5 MB/s', SLOW_LINK]] as const) {
  await using server = await startFileServer(folder, { link })
  await using service = await startService({ environment: { FETCH_ALLOW: server.host, LOG_LEVEL: 'error' } })
  for (const { name, window } of wanted) {
    const url = `${server.url}/${name}`
    await using source = await openFileSource(join(folder, name))
    const { facts } = await openWindow(source, window)
    const decodeMs = median([await decodeOnly(facts.clip), await decodeOnly(facts.clip), await decodeOnly(facts.clip)])
    const floorMs = decodeMs + (link ? (facts.floorBytes / link.bytesPerSecond) * 1000 + link.roundTripMs : 0)
    await create(service.url, url, window)
    const ours = await repeat(link ? RUNS.slow : RUNS.loopback, () => timed(() => create(service.url, url, window)))
    const byHand = (via: 'files' | 'memory') => repeat(link ? RUNS.slowByHand : RUNS.loopback, () => timed(() => handBuilt(url, window, { models, folder: scratch, via })))
    const [files, memory] = [await byHand('files'), link ? null : await byHand('memory')]
    rows.push({
      link: linkName, file: name, 'wall ms': Math.round(ours.wallMs), 'cpu ms': Math.round(ours.cpuMs), 'floor ms': Math.round(floorMs), 'of floor': rounded(ours.wallMs / floorMs, 1),
      'by hand ms': Math.round(files.wallMs), 'by hand cpu ms': Math.round(files.cpuMs), 'times faster': rounded(files.wallMs / ours.wallMs, 1),
      ...(memory && { 'in memory ms': Math.round(memory.wallMs), 'times faster than that': rounded(memory.wallMs / ours.wallMs, 1) }),
    })
    console.error(rows.at(-1))
  }
}

/** Memory of the service over many creates, and the largest lens. */
async function soak(): Promise<Record<string, number>> {
  await using server = await startFileServer(folder)
  await using service = await startService({ environment: { FETCH_ALLOW: server.host, LOG_LEVEL: 'error' } })
  const [{ name, window }] = wanted
  let largestLensMiB = 0
  const sampler = setInterval(async () => { largestLensMiB = Math.max(largestLensMiB, await largestDescendantMiB(service.pid)) }, 100)
  const memory: number[] = []
  for (let i = 0; i < SOAK_CREATES; i++) {
    await create(service.url, `${server.url}/${name}`, window)
    memory.push(await residentMiB(service.pid))
  }
  clearInterval(sampler)
  const tenth = Math.max(1, Math.floor(SOAK_CREATES / 10))
  return { creates: SOAK_CREATES, 'service MiB after a tenth': memory[tenth - 1], 'service MiB at the end': memory[memory.length - 1], 'largest lens MiB': largestLensMiB }
}

const memory = await soak()
await rm(scratch, { recursive: true })
await report('create', rows, memory)
