import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { Log } from '../runtime/log.ts'
import { tryToHold } from './data-folder.ts'

/** A folder of one process, empty at first. */
export interface WorkFolder extends AsyncDisposable { readonly path: string }

interface WorkFolderOptions {
  readonly log: Log
  /** How long what a killed process left may lie beside one that runs. */
  readonly sweepEveryMs?: number
}

const SWEEP_EVERY_MS = 20_000
/** Not held yet. */
const UNFINISHED = 'new-'
const LONGEST_UNFINISHED_MS = 600_000

/**
 * Makes a folder for what this process is working on below `parent`, which several processes may share. It goes with the process; when that
 * is killed, another that uses the same parent finds that nobody holds it, and removes it.
 */
export async function openWorkFolder(parent: string, { log, sweepEveryMs = SWEEP_EVERY_MS }: WorkFolderOptions): Promise<WorkFolder> {
  await mkdir(parent, { recursive: true, mode: 0o700 })
  const name = randomUUID()
  const unfinished = join(parent, UNFINISHED + name)
  const hold = tryToHold(unfinished)
  if (hold === null) throw new Error(`${unfinished} is held by somebody else`)
  // Only now does it have a name that others look at: there is no moment at which it looks dead.
  const path = join(parent, name)
  await rename(unfinished, path)
  const sweepDead = (): Promise<void> => sweep(parent, path).catch((error) => log.warn('work_folder.kept', { error }))
  await sweepDead()
  const sweeping = setInterval(() => void sweepDead(), sweepEveryMs).unref()
  return {
    path,
    [Symbol.asyncDispose]: async () => {
      clearInterval(sweeping)
      hold[Symbol.dispose]()
      await rm(path, { recursive: true, force: true })
    },
  }
}

async function sweep(parent: string, own: string): Promise<void> {
  const names = await readdir(parent)
  for (const path of names.map((name) => join(parent, name))) {
    if (path !== own && await isDead(path)) await rm(path, { recursive: true, force: true })
  }
}

async function isDead(path: string): Promise<boolean> {
  const facts = await stat(path).catch(() => null) // somebody else swept it
  if (facts === null) return false
  if (!facts.isDirectory()) return true
  if (basename(path).startsWith(UNFINISHED) && Date.now() - facts.mtimeMs < LONGEST_UNFINISHED_MS) return false
  using hold = tryToHold(path)
  return hold !== null
}
