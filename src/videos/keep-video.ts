import { createHash } from 'node:crypto'
import type { VideoId } from '../domain/identifier.ts'
import { objectKey, type StoredFile } from '../domain/stored-file.ts'
import type { DiskObjects } from '../objects/disk-objects.ts'
import type { Judgement } from './judge-output.ts'
import { bytesOfFile } from './video-files.ts'

/** All on disk when this resolves; until the row names them they are nobody's. What an earlier try left is gone. */
export async function storeOutput(id: VideoId, { path, judgement }: { readonly path: string; readonly judgement: Judgement }, objects: DiskObjects): Promise<readonly StoredFile[]> {
  await objects.deleteFolder(id)
  const { extension, thumbnail, spritesheet } = judgement
  return Promise.all([
    store(id, { name: `video.${extension}`, bytes: bytesOfFile(path) }, objects),
    store(id, { name: 'thumbnail.webp', bytes: [thumbnail] }, objects),
    store(id, { name: 'spritesheet.jpg', bytes: [spritesheet] }, objects),
  ])
}

async function store(id: VideoId, { name, bytes: chunks }: { readonly name: string; readonly bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array> }, objects: DiskObjects): Promise<StoredFile> {
  const hash = createHash('sha256')
  let bytes = 0
  await objects.put(objectKey(id, name), counted())
  return { name, bytes, sha256: hash.digest('hex') }

  async function* counted(): AsyncGenerator<Uint8Array, void> {
    for await (const chunk of chunks) {
      bytes += chunk.length
      hash.update(chunk)
      yield chunk
    }
  }
}
