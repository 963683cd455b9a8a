import { rm, stat } from 'node:fs/promises'
import { newErrandId } from '../../domain/identifier.ts'
import type { Errands } from '../../jobs/errands.ts'
import type { ObjectStore } from '../../objects/object-store.ts'
import type { Log } from '../../runtime/log.ts'
import type { Imported, ImportErrand, ImportRequest } from './portable.ts'

export const IMPORT_ERRAND = 'import'

/** Longer than anybody waits for an answer. */
const PATIENCE_MS = 60_000

interface ReceiveDeps { readonly objects: ObjectStore; readonly errands: Pick<Errands, 'ask'>; readonly log: Log }

/** Lays the archive where any process finds it, and waits until one has looked at it. Rejects with what {@link importCharacter} and the errands reject with, or the signal's reason. */
export async function receiveArchive({ account, path, username, onConflict, traceId }: ImportRequest, { objects, errands, log }: ReceiveDeps, { signal }: { readonly signal: AbortSignal }): Promise<Imported> {
  const folder = `${newErrandId()}-given`
  const key = `${folder}/archive`
  try {
    const { size } = await stat(path)
    await objects.putFile(key, path, { signal })
    const request: ImportErrand = { key, bytes: size, username, onConflict }
    return await errands.ask({ kind: IMPORT_ERRAND, account, request, traceId }, { signal, patienceMs: PATIENCE_MS }) as Imported // importCharacter answered it
  } finally {
    await rm(path, { force: true }).catch((error) => log.warn('upload.kept', { error }))
    await objects.deleteFolder(folder).catch((error) => log.warn('upload.kept', { error }))
  }
}
