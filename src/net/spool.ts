import { randomUUID } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../domain/errors.ts'
import type { ByteSource } from '../runtime/byte-source.ts'
import { openFileSource } from './file-source.ts'

const DISK_FULL: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT'])
const RETRY_AFTER_SECONDS = 30

/** A body written to a private file in `folder`, as a source; closing it deletes the file. Rejects as the body does, or with `storage_full`. */
export async function spool(body: AsyncIterable<Uint8Array>, folder: string): Promise<ByteSource> {
  const path = join(folder, `source-${randomUUID()}`)
  try {
    await writePrivately(path, body)
    return await openFileSource(path, { isDeletedOnClose: true })
  } catch (error) {
    await rm(path, { force: true })
    throw isDiskFull(error) ? new AppError('storage_full', { cause: error, details: { retryAfterSeconds: RETRY_AFTER_SECONDS } }) : error
  }
}

async function writePrivately(path: string, body: AsyncIterable<Uint8Array>): Promise<void> {
  await using file = await open(path, 'wx', 0o600)
  for await (const chunk of body) await file.writeFile(chunk)
}

const isDiskFull = (error: unknown): boolean => error instanceof Error && 'code' in error && DISK_FULL.has(error.code)
