import { openAsBlob } from 'node:fs'
import { basename } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import PQueue from 'p-queue'
import { z } from 'zod'
import { NotPlainTar, tarEntries, type TarEntry } from '../domain/tar.ts'
import { openClient, type Client } from './client.ts'
import { ServiceError, UsageError } from './failure.ts'
import { openProgress, type Progress } from './progress.ts'

/** Each waits for a lens of the service, so a few keep all of them busy. */
const AT_ONCE = 4
const MOST_WAITING = 16
const MOST_TRIES = 5

const character = z.object({ id: z.string(), username: z.string(), permalink: z.string(), profile_picture_url: z.string() })
type Character = z.infer<typeof character>

interface Wishes { readonly username: string | null; readonly isRenamed: boolean }
interface Archive { readonly name: string; readonly bytes: Blob }

/** Takes in files of exports, of one character or a whole library each. What is there already stays as it is, so a run that was cut off is begun again. */
export async function importCharacters(args: string[]): Promise<number> {
  const text = { type: 'string' } as const
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { name: text, rename: { type: 'boolean' }, server: text, key: text } })
  if (positionals.length === 0) throw new UsageError('Name a file that an export wrote.')
  if (values.name !== undefined && positionals.length > 1) throw new UsageError('--name is for one file with one character.')
  using progress = openProgress()
  progress.say('starting')
  await using client = await openClient({ server: values.server ?? null, key: values.key ?? null })
  const tally = await importFiles(client, positionals, { wishes: { username: values.name ?? null, isRenamed: values.rename ?? false }, progress })
  progress[Symbol.dispose]()
  return tell(tally)
}

interface Tally { readonly made: Character[]; readonly known: Character[]; readonly refused: { readonly name: string; readonly error: ServiceError }[] }

async function importFiles(client: Client, files: readonly string[], { wishes, progress }: { readonly wishes: Wishes; readonly progress: Progress }): Promise<Tally> {
  const tally: Tally = { made: [], known: [], refused: [] }
  const queue = new PQueue({ concurrency: AT_ONCE })
  const failures: unknown[] = []
  for await (const archive of archivesIn(files, wishes)) {
    await queue.onSizeLessThan(MOST_WAITING)
    if (failures.length > 0) break
    void queue.add(() => importOne(client, archive, wishes, tally)).then(() => progress.say(`${tally.made.length} imported, ${tally.known.length} there already, ${tally.refused.length} refused`), (error) => failures.push(error))
  }
  await queue.onIdle()
  if (failures.length > 0) throw failures[0]
  return tally
}

async function importOne(client: Client, { name, bytes }: Archive, { username, isRenamed }: Wishes, tally: Tally): Promise<void> {
  const form = new FormData()
  if (username !== null) form.set('username', username)
  if (isRenamed) form.set('on_conflict', 'rename')
  form.set('file', bytes, name)
  try {
    const { isNew, body } = await sendPatiently(client, form)
    ;(isNew ? tally.made : tally.known).push(character.parse(body))
  } catch (error) {
    if (!(error instanceof ServiceError) || error.code === null) throw error
    tally.refused.push({ name, error })
  }
}

/** A service that is busy says when it will not be. */
async function sendPatiently(client: Client, form: FormData): ReturnType<Client['sendForm']> {
  for (let tries = 1; ; tries++) {
    try {
      return await client.sendForm('/v1/characters/import', form)
    } catch (error) {
      if (!(error instanceof ServiceError) || error.retryAfterSeconds === null || tries >= MOST_TRIES) throw error
      await sleep(error.retryAfterSeconds * 1000)
    }
  }
}

async function* archivesIn(files: readonly string[], { username }: Wishes): AsyncGenerator<Archive, void> {
  for (const file of files) {
    const all = await openAsBlob(file)
    const read = async (start: number, end: number): Promise<Uint8Array> => new Uint8Array(await all.slice(start, end).arrayBuffer())
    try {
      for await (const entry of tarEntries(read, all.size)) {
        if (!isArchive(entry)) { // of one character
          yield { name: basename(file), bytes: all }
          break
        }
        if (username !== null) throw new UsageError('--name is for one file with one character.')
        yield { name: entry.name, bytes: all.slice(entry.start, entry.start + entry.bytes) }
      }
    } catch (error) {
      throw error instanceof NotPlainTar ? new UsageError(`${file} is no export: ${error.message}.`) : error
    }
  }
}

const isArchive = ({ name }: TarEntry): boolean => name.endsWith('.dramatis.tar')

function tell({ made, known, refused }: Tally): number {
  const [only, ...others] = [...made, ...known]
  if (only !== undefined && others.length === 0) console.log(JSON.stringify(only, null, 2))
  else console.log(`${made.length} imported, ${known.length} there already, ${refused.length} refused`)
  for (const { name, error } of refused) console.error(`${name}: ${error.message}${error.hint === null ? '' : ` ${error.hint}`}`)
  return refused.length > 0 ? 1 : 0
}
