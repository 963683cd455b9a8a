import { charactersAlive } from '../db/character-rows.ts'
import type { Database } from '../db/database.ts'
import { isCharacterId, isErrandId, madeAtMs } from '../domain/identifier.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import type { Log } from '../runtime/log.ts'
import { ownerOfGiven } from './given-source.ts'

interface Stores { readonly db: Database; readonly objects: ObjectStore; readonly log: Log }

/** Each is a parameter of a query. */
const AT_ONCE = 500

/**
 * Deletes the folders of characters, and of what was given with errands, that no row needs: what a killed process left, or a store that was away. Only of ids that are older than
 * `beforeMs`, since uploads come before their row. Says how many went.
 */
export async function collectOrphans(stores: Stores, { beforeMs, signal }: { readonly beforeMs: number; readonly signal: AbortSignal }): Promise<number> {
  let collected = 0
  for await (const page of stores.objects.listFolders()) {
    const folders = page.map((name) => ({ name, given: ownerOfGiven(name) })).map(({ name, given }) => ({ name, id: given ?? name, isGiven: given !== null }))
    const old = folders.filter(({ id, isGiven }) => (isCharacterId(id) || (isGiven && isErrandId(id))) && madeAtMs(id) < beforeMs)
    for (let at = 0; at < old.length; at += AT_ONCE) {
      signal.throwIfAborted()
      collected += await collectSome(stores, old.slice(at, at + AT_ONCE))
    }
  }
  return collected
}

interface Folder { readonly name: string; readonly id: string; readonly isGiven: boolean }

/** A row comes before its objects and goes before them, so a folder that was listed before the rows are and has none is nobody's. */
async function collectSome({ db, objects, log }: Stores, folders: readonly Folder[]): Promise<number> {
  const alive = await charactersAlive(db, folders.map(({ id }) => id))
  const isNeeded = ({ id, isGiven }: Folder): boolean => (isGiven ? alive.has(id) && alive.get(id) !== 'completed' : alive.has(id))
  const dead = folders.filter((folder) => !isNeeded(folder))
  let collected = 0
  for (const { name } of dead) {
    const isGone = await objects.deleteFolder(name).then(() => true, (error) => log.warn('characters.orphan_kept', { folder: name, error }))
    if (isGone) collected++
  }
  return collected
}
