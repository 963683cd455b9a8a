import { parseArgs } from 'node:util'
import { backUpConfigured, restoreConfigured } from '../app/library.ts'
import { UsageError } from './failure.ts'
import { openProgress } from './progress.ts'

function folderOf(args: string[]): string {
  const { positionals } = parseArgs({ args, allowPositionals: true })
  if (positionals.length !== 1) throw new UsageError('Name one folder.')
  return positionals[0]
}

/** Copies the library of DATA_DIR to a folder, also beside a running service. Exit code 1 where the library itself lacked something. */
export async function backup(args: string[]): Promise<number> {
  const folder = folderOf(args)
  using progress = openProgress()
  progress.say('copying the database')
  const { tables, objects, missing } = await backUpConfigured(folder, { onProgress: (count) => progress.say(`${count} objects`) })
  progress[Symbol.dispose]()
  console.log(`${tables.characters.rows} characters, ${tables.videos.rows} videos and ${objects} objects are in ${folder}`)
  for (const key of missing) console.error(`${key} is missing in the library itself, so what it belongs to is not in the backup`)
  return missing.length > 0 ? 1 : 0
}

/** Puts a backup into DATA_DIR, where no library may be yet. */
export async function restore(args: string[]): Promise<number> {
  const folder = folderOf(args)
  using progress = openProgress()
  progress.say('reading the backup')
  const { tables, objects, at } = await restoreConfigured(folder, { onProgress: (count) => progress.say(`${count} objects`) })
  progress[Symbol.dispose]()
  console.log(`${tables.characters.rows} characters, ${tables.videos.rows} videos and ${objects} objects are as they were at ${at}`)
  return 0
}
