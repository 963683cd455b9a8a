// A service under load, each call timed from the moment at which it was due: reads alone, reads beside creates, creates alone, and ten times as many
// creates as it can make, with reads beside them. `node_modules/.bin/node bench/load.ts --scenarios=reads,overload --seconds=60 --lenses=1,2`
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../src/db/database.ts'
import { startService, type RunningService } from '../test/support/service.ts'
import { percentile, spreadOf } from './support/latencies.ts'
import { openLibrary, type Library } from './support/library.ts'
import { latenciesOf, putLoad, type Answered, type Call, type Measured, type Stream } from './support/open-loop.ts'
import { numbersOf, readOptions, wordsOf } from './support/options.ts'
import { plant, readTemplate, sampleOf } from './support/planting.ts'
import { cpuSecondsOf, sampleMemory, type MemorySamples } from './support/processes.ts'
import { report, rounded } from './support/report.ts'
import { serveClip } from './support/tiny-clip.ts'

const options = readOptions({
  scenarios: 'reads,mixed,creates,overload',
  seconds: 30,
  /** Reads a second. */
  rate: 500,
  /** Planted before anything is measured. */
  characters: 10_000,
  /** One run for each number of lens processes. */
  lenses: '1,2',
  /** QUEUE_MAX and SYNC_BUDGET_MS of the service. */
  queue: 8,
  budget: 20_000,
  /** How many times as many creates as can be made. */
  over: 10,
  clip: 'small',
  /** Of a PostgreSQL server, and of a bucket; empty for SQLite and disk. */
  database: '',
  s3: '',
})
const SAMPLE = 2000
const WARM_UP_SECONDS = 5
const HEALTH: Stream = { name: 'health', perSecond: 10, calls: [{ name: 'healthz', method: 'GET', path: '/healthz' }] }
const BETWEEN_MS = 3000

interface Bench { readonly service: RunningService; readonly db: Database; readonly lenses: number; readonly reads: Stream; readonly create: Call }
type Row = Readonly<Record<string, unknown>>
type Facts = Record<string, unknown>

/** Five kinds of reads in turn, each of a character from anywhere in the library. */
async function readsOf(db: Database): Promise<Stream> {
  const planted = await sampleOf(db, SAMPLE)
  const calls = planted.flatMap(({ id, username, mediaToken }): Call[] => [
    { name: 'get by id', method: 'GET', path: `/v1/characters/${id}` },
    { name: 'resolve @name', method: 'GET', path: `/v1/characters/@${username}` },
    { name: 'list', method: 'GET', path: `/v1/characters?limit=20&after=${id}` },
    { name: 'portrait', method: 'GET', path: `/media/${mediaToken}/portrait.webp` },
    { name: 'home page', method: 'GET', path: `/@${username}`, headers: { accept: 'text/html' } },
  ])
  return { name: 'reads', perSecond: options.rate, calls }
}

const json = (path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Call =>
  ({ name: 'create', method: 'POST', path, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) })
const withoutWaiting = (call: Call): Call => ({ ...call, headers: { ...call.headers, prefer: 'respond-async' } })

/** Characters that were finished in a stretch of time, whoever waited for them. */
async function finished(db: Database, fromMs: number, toMs: number): Promise<number> {
  const { count } = await db.selectFrom('characters').select(({ fn }) => fn.countAll<number>().as('count'))
    .where('status', '=', 'completed').where('completed_at', '>=', fromMs).where('completed_at', '<', toMs).executeTakeFirstOrThrow()
  return Number(count)
}

const rowsOf = (scenario: string, lenses: number, { answered }: Measured): readonly Row[] => {
  const row = (stream: string, call: string, answer: string, latenciesMs: readonly number[]): Row => ({ scenario, lenses, stream, call, answer, ...spreadOf(latenciesMs) })
  const single = answered.toSorted((a, b) => (a.stream + a.call + a.answer < b.stream + b.call + b.answer ? -1 : 1)).map(({ stream, call, answer, latenciesMs }) => row(stream, call, answer, latenciesMs))
  const all = latenciesOf({ answered } as Measured, ({ stream }) => stream === 'reads')
  return all.length > 0 ? [...single, row('reads', 'all of them', 'any', all)] : single
}

const isRefusal = ({ stream, answer }: Answered): boolean => stream === 'creates' && (answer === '429' || answer === '503')
const isSuccess = ({ answer }: Answered): boolean => answer.startsWith('2')

/** With the figures of the service's own process meanwhile. */
async function watched(bench: Bench, streams: readonly Stream[], seconds = options.seconds): Promise<{ measured: Measured; memory: MemorySamples; cpuShare: number; made: number }> {
  const { service: { url, pid }, db } = bench
  const [stop, cpuBefore] = [sampleMemory(pid), await cpuSecondsOf(pid)]
  const measured = await putLoad({ url, seconds, streams })
  const [memory, cpuAfter] = [stop(), await cpuSecondsOf(pid)]
  const made = await finished(db, measured.startedAtMs, measured.endedAtMs)
  await untilIdle(bench)
  return { measured, memory, cpuShare: rounded((cpuAfter - cpuBefore) / seconds, 2), made }
}

async function untilIdle({ db }: Bench): Promise<void> {
  for (;;) {
    const waiting = await db.selectFrom('characters').select('id').where('status', 'in', ['queued', 'in_progress']).limit(1).execute()
    if (waiting.length === 0) return sleep(BETWEEN_MS)
    await sleep(200)
  }
}

async function reads(bench: Bench, rows: Row[]): Promise<Facts> {
  const { measured, memory, cpuShare } = await watched(bench, [bench.reads, HEALTH])
  rows.push(...rowsOf('reads', bench.lenses, measured))
  return { 'share of one processor': cpuShare, memory, 'generator late ms': rounded(measured.mostLateMs, 1) }
}

/** As many clients as lenses, each with the next create as soon as it has an answer. */
async function creates({ service: { url }, create, lenses }: Bench, seconds: number): Promise<{ perSecond: number; latenciesMs: readonly number[] }> {
  const until = performance.now() + seconds * 1000
  const latenciesMs: number[] = []
  await Promise.all(Array.from({ length: lenses }, async () => {
    while (performance.now() < until) {
      const started = performance.now()
      const response = await fetch(`${url}${create.path}`, { method: 'POST', headers: create.headers, body: create.body })
      if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`)
      await response.arrayBuffer()
      latenciesMs.push(performance.now() - started)
    }
  }))
  return { perSecond: latenciesMs.length / seconds, latenciesMs }
}

async function capacity(bench: Bench, rows: Row[]): Promise<{ alone: number; besideReads: number }> {
  const measured = async (name: string, streams: readonly Stream[]): Promise<number> => {
    const [{ perSecond, latenciesMs }, beside] = await Promise.all([creates(bench, options.seconds), streams.length > 0 ? putLoad({ url: bench.service.url, seconds: options.seconds, streams }) : null])
    rows.push({ scenario: name, lenses: bench.lenses, stream: 'creates', call: 'create', answer: '200', ...spreadOf(latenciesMs), 'a second': rounded(perSecond, 2) })
    if (beside) rows.push(...rowsOf(name, bench.lenses, beside))
    await untilIdle(bench)
    return perSecond
  }
  return { alone: await measured('creates alone', []), besideReads: await measured('creates beside reads', [bench.reads, HEALTH]) }
}

async function mixed(bench: Bench, rows: Row[], perSecond: number): Promise<Facts> {
  const { measured, memory, cpuShare, made } = await watched(bench, [bench.reads, HEALTH, { name: 'creates', perSecond, calls: [bench.create] }])
  rows.push(...rowsOf('mixed', bench.lenses, measured))
  return { 'creates a second': rounded(perSecond, 2), 'made a second': rounded(made / options.seconds, 2), 'share of one processor': cpuShare, memory }
}

async function overload(bench: Bench, rows: Row[], { isWaited, most }: { readonly isWaited: boolean; readonly most: { alone: number; besideReads: number } }): Promise<Facts> {
  const name = isWaited ? 'overload, clients wait' : 'overload, clients do not wait'
  const call = isWaited ? bench.create : withoutWaiting(bench.create)
  const streams = [bench.reads, HEALTH, { name: 'creates', perSecond: most.alone * options.over, calls: [call] }]
  await putLoad({ url: bench.service.url, seconds: WARM_UP_SECONDS, streams })
  const { measured, memory, cpuShare, made } = await watched(bench, streams)
  rows.push(...rowsOf(name, bench.lenses, measured))
  const refused = measured.answered.filter(isRefusal)
  const refusedMs = refused.flatMap(({ latenciesMs }) => latenciesMs)
  const goodput = made / options.seconds
  return {
    'creates a second': rounded(most.alone * options.over, 1), 'made a second': rounded(goodput, 2),
    'share of capacity': rounded(goodput / most.alone, 2), 'share of capacity beside reads': rounded(goodput / most.besideReads, 2),
    'refused p50 ms': rounded(percentile(refusedMs, 0.5), 1), 'refused p99 ms': rounded(percentile(refusedMs, 0.99), 1),
    'refused without Retry-After': refusedMs.length - refused.reduce((sum, { withRetryAfter }) => sum + withRetryAfter, 0),
    'reads p99 ms': rounded(percentile(latenciesOf(measured, ({ stream }) => stream === 'reads'), 0.99), 1),
    'reads not answered well': latenciesOf(measured, (answered) => answered.stream === 'reads' && !isSuccess(answered)).length,
    'healthz p99 ms': rounded(percentile(latenciesOf(measured, ({ stream }) => stream === 'health'), 0.99), 1),
    'share of one processor': cpuShare, memory, 'generator late ms': rounded(measured.mostLateMs, 1),
  }
}

async function run(lenses: number, { library, host, create }: { readonly library: Library; readonly host: string; readonly create: Call }, rows: Row[]): Promise<Facts> {
  const environment = {
    FETCH_ALLOW: host, LOG_LEVEL: 'error', LENS_PROCESSES: String(lenses), QUEUE_MAX: String(options.queue), SYNC_BUDGET_MS: String(options.budget),
    ...library.environment, ...(options.s3 && { S3_URL: options.s3 }),
  }
  await using service = await startService({ environment, dataFolder: library.dataFolder })
  const db = await library.open()
  try {
    if (await finished(db, 0, Date.now()) < options.characters) await plantFirst(db, service, create)
    const bench = { service, db, lenses, reads: await readsOf(db), create }
    await putLoad({ url: service.url, seconds: WARM_UP_SECONDS, streams: [bench.reads] })
    return await scenarios(bench, rows)
  } finally {
    await db.destroy()
  }
}

async function plantFirst(db: Database, { url }: RunningService, create: Call): Promise<void> {
  const response = await fetch(`${url}${create.path}`, { method: 'POST', headers: create.headers, body: create.body })
  if (!response.ok) throw new Error(`${response.status}: ${await response.text()}`)
  const { id } = await response.json() as { readonly id: string }
  await plant(db, await readTemplate(db, id), { count: options.characters, withEvidence: true })
}

async function scenarios(bench: Bench, rows: Row[]): Promise<Facts> {
  const wanted = new Set(wordsOf(options.scenarios))
  const facts: Facts = {}
  if (wanted.has('reads')) facts.reads = await reads(bench, rows)
  if (!['mixed', 'creates', 'overload'].some((name) => wanted.has(name))) return facts
  const most = await capacity(bench, rows)
  facts.capacity = { 'alone, a second': rounded(most.alone, 2), 'beside reads, a second': rounded(most.besideReads, 2) }
  if (wanted.has('mixed')) facts.mixed = await mixed(bench, rows, most.alone / 2)
  if (wanted.has('overload')) {
    facts['overload, clients wait'] = await overload(bench, rows, { isWaited: true, most })
    facts['overload, clients do not wait'] = await overload(bench, rows, { isWaited: false, most })
  }
  return facts
}

await using clip = await serveClip(options.clip === 'tiny' ? 'tiny' : 'small')
await using library = await openLibrary({ database: options.database })
const create = json('/sora/v1/characters', { url: clip.url, timestamps: '0,1.2', force: true })
const rows: Row[] = []
const facts: Facts = { engine: library.engine, objects: options.s3 ? 'S3' : 'disk', ...options, database: options.database !== '', s3: options.s3 !== '' }
for (const lenses of numbersOf(options.lenses)) facts[`${lenses} lenses`] = await run(lenses, { library, host: clip.host, create }, rows)
await report('load', rows, facts)
