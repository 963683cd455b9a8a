import { createHash } from 'node:crypto'
import { ObjectNotFound, type ObjectStore } from '../objects/object-store.ts'
import type { NamedObject } from './named-objects.ts'

/** What is wrong with an object: it is not there, or it is not the one its row speaks of. */
export type ObjectFault = 'missing' | 'damaged'

export interface ObjectFacts { readonly bytes: number; readonly sha256: string }

/** Reads it whole; null where there is none. */
export async function readObject(objects: Pick<ObjectStore, 'get'>, key: string, signal?: AbortSignal): Promise<ObjectFacts | null> {
  const hash = createHash('sha256')
  let bytes = 0
  try {
    for await (const chunk of await objects.get(key, undefined, { signal })) {
      hash.update(chunk)
      bytes += chunk.length
    }
  } catch (error) {
    if (error instanceof ObjectNotFound) return null
    throw error
  }
  return { bytes, sha256: hash.digest('hex') }
}

/** Whether these are the bytes that a row speaks of; one that says nothing of them is content with any. */
export const isAsNamed = (facts: ObjectFacts, { bytes, sha256 }: NamedObject): boolean => (bytes ?? facts.bytes) === facts.bytes && (sha256 ?? facts.sha256) === facts.sha256

interface Stores { readonly from: Pick<ObjectStore, 'get'>; readonly to: Pick<ObjectStore, 'get' | 'put'>; readonly signal?: AbortSignal }

/** Copies an object unless it is there already, and reads it back. Null when the target holds what the row speaks of; else nothing of it was kept there. */
export async function copyObject(named: NamedObject, { from, to, signal }: Stores): Promise<ObjectFault | null> {
  const source = await readObject(from, named.key, signal)
  if (source === null) return 'missing'
  if (!isAsNamed(source, named)) return 'damaged'
  const isThere = async (): Promise<boolean> => {
    const there = await readObject(to, named.key, signal)
    return there !== null && there.bytes === source.bytes && there.sha256 === source.sha256
  }
  if (await isThere()) return null
  await to.put(named.key, await from.get(named.key, undefined, { signal }), { signal })
  if (!await isThere()) throw new Error(`${named.key} was written and reads as something else`)
  return null
}
