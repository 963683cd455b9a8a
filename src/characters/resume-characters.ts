import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { isCharacterId } from '../domain/identifier.ts'
import { listKept, listUnfinished, type CharacterRow } from '../db/character-rows.ts'
import type { Database } from '../db/database.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import type { Log } from '../runtime/log.ts'
import type { CharacterJobs } from './character-jobs.ts'
import { requestOf } from './stored-character.ts'

interface ResumeDeps {
  readonly db: Database
  readonly objects: ObjectStore
  readonly log: Log
  readonly settings: { readonly workFolder: string; readonly uploadsFolder: string }
}

/** What the last run left: no process but this one uses the folders, so whatever no row speaks of is dead. */
export async function resumeCharacters(jobs: CharacterJobs, { db, objects, log, settings }: ResumeDeps): Promise<void> {
  await rm(settings.workFolder, { recursive: true, force: true })
  const unfinished = await listUnfinished(db)
  for (const row of unfinished) await jobs.resume(row)
  const uploads = await collectUploads(settings.uploadsFolder, unfinished)
  const folders = await collectObjects(db, objects)
  log.info('characters.resumed', { unfinished: unfinished.length, uploadsCollected: uploads, objectFoldersCollected: folders })
}

async function collectUploads(folder: string, unfinished: readonly CharacterRow[]): Promise<number> {
  const needed = new Set(unfinished.map(requestOf).map(({ source }) => ('path' in source ? source.path : null)))
  const paths = (await readdir(folder).catch(() => [])).map((name) => join(folder, name)) // no folder, no uploads
  const dead = paths.filter((path) => !needed.has(path))
  for (const path of dead) await rm(path, { recursive: true, force: true })
  return dead.length
}

/** A row comes before its objects, so a folder of a character that is listed before the rows are and has none is nobody's. */
async function collectObjects(db: Database, objects: ObjectStore): Promise<number> {
  const folders = (await Array.fromAsync(objects.listFolders())).flat()
  const kept = await listKept(db)
  const dead = folders.filter((id) => isCharacterId(id) && !kept.has(id))
  for (const id of dead) await objects.deleteFolder(id)
  return dead.length
}
