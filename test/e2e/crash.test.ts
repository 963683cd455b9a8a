import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import PQueue from 'p-queue'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { STEPS } from '../../src/domain/character.ts'
import { characterList } from '../../src/http/schemas/character.ts'
import { makeClip } from '../fixtures/make-clip.ts'
import { createSeed, filesBelow, get } from '../support/client.ts'
import { startFileServer, type FileServer } from '../support/file-server.ts'
import { startService } from '../support/service.ts'

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

/** A start is a chain of processes that wait for each other, so two or three side by side cost little more than one. */
const turns = new PQueue({ concurrency: 3 })

test.concurrent.each(STEPS)('killed on entering %s, then started again: one whole character, and nothing left over', async (step) => {
  await turns.add(async () => {
    const dataFolder = join(folder, step)
    const environment = { FETCH_ALLOW: server.host, LENS_PROCESSES: '1' }
    const body = { url: `${server.url}/clip.mp4`, timestamps: '0,2' }
    {
      await using crashing = await startService({ dataFolder, environment: { ...environment, CRASH_AT: step } })
      await expect(createSeed(crashing, body)).rejects.toThrow('fetch failed')
      expect(await crashing.ended).toBe('SIGKILL')
    }
    await using service = await startService({ dataFolder, environment })
    const first = await createSeed(service, body)
    expect(await createSeed(service, body)).toEqual(first)

    const { data } = await get(service, '/v1/characters', characterList)
    expect(data.map(({ id, status }) => ({ id, status }))).toEqual([{ id: first.id, status: 'completed' }])
    expect((await fetch(first.profile_picture_url)).headers.get('content-type')).toBe('image/webp')
    // The folder of this process is held by a file in it; that of the killed one is gone.
    expect(new Set((await filesBelow(service, 'scratch')).map((file) => file.split('/').at(-1)))).toEqual(new Set(['service.lock', 'service.lock-journal']))
    expect(new Set((await filesBelow(service, 'scratch')).map((file) => file.split('/').at(-2))).size).toBe(1)
    const folders = new Set((await filesBelow(service, 'objects')).map((file) => file.split('/').at(-3)))
    expect(folders).toEqual(new Set([first.id]))
  })
}, 120_000)
