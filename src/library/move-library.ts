import PQueue from 'p-queue'
import { postponeChore } from '../db/chore-rows.ts'
import type { Database } from '../db/database.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { copyObject, type ObjectFault } from './copy-object.ts'
import { counterparts, nameOf, putRows, rowHash, rowsOf, RunningSum, TABLE_NAMES, type LibraryTable, type Row, type TableSum } from './library-tables.ts'
import { objectsOf } from './named-objects.ts'

/** Where a library lies. */
export interface Place { readonly db: Database; readonly objects: ObjectStore }

export interface MoveOptions {
  readonly from: Place
  /** A part that stays where it is is the same one. */
  readonly to: Place
  readonly signal?: AbortSignal
  readonly onProgress?: (progress: MoveProgress) => void
}

export interface MoveProgress { readonly at: 'looking' | 'copying' | 'verifying'; readonly table: LibraryTable; readonly rows: number; readonly objects: number }

export interface MoveReport {
  /** As they are in both places now. */
  readonly tables: Readonly<Record<LibraryTable, TableSum>>
  readonly objects: number
  /** How much of it this run wrote: the rest was there already. */
  readonly rowsWritten: number
}

/** The move cannot go on; nothing of the source was changed. */
export class LibraryUnmovable extends Error {
  override readonly name = 'LibraryUnmovable'
}

/** A service that was started on the target already would take the objects, which come before their rows, for nobody's. */
const COLLECTING = ['characters.orphans', 'videos.orphans'] as const
const AT_ONCE = 8
const MOST_NAMED = 10

/**
 * Copies a library that nobody serves from, row by row, each behind its objects, and then compares both. What an earlier run copied
 * is left alone, so a run that was cut off anywhere is taken up by the next. Rejects with {@link LibraryUnmovable}.
 */
export async function moveLibrary({ from, to, signal, onProgress = () => {} }: MoveOptions): Promise<MoveReport> {
  for (const table of OWNED) await refuseStrangers(table, { from, to, onProgress })
  const counted = { rows: 0, objects: 0, rowsWritten: 0 }
  for (const table of TABLE_NAMES) {
    for await (const rows of rowsOf(from.db, table)) {
      signal?.throwIfAborted()
      for (const chore of COLLECTING) await postponeChore(to.db, chore)
      const stale = await differing(to.db, table, rows)
      counted.objects += await copyObjectsOf(table, { rows, stale, from, to, signal })
      if (stale.length > 0) await putRows(to.db, table, stale)
      counted.rows += rows.length
      counted.rowsWritten += stale.length
      onProgress({ at: 'copying', table, rows: counted.rows, objects: counted.objects })
    }
  }
  const tables = await verify({ from, to, onProgress })
  return { tables, objects: counted.objects, rowsWritten: counted.rowsWritten }
}

/** These come from somebody's work: a target that has others is somebody else's library. */
const OWNED = ['characters', 'videos'] as const

type Both = Required<Pick<MoveOptions, 'from' | 'to' | 'onProgress'>>

async function refuseStrangers(table: (typeof OWNED)[number], { from, to, onProgress }: Both): Promise<void> {
  let looked = 0
  for await (const rows of rowsOf(to.db, table)) {
    const known = await counterparts(from.db, table, rows)
    const strangers = rows.filter((row) => !known.has(nameOf(table, row)))
    if (strangers.length > 0) throw new LibraryUnmovable(`The target holds ${table} that this library does not have, such as ${String(strangers[0].id)}. Move to an empty database, or one that an earlier move of this library began to fill.`)
    looked += rows.length
    onProgress({ at: 'looking', table, rows: looked, objects: 0 })
  }
}

/** Those that are not in the target, or not as they are here. */
async function differing(db: Database, table: LibraryTable, rows: readonly Row[]): Promise<readonly Row[]> {
  const there = await counterparts(db, table, rows)
  return rows.filter((row) => {
    const counterpart = there.get(nameOf(table, row))
    return counterpart === undefined || rowHash(counterpart) !== rowHash(row)
  })
}

interface ObjectCopy extends Pick<MoveOptions, 'from' | 'to' | 'signal'> { readonly rows: readonly Row[]; readonly stale: readonly Row[] }

/** Says how many objects the rows have. Those of a row that is in another target database already were read back there before it was written. */
async function copyObjectsOf(table: LibraryTable, { rows, stale, from, to, signal }: ObjectCopy): Promise<number> {
  const named = rows.flatMap((row) => objectsOf(table, row))
  if (from.objects === to.objects) return named.length
  const wanted = from.db === to.db ? named : stale.flatMap((row) => objectsOf(table, row))
  const queue = new PQueue({ concurrency: AT_ONCE })
  const faults: { readonly key: string; readonly fault: ObjectFault }[] = []
  await queue.addAll(wanted.map((one) => async () => {
    const fault = await copyObject(one, { from: from.objects, to: to.objects, ...(signal && { signal }) })
    if (fault !== null) faults.push({ key: one.key, fault })
  }))
  if (faults.length > 0) throw new LibraryUnmovable(`Some objects of this library are not what their rows say: ${faults.slice(0, MOST_NAMED).map(({ key, fault }) => `${key} is ${fault}`).join(', ')}${faults.length > MOST_NAMED ? ', …' : ''}. \`dramatis doctor --deep\` lists them all; mend them from a backup, or delete whom they belong to.`)
  return named.length
}

/** Rows of the target that the source does not have, such as keys that were made for it beforehand, do not count. */
async function verify({ from, to, onProgress }: Both): Promise<MoveReport['tables']> {
  const tables = new Map<LibraryTable, TableSum>()
  let looked = 0
  for (const table of TABLE_NAMES) {
    const [here, there] = [new RunningSum(), new RunningSum()]
    for await (const rows of rowsOf(from.db, table)) {
      const found = await counterparts(to.db, table, rows)
      for (const row of rows) here.add(row)
      for (const row of found.values()) there.add(row)
      looked += rows.length
      onProgress({ at: 'verifying', table, rows: looked, objects: 0 })
    }
    const [sum, copied] = [here.value, there.value]
    if (sum.rows !== copied.rows || sum.sha256 !== copied.sha256) throw new LibraryUnmovable(`The ${table} are not the same in both places: ${sum.rows} rows here, ${copied.rows} there${sum.rows === copied.rows ? ' with other contents' : ''}. Stop whatever writes to either, and move again.`)
    tables.set(table, sum)
  }
  return Object.fromEntries(tables) as MoveReport['tables'] // one for each name
}
