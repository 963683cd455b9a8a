import { createWriteStream, existsSync } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { parseArgs } from 'node:util'
import { z } from 'zod'
import { TAR_END, tarHeader, tarPadding } from '../domain/tar.ts'
import { openClient, type Client } from './client.ts'
import { ServiceError, UsageError } from './failure.ts'
import { openProgress, type Progress } from './progress.ts'

const PAGE = 100

const page = z.object({ data: z.array(z.object({ id: z.string(), username: z.string(), created_at: z.number() })), last_id: z.string().nullable(), has_more: z.boolean() })
type Listed = z.infer<typeof page>['data'][number]
const named = z.object({ username: z.string() })

/** Writes one character, or all of them, to a file, which must not exist. */
export async function exportCharacters(args: string[]): Promise<number> {
  const text = { type: 'string' } as const
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { all: text, server: text, key: text } })
  const isUsed = values.all === undefined ? positionals.length === 1 || positionals.length === 2 : positionals.length === 0
  if (!isUsed) throw new UsageError('Name a character, or a file for all of them: export @name [FILE], or export --all FILE')
  using progress = openProgress()
  progress.say('starting')
  await using client = await openClient({ server: values.server ?? null, key: values.key ?? null })
  const file = values.all === undefined ? await exportOne(client, positionals) : await exportAll(client, values.all, progress)
  progress[Symbol.dispose]()
  console.log(file)
  return 0
}

async function exportOne(client: Client, [ref, file]: readonly string[]): Promise<string> {
  const path = `/v1/characters/${encodeURIComponent(ref)}`
  const target = file ?? `${named.parse(await client.get(path)).username}.dramatis.tar`
  const { body } = await client.open(`${path}/export`)
  await keep(target, body)
  return target
}

async function exportAll(client: Client, file: string, progress: Progress): Promise<string> {
  await keep(file, library(client, progress))
  return file
}

/** Behind its name only when it is whole. */
async function keep(file: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  if (existsSync(file)) throw new UsageError(`${file} is there already.`)
  const part = `${file}.part`
  try {
    await pipeline(bytes, createWriteStream(part, { flush: true }))
    await rename(part, file)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}

/** A tar of one archive a character, the oldest first. */
async function* library(client: Client, progress: Progress): AsyncGenerator<Uint8Array, void> {
  let count = 0
  for await (const { id, username, created_at } of listAll(client)) {
    const archive = await client.open(`/v1/characters/${id}/export`).catch(unlessDeleted)
    if (archive === null) continue
    const file = { name: `${id}.dramatis.tar`, bytes: archive.bytes }
    yield tarHeader(file, created_at * 1000)
    yield* archive.body
    yield tarPadding(file)
    progress.say(`${++count}: @${username}`)
  }
  yield TAR_END
}

/** It was there when the list was read. */
function unlessDeleted(error: unknown): null {
  if (error instanceof ServiceError && error.code === 'character_not_found') return null
  throw error
}

async function* listAll(client: Client): AsyncGenerator<Listed, void> {
  for (let after = ''; ;) {
    const { data, last_id, has_more } = page.parse(await client.get(`/v1/characters?order=asc&limit=${PAGE}${after}`))
    yield* data
    if (!has_more) return
    after = `&after=${last_id}`
  }
}
