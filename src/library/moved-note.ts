import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'

const NOTE = 'MOVED'

const note = z.object({ at: z.iso.datetime(), database: z.string().nullable(), objects: z.string().nullable() })

/** Where a library went; null for a part that stayed. Addresses without their passwords. */
export type Moved = z.infer<typeof note>

/** Leaves word in a data folder of where its library is now; on disk when this resolves. */
export async function noteMoved(folder: string, moved: Moved): Promise<void> {
  await using file = await open(join(folder, NOTE), 'w', 0o600)
  await file.writeFile(`${JSON.stringify(moved, null, 2)}\n`)
  await file.sync()
}

/** The word that was left in a data folder, or null. */
export async function readMoved(folder: string): Promise<Moved | null> {
  const text = await readFile(join(folder, NOTE), 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  })
  return text === null ? null : note.parse(JSON.parse(text))
}

/** The settings of a service that is to start on a folder: which parts it would take from it. */
export interface FolderUse { readonly isDatabaseHere: boolean; readonly areObjectsHere: boolean; /** The file of one lies in it, whether it is the service's or not. */ readonly hasDatabase: boolean }

/**
 * Why a service may not start on this folder, in a sentence, or null: what was moved would be served from two places that go different ways,
 * and to a database elsewhere the objects of the one in the folder are nobody's, and would be collected.
 */
export async function movedAway(folder: string, { isDatabaseHere, areObjectsHere, hasDatabase }: FolderUse): Promise<string | null> {
  const moved = await readMoved(folder)
  const areStrangers = hasDatabase && !isDatabaseHere && areObjectsHere && (moved?.database ?? null) === null
  if (areStrangers) return `${folder} holds a library with a database of its own: move it with \`dramatis move --to-database\`, or name another folder for the one in DATABASE_URL.`
  if (moved === null) return null
  const went = [
    ...(isDatabaseHere && moved.database !== null ? [`its database to ${moved.database} (set DATABASE_URL)`] : []),
    ...(areObjectsHere && moved.objects !== null ? [`its objects to ${moved.objects} (set S3_URL)`] : []),
  ]
  return went.length === 0 ? null : `The library in ${folder} was moved on ${moved.at.slice(0, 10)}: ${went.join(' and ')}; delete ${join(folder, NOTE)} to serve what was left behind.`
}
