import { readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { findDatabaseFaults } from '../db/sqlite-copy.ts'
import { writeError } from '../db/stored-error.ts'
import { AppError } from '../domain/errors.ts'
import { madeAtMs } from '../domain/identifier.ts'
import { ObjectNotFound, type ObjectStore } from '../objects/object-store.ts'
import { copyObject, isAsNamed, readObject, type ObjectFault } from './copy-object.ts'
import { counterparts, rowsOf } from './library-tables.ts'
import type { Place } from './move-library.ts'
import { objectsOf, type NamedObject } from './named-objects.ts'

export interface RepairOptions extends Place {
  /** Where processes lay down what they work on: of this folder's own service alone. */
  readonly workFolders: readonly string[]
  /** Without it nothing is changed: it is only said what is wrong. To be set only while nothing serves from the library. */
  readonly isMending: boolean
  /** Every object is read and hashed, not only looked for. */
  readonly isDeep: boolean
  /** Objects of a backup, for those that are missing here. */
  readonly from: Pick<ObjectStore, 'get'> | null
  readonly nowMs: number
}

/** One thing that was looked at. `broken`: there is something wrong with it now; what was mended is `well`. */
export interface LibraryFinding { readonly what: string; readonly is: 'well' | 'broken'; readonly says: string; readonly mend?: string }

/** Looks through a library, and mends what can be mended. */
export async function* repairLibrary(options: RepairOptions): AsyncGenerator<LibraryFinding, void> {
  for (const look of [database, unfinished, names, strayObjects, missingObjects, work]) yield await look(options)
}

const REPAIR = '`dramatis doctor --repair`, with the service stopped'
const MOST_NAMED = 10
const listed = (items: readonly string[]): string => `${items.slice(0, MOST_NAMED).join(', ')}${items.length > MOST_NAMED ? `, and ${items.length - MOST_NAMED} more` : ''}`

/** `found` are things of which there should be none. */
function findingOf(what: string, found: readonly string[], { isMending, well, broken, mended }: { readonly isMending: boolean; readonly well: string; readonly broken: string; readonly mended: string }): LibraryFinding {
  if (found.length === 0) return { what, is: 'well', says: well }
  return isMending ? { what, is: 'well', says: `${mended}: ${listed(found)}` } : { what, is: 'broken', says: `${broken}: ${listed(found)}`, mend: REPAIR }
}

async function database({ db }: RepairOptions): Promise<LibraryFinding> {
  const faults = await findDatabaseFaults(db)
  return faults.length === 0
    ? { what: 'database', is: 'well', says: 'whole, and every reference leads somewhere' }
    : { what: 'database', is: 'broken', says: listed(faults), mend: 'restore it from a backup: docs/backup.md' }
}

const HOUR_MS = 3_600_000
/** Anything that is still under way by then was forgotten: a character takes a minute and a half at most, a video the longest deadline there can be, which is a week. */
const TOO_OLD_MS = { characters: 24 * HOUR_MS, videos: 8 * 24 * HOUR_MS } as const

async function unfinished({ db, isMending, nowMs }: RepairOptions): Promise<LibraryFinding> {
  const stuck: string[] = []
  for (const table of ['characters', 'videos'] as const) {
    const rows = await db.selectFrom(table).select('id').where('status', 'in', ['queued', 'in_progress']).where('created_at', '<', nowMs - TOO_OLD_MS[table]).execute()
    stuck.push(...rows.map(({ id }) => id))
  }
  if (isMending) for (const id of stuck) await endStuck(id, { db, nowMs })
  return findingOf('unfinished', stuck, { isMending, well: 'nothing is stuck', broken: 'under way for too long', mended: 'ended as failed, their names are free' })
}

async function endStuck(id: string, { db, nowMs }: Pick<RepairOptions, 'db' | 'nowMs'>): Promise<void> {
  const error = writeError(new AppError('lens_failed', { details: { reason: 'service_stopped' } }))
  await db.transaction().execute(async (trx) => {
    const end = { status: 'failed', error, updated_at: nowMs, completed_at: nowMs } as const
    if (id.startsWith('char_')) await trx.updateTable('characters').set({ ...end, request: null }).where('id', '=', id).execute()
    else await trx.updateTable('videos').set(end).where('id', '=', id).execute()
    await trx.deleteFrom('usernames').where('character_id', '=', id).execute()
  })
}

async function names({ db, isMending }: RepairOptions): Promise<LibraryFinding> {
  const held = await db.selectFrom('usernames').leftJoin('characters', 'characters.id', 'usernames.character_id').select('usernames.name')
    .where((where) => where.or([where('characters.id', 'is', null), where('characters.status', '=', 'failed'), where('characters.same_as', 'is not', null)])).execute()
  const stray = held.map(({ name }) => name)
  if (isMending && stray.length > 0) await db.deleteFrom('usernames').where('name', 'in', stray).execute()
  return findingOf('names', stray, { isMending, well: 'each calls somebody', broken: 'call nobody', mended: 'freed' })
}

async function strayObjects({ db, objects, isMending, nowMs }: RepairOptions): Promise<LibraryFinding> {
  const stray: string[] = []
  for await (const folders of objects.listFolders()) {
    const old = folders.filter((folder) => madeAtMs(folder) < nowMs - HOUR_MS)
    const owned = await ownersOf({ db }, old)
    stray.push(...old.filter((folder) => !owned.has(ownerOf(folder))))
  }
  if (isMending) for (const folder of stray) await objects.deleteFolder(folder)
  return findingOf('stray objects', stray, { isMending, well: 'every folder of objects has its row', broken: 'folders that no row speaks of', mended: 'collected' })
}

const ownerOf = (folder: string): string => folder.replace(/-given$/, '')

/** Those that may have objects: all but what failed. What was given goes with the end of its owner, and is collected by the service where it did not. */
async function ownersOf({ db }: Pick<RepairOptions, 'db'>, folders: readonly string[]): Promise<ReadonlySet<string>> {
  const ids = [...new Set(folders.map(ownerOf))]
  const owners = new Set<string>()
  for (const table of ['characters', 'videos'] as const) {
    const rows = ids.length === 0 ? [] : [...(await counterparts(db, table, ids.map((id) => ({ id })))).values()]
    for (const { id, status, same_as } of rows) if (status !== 'failed' && (same_as ?? null) === null) owners.add(String(id))
  }
  return owners
}

async function missingObjects({ db, objects, isMending, isDeep, from }: RepairOptions): Promise<LibraryFinding> {
  const left: string[] = []
  let [looked, mended] = [0, 0]
  for (const table of ['characters', 'videos'] as const) {
    for await (const rows of rowsOf(db, table)) {
      for (const named of rows.flatMap((row) => objectsOf(table, row))) {
        looked++
        const fault = await faultOf(named, { objects, isDeep })
        if (fault === null) continue
        if (isMending && from !== null && await copyObject(named, { from, to: objects }) === null) mended++
        else left.push(`${named.key} (${fault})`)
      }
    }
  }
  const also = mended > 0 ? `, ${mended} of them came back from the backup` : ''
  if (left.length === 0) return { what: 'objects', is: 'well', says: `${looked} are there${isDeep ? ' and are what their rows say' : ''}${also}` }
  return { what: 'objects', is: 'broken', says: `of ${looked}, ${left.length} are not what their rows say: ${listed(left)}${also}`, mend: from === null ? '`dramatis doctor --repair --from BACKUP`, or delete whom they belong to' : 'the backup does not have them; delete whom they belong to' }
}

/** Whether it is there and long enough; when it is looked at deeply, whether it is the very one. */
async function faultOf(named: NamedObject, { objects, isDeep }: Pick<RepairOptions, 'objects' | 'isDeep'>): Promise<ObjectFault | null> {
  if (isDeep) {
    const facts = await readObject(objects, named.key)
    return facts === null ? 'missing' : isAsNamed(facts, named) ? null : 'damaged'
  }
  const last = Math.max(0, (named.bytes ?? 1) - 1)
  try {
    await Array.fromAsync(await objects.get(named.key, { start: last, end: last + 1 }))
    return null
  } catch (error) {
    if (error instanceof ObjectNotFound) return 'missing'
    if (error instanceof RangeError) return 'damaged'
    throw error
  }
}

async function work({ workFolders, isMending, nowMs }: RepairOptions): Promise<LibraryFinding> {
  const dead: string[] = []
  for (const folder of workFolders) {
    for (const name of await readdir(folder).catch(() => [])) { // no folder, nothing in it
      const path = join(folder, name)
      const facts = await stat(path).catch(() => null) // gone meanwhile
      if (facts !== null && facts.mtimeMs < nowMs - HOUR_MS) dead.push(path)
    }
  }
  if (isMending) for (const path of dead) await rm(path, { recursive: true, force: true })
  return findingOf('work folders', dead, { isMending, well: 'nothing was left lying', broken: 'left lying', mended: 'removed' })
}
