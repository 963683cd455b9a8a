// A library of a million characters: how soon a service on it is ready, and what reading and searching in it cost. It is planted out of one real
// character, straight into the database. `node_modules/.bin/node bench/million.ts --characters=1000000`
import { CompiledQuery } from 'kysely'
import { startService, type RunningService } from '../test/support/service.ts'
import type { Database } from '../src/db/database.ts'
import { percentile, spreadOf } from './support/latencies.ts'
import { openLibrary, type Library } from './support/library.ts'
import { putLoad, type Call } from './support/open-loop.ts'
import { numbersOf, readOptions } from './support/options.ts'
import { insertMany, plant, readTemplate, sampleOf, SEARCH_WORDS, type Template } from './support/planting.ts'
import { residentMiB } from './support/processes.ts'
import { median, report, rounded } from './support/report.ts'
import { scanVectors } from './support/scan-vectors.ts'
import { serveClip } from './support/tiny-clip.ts'

const options = readOptions({
  characters: 1_000_000,
  /** Calls of one kind a second, and for how long. */
  rate: 100,
  seconds: 10,
  starts: 3,
  /** How often each text is searched for, one after another. */
  searches: 5,
  /** Vectors in one scan, and numbers in one vector. */
  scans: '10000,100000,1000000',
  lengths: '128,512',
  /** Copies the evidence too, 3 kB each: only the home pages read it. */
  evidence: false,
  /** Kept afterwards and used again by the next run; empty for a temporary one. SQLite only. */
  folder: '',
  /** Of a PostgreSQL server; empty for SQLite. */
  database: '',
})
const SAMPLE = 1000
const LONGEST_START_MS = 120_000

type Row = Readonly<Record<string, unknown>>
const rows: Row[] = []
const environment = (library: Library, host: string) => ({ FETCH_ALLOW: host, LOG_LEVEL: 'error', LENS_PROCESSES: '1', ...library.environment })

/** One real character, and then the rest like it. */
async function fill(library: Library): Promise<Template> {
  await using clip = await serveClip('tiny')
  const db = await library.open()
  try {
    const { there } = await db.selectFrom('usernames').select(({ fn }) => fn.countAll<number>().as('there')).where('name', 'like', 'planted%').executeTakeFirstOrThrow()
    const template = await readTemplate(db, await firstId(db) ?? await createOne(library, clip))
    const started = performance.now()
    await plant(db, template, {
      count: options.characters, from: Number(there), withEvidence: options.evidence,
      onProgress: (planted) => { if (planted % 100_000 === 0) console.error(`${planted} planted after ${rounded((performance.now() - started) / 1000, 0)} s`) },
    })
    // What the server does by itself, in its own time.
    if (library.engine === 'PostgreSQL') await db.executeQuery(CompiledQuery.raw('analyze'))
    return template
  } finally {
    await db.destroy()
  }
}

/** The one that was not planted. */
async function firstId(db: Database): Promise<string | null> {
  const row = await db.selectFrom('evidence').select('character_id').orderBy('character_id', 'desc').limit(1).executeTakeFirst()
  return row?.character_id ?? null
}

async function createOne(library: Library, { url: clip, host }: { readonly url: string; readonly host: string }): Promise<string> {
  await using service = await startService({ environment: environment(library, host), dataFolder: library.dataFolder })
  const response = await fetch(`${service.url}/v1/characters`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ url: clip, timestamps: '0,1' }) })
  if (!response.ok) throw new Error(await response.text())
  const { id } = await response.json() as { readonly id: string }
  return id
}

async function start(library: Library): Promise<{ readonly service: RunningService; readonly readyMs: number }> {
  const started = performance.now()
  const service = await startService({ environment: environment(library, '127.0.0.1:1'), dataFolder: library.dataFolder })
  while (!(await fetch(`${service.url}/readyz`)).ok) if (performance.now() - started > LONGEST_START_MS) throw new Error(service.log())
  return { service, readyMs: performance.now() - started }
}

async function starts(library: Library): Promise<void> {
  const readyMs: number[] = []
  for (let i = 0; i < options.starts; i++) {
    const started = await start(library)
    readyMs.push(started.readyMs)
    await started.service.stop('SIGTERM')
    await started.service[Symbol.asyncDispose]()
  }
  rows.push({ what: 'start to /readyz 200', ...spreadOf(readyMs) })
}

const get = (path: string): Call => ({ name: path, method: 'GET', path })
const prompt = (name: string): Call =>
  ({ name: 'prompt', method: 'POST', path: '/v1/prompts/resolve', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ prompt: `@${name} waves`, model: 'animatic' }) })

async function reads(url: string, db: Database): Promise<void> {
  const sample = await sampleOf(db, SAMPLE)
  const newest = sample.toSorted((a, b) => (a.id < b.id ? 1 : -1))
  const kinds: Readonly<Record<string, readonly Call[]>> = {
    'resolve @name': sample.map(({ username }) => get(`/v1/characters/@${username}`)),
    'resolve a prompt with one @name': sample.map(({ username }) => prompt(username)),
    'get by id': sample.map(({ id }) => get(`/v1/characters/${id}`)),
    'list, first page of 20': [get('/v1/characters?limit=20')],
    'list, deep page of 20': sample.map(({ id }) => get(`/v1/characters?limit=20&after=${id}`)),
    'list, last page of 20': newest.slice(-20).map(({ id }) => get(`/v1/characters?limit=20&order=asc&after=${id}`)),
    'list, first page of 100': [get('/v1/characters?limit=100')],
  }
  for (const [what, calls] of Object.entries(kinds)) {
    const { answered } = await putLoad({ url, seconds: options.seconds, streams: [{ name: what, perSecond: options.rate, calls }] })
    const answers = [...new Set(answered.map(({ answer }) => answer))].join(' ')
    rows.push({ what, ...spreadOf(answered.flatMap(({ latenciesMs }) => latenciesMs)), answers })
    console.error(rows.at(-1))
  }
}

/** One after another: a rare word goes through the whole library. `health`: what others wait for meanwhile. */
async function searches(url: string): Promise<void> {
  const words = { 'every 10th has it': SEARCH_WORDS.common.word, 'every 10,000th has it': SEARCH_WORDS.rare.word, 'none has it': 'xylophone' }
  for (const [what, word] of Object.entries(words)) {
    const took: number[] = []
    const health: number[] = []
    for (let i = 0; i < options.searches; i++) {
      const search = timed(`${url}/v1/characters?limit=20&q=${word}`)
      health.push(await timed(`${url}/healthz`))
      took.push(await search)
    }
    rows.push({ what: `search, ${what}`, ...spreadOf(took), 'healthz meanwhile, most ms': rounded(percentile(health, 1), 1) })
    console.error(rows.at(-1))
  }
}

async function timed(url: string): Promise<number> {
  const started = performance.now()
  const response = await fetch(url)
  await response.arrayBuffer()
  return response.ok ? performance.now() - started : Number.NaN
}

/** In this process, as a service would: there is no such search yet. */
async function scans(db: Database, account: string): Promise<void> {
  for (const length of numbersOf(options.lengths)) {
    const kind = { model: `bench-${length}`, of: 'track-mean' }
    const most = Math.max(...numbersOf(options.scans))
    await plantVectors(db, { account, length, ...kind, most })
    for (const atMost of numbersOf(options.scans)) {
      const to = randomVector(length)
      const took: number[] = []
      let [scanned, longestPageMs, memory] = [0, 0, 0]
      for (let i = 0; i < 3; i++) {
        const started = performance.now()
        const scan = await scanVectors(db, { account, ...kind, to, hits: 20, atMost })
        took.push(performance.now() - started)
        scanned = scan.scanned
        longestPageMs = Math.max(longestPageMs, scan.longestPageMs)
        memory = Math.max(memory, await residentMiB(process.pid))
      }
      rows.push({ what: `exact scan, ${length} numbers each`, count: scanned, 'p50 ms': rounded(median(took), 0), 'most ms': rounded(Math.max(...took), 0), 'longest page ms': rounded(longestPageMs, 1), 'MiB of this process': memory })
      console.error(rows.at(-1))
    }
  }
}

interface VectorsOptions { readonly account: string; readonly length: number; readonly model: string; readonly of: string; readonly most: number }

async function plantVectors(db: Database, { account, length, model, of, most }: VectorsOptions): Promise<void> {
  const pool = Array.from({ length: 1000 }, () => new Uint8Array(randomVector(length).buffer))
  const { there } = await db.selectFrom('vectors').select(({ fn }) => fn.countAll<number>().as('there')).where('model', '=', model).executeTakeFirstOrThrow()
  if (Number(there) > 0) return
  let after = ''
  for (let done = 0; done < most;) {
    const ids = await db.selectFrom('characters').select('id').where('account', '=', account).where('status', '=', 'completed').where('id', '>', after).orderBy('id').limit(10_000).execute()
    const last = ids.at(-1)
    if (last === undefined) return
    await db.transaction().execute((trx) => insertMany(trx, 'vectors', ids.map(({ id }, i) => ({ character_id: id, model, of, bytes: pool[i % pool.length] }))))
    after = last.id
    done += ids.length
  }
}

const randomVector = (length: number): Float32Array<ArrayBuffer> => Float32Array.from({ length }, () => Math.random() - 0.5)

await using library = await openLibrary(options)
const planting = performance.now()
const template = await fill(library)
const plantedSeconds = rounded((performance.now() - planting) / 1000, 0)
const bytes = await library.bytes()
await starts(library)
const { service } = await start(library)
const db = await library.open()
try {
  await reads(service.url, db)
  await searches(service.url)
  const serviceMiB = await residentMiB(service.pid)
  await service.stop('SIGTERM')
  await scans(db, template.row.account)
  await report('million', rows, { engine: library.engine, characters: options.characters, 'GB before the scans': rounded(bytes / 1e9, 2), 'planted in s': plantedSeconds, 'service MiB': serviceMiB })
} finally {
  await db.destroy()
  await service[Symbol.asyncDispose]()
}
