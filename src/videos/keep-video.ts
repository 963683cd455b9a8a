import { createHash } from 'node:crypto'
import { objectKey, type StoredFile } from '../domain/stored-file.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import type { Judgement } from './judge-output.ts'
import { bytesOfFile, tryFolder } from './video-files.ts'
import type { VideoTry } from './video-notes.ts'

interface Storing { readonly objects: ObjectStore; readonly signal: AbortSignal }

/** All in the store when this resolves; until the row names them they are nobody's. What earlier tries left is gone. Rejects with the signal's reason, and then leaves nothing. */
export async function storeOutput(of: VideoTry, { path, judgement }: { readonly path: string; readonly judgement: Judgement }, storing: Storing): Promise<readonly StoredFile[]> {
  const { objects, signal } = storing
  // Not the whole folder: while this one was asleep a later try may have stored there.
  for (let earlier = 1; earlier < of.attempt; earlier++) await objects.deleteFolder(tryFolder({ ...of, attempt: earlier }))
  const { extension, thumbnail, spritesheet } = judgement
  const files = [
    store(of, { name: `video.${extension}`, bytes: bytesOfFile(path) }, storing),
    store(of, { name: 'thumbnail.webp', bytes: [thumbnail] }, storing),
    store(of, { name: 'spritesheet.jpg', bytes: [spritesheet] }, storing),
  ]
  await Promise.allSettled(files) // one that fails must not leave others under way
  if (!signal.aborted) return Promise.all(files)
  await objects.deleteFolder(tryFolder(of)) // who stopped it may have done so before these were there
  throw signal.reason
}

async function store({ id, attempt }: VideoTry, { name, bytes: chunks }: { readonly name: string; readonly bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array> }, { objects, signal }: Storing): Promise<StoredFile> {
  const hash = createHash('sha256')
  let bytes = 0
  const key = objectKey(id, attempt, name)
  await objects.put(key, counted(), { signal })
  return { name, key, bytes, sha256: hash.digest('hex') }

  async function* counted(): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of chunks) {
      signal.throwIfAborted()
      bytes += chunk.length
      hash.update(chunk)
      yield chunk
    }
  }
}
