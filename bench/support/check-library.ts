import { createHash } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../../src/db/database.ts'
import { readStoredFiles } from '../../src/domain/stored-file.ts'
import { send } from './kill-rounds.ts'
import type { Ledger } from './ledger.ts'

/** What was found wrong, in numbers that must all be 0. */
export interface Wrongs {
  /** Acknowledged, and not in the list any more. */
  lost: number
  /** Requests with more than one character. */
  doubled: number
  /** Sent again and answered with another character than the first time. */
  changed: number
  /** Listed without a name, or with a file that is missing or of other bytes than the row says. */
  halfMade: number
  /** Listed for a request that was refused, or that nobody made. */
  unasked: number
  /** Neither finished nor failed when nothing runs any more. */
  unfinished: number
  /** Names held by what is no character. */
  namesHeld: number
  /** Finished characters with more or fewer than one event that says so. */
  eventsWrong: number
  unanswered: number
}

interface Listed { readonly id: string; readonly status: string; readonly username: string | null; readonly metadata: Readonly<Record<string, string>> }

const IDLE_WITHIN_MS = 60_000
const STILL_SAME_MS = 9 * 60_000
const AT_ONCE = 4

/** After the last kill, with everything running: every request ends, and what is there is what was acknowledged. */
export async function checkLibrary({ url, db, ledger }: { readonly url: string; readonly db: Database; readonly ledger: Ledger }): Promise<Wrongs> {
  await answerAll(url, ledger)
  const changed = await sendAgain(url, ledger)
  const unfinished = await whenIdle(db)
  const listed = await listAll(url)
  const byRequest = Map.groupBy(listed, ({ metadata }) => metadata.request ?? '')
  const ids = new Set(listed.map(({ id }) => id))
  return {
    lost: [...ledger.acknowledged.values()].filter(({ id }) => !ids.has(id)).length,
    doubled: [...byRequest.values()].filter(({ length }) => length > 1).length,
    changed, unfinished,
    halfMade: await halfMade(url, db, listed),
    unasked: [...byRequest.keys()].filter((name) => !ledger.acknowledged.has(name)).length,
    namesHeld: await namesHeld(db),
    eventsWrong: await eventsWrong(db),
    unanswered: ledger.unanswered().length,
  }
}

async function answerAll(url: string, ledger: Ledger): Promise<void> {
  const until = Date.now() + IDLE_WITHIN_MS
  while (ledger.unanswered().length > 0 && Date.now() < until) {
    const some = ledger.unanswered().slice(0, AT_ONCE)
    await Promise.all(some.map((wanted) => send(url, wanted, ledger, AbortSignal.timeout(IDLE_WITHIN_MS))))
  }
}

/** Those that are young enough to be answered without looking at the video again. */
async function sendAgain(url: string, ledger: Ledger): Promise<number> {
  const young = [...ledger.acknowledged].filter(([, { atMs }]) => Date.now() - atMs < STILL_SAME_MS)
  let changed = 0
  for (const [name] of young) if (await send(url, ledger.find(name), ledger, AbortSignal.timeout(IDLE_WITHIN_MS)) !== 'same') changed++
  return changed
}

async function whenIdle(db: Database): Promise<number> {
  const until = Date.now() + IDLE_WITHIN_MS
  for (;;) {
    const rows = await db.selectFrom('characters').select('id').where('status', 'in', ['queued', 'in_progress']).execute()
    if (rows.length === 0 || Date.now() > until) return rows.length
    await sleep(200)
  }
}

async function listAll(url: string): Promise<readonly Listed[]> {
  const listed: Listed[] = []
  for (let after = ''; ;) {
    const { data, has_more: hasMore } = await (await fetch(`${url}/v1/characters?limit=100${after}`)).json() as { readonly data: readonly Listed[]; readonly has_more: boolean }
    listed.push(...data)
    if (!hasMore) return listed
    after = `&after=${data.at(-1)?.id ?? ''}`
  }
}

async function halfMade(url: string, db: Database, listed: readonly Listed[]): Promise<number> {
  let wrong = 0
  for (const { id, status, username } of listed) {
    const row = await db.selectFrom('characters').select(['media_token', 'media']).where('id', '=', id).executeTakeFirst()
    const files = readStoredFiles(id, row?.media ?? null)
    const matches = await Promise.all(files.map(async ({ name, sha256 }) => await hashOf(`${url}/media/${row?.media_token ?? ''}/${name}`) === sha256))
    if (status !== 'completed' || username === null || files.length === 0 || matches.includes(false)) wrong++
  }
  return wrong
}

async function hashOf(url: string): Promise<string | null> {
  const response = await fetch(url)
  const bytes = Buffer.from(await response.arrayBuffer())
  return response.ok ? createHash('sha256').update(bytes).digest('hex') : null
}

async function namesHeld(db: Database): Promise<number> {
  const rows = await db.selectFrom('usernames').innerJoin('characters', 'characters.id', 'usernames.character_id').select('name').where('status', '!=', 'completed').execute()
  return rows.length
}

async function eventsWrong(db: Database): Promise<number> {
  const completed = await db.selectFrom('characters').select('id').where('status', '=', 'completed').where('same_as', 'is', null).execute()
  const events = await db.selectFrom('events').select('object_id').where('type', '=', 'character.completed').execute()
  const told = Map.groupBy(events, ({ object_id }) => object_id)
  return completed.filter(({ id }) => told.get(id)?.length !== 1).length
}

const KEPT = /^(objects|dramatis\.sqlite.*|service\.lock.*)(\/|$)/

/** What lies in a data folder besides the library itself: files and folders of work. What differs with every process is `*`. */
export async function workIn(dataFolder: string): Promise<readonly string[]> {
  const entries = await readdir(dataFolder, { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.map(({ parentPath, name }) => join(parentPath, name).slice(dataFolder.length + 1)).filter((path) => !KEPT.test(path))
    .map((path) => path.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '*')).toSorted()
}

/** What is there beyond what a service that has nothing to do has there. */
export function beyond(entries: readonly string[], idle: readonly string[]): readonly string[] {
  const allowed = [...idle]
  return entries.filter((entry) => {
    const place = allowed.indexOf(entry)
    if (place >= 0) allowed.splice(place, 1)
    return place < 0
  })
}
