import { rm, stat } from 'node:fs/promises'
import type { ObjectStore } from '../objects/object-store.ts'
import type { Log } from '../runtime/log.ts'
import type { SourceRequest, StoredSource } from './requests.ts'

// What came with a request lies among the objects until the character or errand is at its end: any process may see to it.

const SUFFIX = '-given'
const folderOf = (id: string): string => `${id}${SUFFIX}`

/** The id of the character or errand that the folder of objects was given with, if it is one of these. */
export const ownerOfGiven = (folder: string): string | null => (folder.endsWith(SUFFIX) ? folder.slice(0, -SUFFIX.length) : null)

/** Moves an upload among the objects; of other sources nothing is kept. Rejects with what the store refuses, or the signal's reason. */
export async function keepGiven(objects: ObjectStore, id: string, source: SourceRequest, options: { readonly signal?: AbortSignal } = {}): Promise<StoredSource> {
  if (!('path' in source)) return source
  const { type, path, sha256 } = source
  const objectKey = `${folderOf(id)}/video`
  const { size } = await stat(path)
  await objects.putFile(objectKey, path, options)
  return { type, objectKey, bytes: size, sha256 }
}

/** What cannot be deleted now is found when orphans are collected. */
export async function dropGiven(objects: ObjectStore, id: string, source: SourceRequest | StoredSource, log: Log): Promise<void> {
  const isGiven = source.type === 'upload' || source.type === 'data'
  if (isGiven) await objects.deleteFolder(folderOf(id)).catch((error) => log.warn('upload.kept', { id, error }))
  if ('path' in source) await rm(source.path, { force: true }).catch((error) => log.warn('upload.kept', { id, error }))
}
