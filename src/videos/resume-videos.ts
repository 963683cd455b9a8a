import { rm } from 'node:fs/promises'
import type { Database } from '../db/database.ts'
import { listKeptVideos, listUnfinishedVideos } from '../db/video-rows.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import type { Log } from '../runtime/log.ts'
import { ownerOf } from './video-files.ts'
import type { VideoJobs } from './video-jobs.ts'

interface ResumeDeps {
  readonly db: Database
  readonly objects: ObjectStore
  readonly log: Log
  readonly settings: { readonly workFolder: string }
}

/** What the last run left: no process but this one uses the folders, so whatever no row speaks of is dead. */
export async function resumeVideos(jobs: VideoJobs, { db, objects, log, settings }: ResumeDeps): Promise<void> {
  await rm(settings.workFolder, { recursive: true, force: true })
  const unfinished = await listUnfinishedVideos(db)
  for (const row of unfinished) await jobs.resume(row)
  const folders = await collectObjects(db, objects, new Set(unfinished.map(({ id }) => id)))
  log.info('videos.resumed', { unfinished: unfinished.length, objectFoldersCollected: folders })
}

/** Rows and objects of this start come later, so a folder that is listed before the rows are and has none is nobody's. */
async function collectObjects(db: Database, objects: ObjectStore, unfinished: ReadonlySet<string>): Promise<number> {
  const folders = (await Array.fromAsync(objects.listFolders())).flat()
  const kept = await listKeptVideos(db)
  const dead = folders.filter((folder) => {
    const owner = ownerOf(folder)
    return owner !== null && !(owner.isGiven ? unfinished : kept).has(owner.id)
  })
  for (const folder of dead) await objects.deleteFolder(folder)
  return dead.length
}
