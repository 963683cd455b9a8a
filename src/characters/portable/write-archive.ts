import { AppError } from '../../domain/errors.ts'
import { TAR_END, tarBytes, tarHeader, tarPadding, type TarFile } from '../../domain/tar.ts'
import type { Database } from '../../db/database.ts'
import { findEvidence } from '../../db/evidence-rows.ts'
import { characterOf, filesOf } from '../../db/stored-character.ts'
import { listVectors } from '../../db/vector-rows.ts'
import { ObjectNotFound, type ObjectStore } from '../../objects/object-store.ts'
import { findVisibleRow } from '../read-characters.ts'
import { readEvidence } from '../stored-character.ts'
import { MANIFEST, writeManifest } from './manifest.ts'
import type { Archive } from './portable.ts'

interface Stores { readonly db: Database; readonly objects: Pick<ObjectStore, 'get'> }
interface ArchivedFile extends TarFile { read(signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> }

/** Rejects with `character_not_found`, or `character_not_ready` until completed. */
export async function openArchive({ db, objects }: Stores, account: string, ref: string): Promise<Archive> {
  const row = await findVisibleRow(db, account, ref)
  const evidence = row.status === 'completed' ? await findEvidence(db, row.id) : null
  if (evidence === null) throw new AppError('character_not_ready')
  const [character, stored] = [characterOf(row), filesOf(row)]
  const vectors = (await listVectors(db, [row.id])).get(row.id) ?? []
  const manifest = writeManifest({ character, evidence: readEvidence(evidence), vectors, files: stored })
  const files: readonly ArchivedFile[] = [
    { name: MANIFEST, bytes: manifest.length, read: async () => once(manifest) },
    ...stored.map(({ name, bytes, key }) => ({ name, bytes, read: (signal?: AbortSignal) => objects.get(key, undefined, signal && { signal }) })),
  ]
  const { username, revision, completedAtMs } = character
  return { username, revision, bytes: tarBytes(files), read: (signal) => packed(files, { mtimeMs: completedAtMs, signal }) }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array, void> { yield bytes }

async function* packed(files: readonly ArchivedFile[], { mtimeMs, signal }: { readonly mtimeMs: number; readonly signal: AbortSignal | undefined }): AsyncGenerator<Uint8Array, void> {
  for (const file of files) {
    yield tarHeader(file, mtimeMs)
    let left = file.bytes
    for await (const chunk of await file.read(signal).catch(translate)) {
      left -= chunk.length
      if (left < 0) break
      yield chunk
    }
    if (left !== 0) throw unavailable()
    yield tarPadding(file)
  }
  yield TAR_END
}

const unavailable = (cause?: unknown): AppError => new AppError('storage_unavailable', { details: { retryAfterSeconds: 30 }, cause })

/** The row says that it is there. */
function translate(error: unknown): never { throw error instanceof ObjectNotFound ? unavailable(error) : error }
