import { charactersAlive } from '../db/character-rows.ts'
import type { Database } from '../db/database.ts'
import { isCharacterId, isErrandId } from '../domain/identifier.ts'
import { collectFolders, type FolderOwner } from '../objects/collect-folders.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import type { Log } from '../runtime/log.ts'
import { ownerOfGiven } from './given-source.ts'

interface Stores { readonly db: Database; readonly objects: ObjectStore; readonly log: Log }

/** Deletes the folders of characters, and of what was given with errands, that no row needs and whose ids are older than `beforeMs`. Says how many went. */
export const collectOrphans = ({ db, objects, log }: Stores, when: { readonly beforeMs: number; readonly signal: AbortSignal }): Promise<number> => collectFolders(objects, {
  ...when, ownerOf,
  statesOf: (ids) => charactersAlive(db, ids),
  onKept: (folder, error) => log.warn('characters.orphan_kept', { folder, error }),
})

function ownerOf(folder: string): FolderOwner | null {
  const given = ownerOfGiven(folder)
  if (given === null) return isCharacterId(folder) ? { id: folder, isGiven: false } : null
  return isCharacterId(given) || isErrandId(given) ? { id: given, isGiven: true } : null
}
