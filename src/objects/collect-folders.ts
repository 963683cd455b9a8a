import { madeAtMs } from '../domain/identifier.ts'
import type { ObjectStore } from './object-store.ts'

/** Whose a folder is. `isGiven`: it holds what came with a request, which nobody needs once that is completed. */
export interface FolderOwner { readonly id: string; readonly isGiven: boolean }

export interface CollectRules {
  /** Null for the folders of others. */
  readonly ownerOf: (folder: string) => FolderOwner | null
  /** The states of those that have a row and may have objects, by id; of so many at once as a query takes. */
  readonly statesOf: (ids: readonly string[]) => Promise<ReadonlyMap<string, string>>
  /** Ids made later are left alone: what is given comes before its row. */
  readonly beforeMs: number
  readonly signal: AbortSignal
  /** It could not be deleted now. */
  readonly onKept: (folder: string, error: unknown) => void
}

/** What is stored before its row has an id by the clock of another machine, which may be hours off: beside other processes what is younger may be on its way. */
export const ORPHAN_MS = 24 * 3_600_000

/** Each id is a parameter of a query. */
const AT_ONCE = 500

type Folder = FolderOwner & { readonly name: string }

/** Deletes the folders that no row needs: what a killed process left, or a store that was away. Says how many went. */
export async function collectFolders(objects: Pick<ObjectStore, 'listFolders' | 'deleteFolder'>, rules: CollectRules): Promise<number> {
  let collected = 0
  for await (const names of objects.listFolders()) {
    const old = names.flatMap((name): Folder[] => {
      const owner = rules.ownerOf(name)
      return owner !== null && madeAtMs(owner.id) < rules.beforeMs ? [{ name, ...owner }] : []
    })
    for (let at = 0; at < old.length; at += AT_ONCE) {
      rules.signal.throwIfAborted()
      collected += await collectSome(objects, old.slice(at, at + AT_ONCE), rules)
    }
  }
  return collected
}

/** A row comes before its objects and goes before them, so a folder that was listed before the rows are and has none is nobody's. */
async function collectSome(objects: Pick<ObjectStore, 'deleteFolder'>, folders: readonly Folder[], { statesOf, onKept }: CollectRules): Promise<number> {
  const states = await statesOf(folders.map(({ id }) => id))
  const dead = folders.filter(({ id, isGiven }) => !states.has(id) || (isGiven && states.get(id) === 'completed'))
  let collected = 0
  for (const { name } of dead) {
    const isGone = await objects.deleteFolder(name).then(() => true, (error) => onKept(name, error))
    if (isGone) collected++
  }
  return collected
}
