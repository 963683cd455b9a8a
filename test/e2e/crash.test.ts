import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { STEPS } from '../../src/domain/character.ts'
import { makeClip } from '../fixtures/make-clip.ts'
import { startFileServer, type FileServer } from '../support/file-server.ts'
import { startService } from '../support/service.ts'

const seedAnswer = z.strictObject({ id: z.string(), username: z.string(), permalink: z.url(), profile_picture_url: z.url() })
const list = z.object({ data: z.array(z.object({ id: z.string(), status: z.string() })) })

let folder: string
let server: FileServer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dramatis-crash-'))
  await writeFile(join(folder, 'clip.mp4'), await makeClip({ scene: 'toy', seconds: 3 }))
  server = await startFileServer(folder)
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const create = (url: string): Promise<Response> => fetch(`${url}/sora/v1/characters`, {
  method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ url: `${server.url}/clip.mp4`, timestamps: '0,2' }),
})

/** Everything below the folders that hold finished work and work under way. */
async function filesBelow(dataFolder: string, name: string): Promise<string[]> {
  const entries = await readdir(join(dataFolder, name), { recursive: true, withFileTypes: true }).catch(() => [])
  return entries.filter((entry) => entry.isFile()).map(({ parentPath, name: file }) => join(parentPath, file))
}

test.each(STEPS)('killed on entering %s, then started again: one whole character, and nothing left over', async (step) => {
  const dataFolder = await mkdtemp(join(tmpdir(), 'dramatis-crashed-'))
  const environment = { FETCH_ALLOW: server.host, LENS_PROCESSES: '1' }
  {
    await using crashing = await startService({ dataFolder, environment: { ...environment, CRASH_AT: step } })
    await expect(create(crashing.url)).rejects.toThrow()
    expect(await crashing.ended).toBe('SIGKILL')
  }
  await using service = await startService({ dataFolder, environment })
  const first = seedAnswer.parse(await (await create(service.url)).json())
  const second = seedAnswer.parse(await (await create(service.url)).json())
  expect(second).toEqual(first)

  const { data } = list.parse(await (await fetch(`${service.url}/v1/characters`)).json())
  expect(data).toEqual([{ id: first.id, status: 'completed' }].map((item) => expect.objectContaining(item)))
  expect((await fetch(first.profile_picture_url)).headers.get('content-type')).toBe('image/webp')
  expect(await filesBelow(dataFolder, 'scratch')).toEqual([])
  const folders = new Set((await filesBelow(dataFolder, 'objects')).map((file) => file.split('/').at(-2)))
  expect(folders.size).toBe(1)
  await rm(dataFolder, { recursive: true })
})
