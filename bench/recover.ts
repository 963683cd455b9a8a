// Kills the service over and over, at random moments, while it starts, and at each step of making a character, while clients create; then looks whether
// everything that was acknowledged is there, once and whole. `node_modules/.bin/node bench/recover.ts --rounds=300 [--database=postgres://… --workers=2]`
import { mkdir } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { STEPS } from '../src/domain/character.ts'
import { beyond, checkLibrary, workIn, type Wrongs } from './support/check-library.ts'
import { gather, send, type Company, type Member, type Round } from './support/kill-rounds.ts'
import { openLedger } from './support/ledger.ts'
import { openLibrary, type Library } from './support/library.ts'
import { readOptions } from './support/options.ts'
import { report, rounded } from './support/report.ts'
import { serveClip } from './support/tiny-clip.ts'

const options = readOptions({
  rounds: 60,
  /** It ends after so long even if there were fewer rounds. */
  minutes: 120,
  /** So many services side by side, each with a library of its own: a start is mostly waiting. */
  lanes: 2,
  /** Of a PostgreSQL server whose user may make databases; empty for SQLite. */
  database: '',
  /** The S3_URL of an empty bucket; empty for disk. */
  s3: '',
  /** Processes that make characters beside one that answers requests; 0: one process does both. Needs --database. */
  workers: 0,
})
const CLEAN_WITHIN_MS = 60_000
const SAY_EVERY = 20

interface LaneResult { readonly rounds: readonly Round[]; readonly wrongs: Wrongs; readonly acknowledged: number; readonly refused: Readonly<Record<string, number>>; readonly workLeft: readonly string[]; readonly cleanAfterMs: number }

function membersOf(library: Library, host: string): readonly Member[] {
  const environment = {
    FETCH_ALLOW: host, LOG_LEVEL: 'warn', LENS_PROCESSES: '1', DATA_DIR: library.dataFolder, ...library.environment, ...(options.s3 && { S3_URL: options.s3 }),
  }
  const workers = Array.from({ length: options.workers }, (): Member => ({ role: 'worker', environment }))
  return [{ role: options.workers > 0 ? 'api' : 'all', environment }, ...workers]
}

async function lane(number: number, clip: { readonly url: string; readonly host: string }): Promise<LaneResult> {
  await using library = await openLibrary(options)
  await mkdir(library.dataFolder, { recursive: true })
  const ledger = openLedger(`lane${number}`, clip.url)
  const company = gather(membersOf(library, clip.host), ledger)
  try {
    await send(await company.startAll(), ledger.next(), ledger, AbortSignal.timeout(CLEAN_WITHIN_MS))
    const idle = await workIn(library.dataFolder)
    const rounds: Round[] = []
    while (rounds.length < options.rounds / options.lanes && performance.now() - began < options.minutes * 60_000) {
      rounds.push(await company.round(rounds.length + number * STEPS.length))
      if (rounds.length % SAY_EVERY === 0) console.error(`lane ${number}: ${rounds.length} rounds, ${ledger.acknowledged.size} acknowledged`)
    }
    return { rounds, acknowledged: ledger.acknowledged.size, refused: countOf([...ledger.refused.values()]), ...await lookAtTheEnd(library, { company, ledger, idle }) }
  } finally {
    await company.stopAll()
  }
}

interface EndOptions { readonly company: Company; readonly ledger: ReturnType<typeof openLedger>; readonly idle: readonly string[] }

async function lookAtTheEnd(library: Library, { company, ledger, idle }: EndOptions): Promise<Pick<LaneResult, 'wrongs' | 'workLeft' | 'cleanAfterMs'>> {
  const url = await company.startAll()
  const startedAt = performance.now()
  const db = await library.open()
  try {
    const wrongs = await checkLibrary({ url, db, ledger })
    for (;;) {
      const workLeft = beyond(await workIn(library.dataFolder), idle)
      const cleanAfterMs = performance.now() - startedAt
      if (workLeft.length === 0 || cleanAfterMs > CLEAN_WITHIN_MS) return { wrongs, workLeft, cleanAfterMs }
      await sleep(200)
    }
  } finally {
    await db.destroy()
  }
}

const countOf = (names: readonly string[]): Readonly<Record<string, number>> => Object.fromEntries([...Map.groupBy(names, (name) => name)].map(([name, all]) => [name, all.length]))

await using clip = await serveClip('tiny')
const began = performance.now()
const lanes = await Promise.all(Array.from({ length: options.lanes }, (_, number) => lane(number, clip)))
const minutes = (performance.now() - began) / 60_000

const rounds = lanes.flatMap((each) => each.rounds)
const rows = [...Map.groupBy(rounds, ({ kind, role }) => `${role}: ${kind}`)].map(([killed, some]) => ({
  killed, rounds: some.length, acknowledged: some.reduce((sum, { acknowledged }) => sum + acknowledged, 0), 'children left': some.reduce((sum, { childrenLeft }) => sum + childrenLeft, 0),
})).toSorted((a, b) => (a.killed < b.killed ? -1 : 1))
const sum = (of: (lane: LaneResult) => number): number => lanes.reduce((total, each) => total + of(each), 0)
const wrongs = Object.fromEntries(Object.keys(lanes[0].wrongs).map((name) => [name, sum((each) => each.wrongs[name as keyof Wrongs])]))
const found = {
  ...wrongs, 'changed meanwhile': rounds.reduce((total, { changed }) => total + changed, 0),
  'children left': rounds.reduce((total, { childrenLeft }) => total + childrenLeft, 0), 'work left after 60 s': sum((each) => each.workLeft.length),
}
await report(`recover${options.database ? '-postgres' : ''}${options.s3 ? '-s3' : ''}${options.workers > 0 ? '-workers' : ''}`, rows, {
  rounds: rounds.length, 'rounds a minute': rounded(rounds.length / minutes, 1), acknowledged: sum((each) => each.acknowledged), refused: lanes.map(({ refused }) => refused),
  'clean after s, at most': rounded(Math.max(...lanes.map(({ cleanAfterMs }) => cleanAfterMs)) / 1000, 1), wrong: found,
  ...(lanes.some(({ workLeft }) => workLeft.length > 0) && { 'work left': lanes.flatMap(({ workLeft }) => workLeft) }),
})
process.exitCode = Object.values(found).some((count) => count > 0) ? 1 : 0
