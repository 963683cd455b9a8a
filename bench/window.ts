// Bytes and requests that reading a window of two seconds takes, against the floor: the tables, and the packets of the window
// from the covering key frame on. `node_modules/.bin/node bench/window.ts`; draws 1.7 GB of videos on first use.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openWindow } from '../src/lens/media/open-window.ts'
import { openUrlSource } from '../src/net/url-source.ts'
import { startFileServer } from '../test/support/file-server.ts'
import { benchClips } from './support/clips.ts'
import { median, report, rounded } from './support/report.ts'

const RUNS = 3
const { folder, clips } = await benchClips()
await using server = await startFileServer(folder)
const scratchFolder = await mkdtemp(join(tmpdir(), 'dramatis-bench-'))

const rows = []
for (const { name, bytes: fileBytes, window } of clips) {
  const runs = []
  for (let run = 0; run < RUNS; run++) {
    server.takeCounts()
    const started = performance.now()
    const settings = { allow: [server.host], dnsServers: [], maxBytes: 200 * 1024 * 1024 }
    await using source = await openUrlSource(new URL(`${server.url}/${name}`), { settings, scratchFolder, signal: AbortSignal.timeout(60_000) })
    const { facts } = await openWindow(source, window)
    runs.push({ ...server.takeCounts(), floorBytes: facts.floorBytes, ms: performance.now() - started })
  }
  const [{ requests, bytes, floorBytes }] = runs
  rows.push({ file: name, 'file bytes': fileBytes, 'floor bytes': floorBytes, bytes, ratio: rounded(bytes / floorBytes), requests, ms: Math.round(median(runs.map(({ ms }) => ms))) })
}
await rm(scratchFolder, { recursive: true })
await report('window', rows)
