import { createHash } from 'node:crypto'
import type { VideoId } from '../domain/identifier.ts'
import { objectKey, type StoredFile } from '../domain/stored-file.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import type { Judgement } from './judge-output.ts'
import { bytesOfFile } from './video-files.ts'

interface Storing { readonly objects: ObjectStore; readonly signal: AbortSignal }

/** All on disk when this resolves; until the row names them they are nobody's. What an earlier try left is gone. Rejects with the signal's reason, and then leaves nothing. */
export async function storeOutput(id: VideoId, { path, judgement }: { readonly path: string; readonly judgement: Judgement }, storing: Storing): Promise<readonly StoredFile[]> {
  const { objects, signal } = storing
  await objects.deleteFolder(id)
  const { extension, thumbnail, spritesheet } = judgement
  const files = [
    store(id, { name: `video.${extension}`, bytes: bytesOfFile(path) }, storing),
    store(id, { name: 'thumbnail.webp', bytes: [thumbnail] }, storing),
    store(id, { name: 'spritesheet.jpg', bytes: [spritesheet] }, storing),
  ]
  await Promise.allSettled(files) // one that fails must not leave others under way
  if (!signal.aborted) return Promise.all(files)
  await objects.deleteFolder(id) // who stopped it may have done so before these were there
  throw signal.reason
}

async function store(id: VideoId, { name, bytes: chunks }: { readonly name: string; readonly bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array> }, { objects, signal }: Storing): Promise<StoredFile> {
  const hash = createHash('sha256')
  let bytes = 0
  const key = objectKey(id, 1, name)
  await objects.put(key, counted())
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
