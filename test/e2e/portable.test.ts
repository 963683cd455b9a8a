import { execFile } from 'node:child_process'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { characterList } from '../../src/http/schemas/character.ts'
import { makeClip } from '../fixtures/make-clip.ts'
import { createSeed, get } from '../support/client.ts'
import { startFileServer, type FileServer } from '../support/file-server.ts'
import { startService } from '../support/service.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const run = promisify(execFile)

let folder: string
let server: FileServer
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dramatis-portable-'))
  await writeFile(join(folder, 'clip.mp4'), await makeClip({ scene: 'toy', seconds: 3 }))
  server = await startFileServer(folder)
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

interface Ended { readonly code: number; readonly out: string; readonly err: string }

/** The program with these arguments, on a data folder. */
async function dramatis(dataFolder: string, ...args: readonly string[]): Promise<Ended> {
  const environment = { PATH: process.env.PATH, HOME: process.env.HOME, PORT: '0', DATA_DIR: dataFolder }
  return run(process.execPath, [MAIN, ...args], { env: environment }).then(
    ({ stdout, stderr }) => ({ code: 0, out: stdout, err: stderr }),
    (error: { readonly code: number; readonly stdout: string; readonly stderr: string }) => ({ code: error.code, out: error.stdout, err: error.stderr }),
  )
}

test('a library leaves one service as a file and is in another under the same names, with pictures that open; the data folder is backed up beside the service, looked through, and restored', async () => {
  const [here, there, restored] = ['here', 'there', 'restored'].map((name) => join(folder, name))
  const environment = { FETCH_ALLOW: server.host, LENS_PROCESSES: '1' }
  const file = join(folder, 'library.tar')
  await using service = await startService({ dataFolder: here, environment })
  const made = [await createSeed(service, { url: `${server.url}/clip.mp4`, timestamps: '0,2' }), await createSeed(service, { url: `${server.url}/clip.mp4`, timestamps: '1,3' })]
  const names = made.map(({ username }) => username).toSorted()

  expect(await dramatis(here, 'export', '--all', file, '--server', service.url)).toMatchObject({ code: 0, out: `${file}\n` })
  expect(await dramatis(here, 'export', `@${names[0]}`, join(folder, 'one.tar'), '--server', service.url)).toMatchObject({ code: 0 })
  expect(await dramatis(here, 'backup', join(folder, 'backup'))).toMatchObject({ code: 0, out: expect.stringMatching(/^2 characters, 0 videos and \d+ objects are in /) })
  await service.stop()

  {
    await using other = await startService({ dataFolder: there, environment: { LENS_PROCESSES: '1' } })
    expect(await dramatis(there, 'import', join(folder, 'one.tar'), '--server', other.url)).toMatchObject({ code: 0, out: expect.stringContaining(`"username": "${names[0]}"`) })
    expect(await dramatis(there, 'import', file, '--server', other.url)).toMatchObject({ code: 0, out: '1 imported, 1 there already, 0 refused\n' })
    expect(await dramatis(there, 'import', file, '--server', other.url)).toMatchObject({ code: 0, out: '0 imported, 2 there already, 0 refused\n' })
    const { data } = await get(other, '/v1/characters', characterList)
    expect(data.map(({ username }) => username).toSorted()).toEqual(names)
    for (const { profile_picture_url } of data) expect((await fetch(profile_picture_url ?? '')).headers.get('content-type')).toBe('image/webp')
    await writeFile(join(folder, 'spoiled.tar'), 'no tar')
    expect(await dramatis(there, 'import', join(folder, 'spoiled.tar'), '--server', other.url)).toMatchObject({ code: 2 })
  }

  const nowhere = await dramatis(here, 'move', '--to-database', 'postgres://user:hunter2@127.0.0.1:1/none', '--to-objects', 'http://key:hunter2@127.0.0.1:1/bucket')
  expect(nowhere).toMatchObject({ code: 1, err: expect.stringMatching(/These settings cannot be used:\n +--to-database: .*nothing listens there.*\n +--to-objects: Nothing answers at 127\.0\.0\.1:1\./) })
  expect(nowhere.err).not.toContain('hunter2')

  expect(await dramatis(restored, 'restore', join(folder, 'backup'))).toMatchObject({ code: 0, out: expect.stringMatching(/^2 characters/) })
  expect(await dramatis(restored, 'doctor', '--deep')).toMatchObject({ out: expect.stringMatching(/✓ objects +\d+ are there and are what their rows say/) })
  const [first] = await readdir(join(restored, 'objects'))
  await rm(join(restored, 'objects', first), { recursive: true })
  expect(await dramatis(restored, 'doctor', '--repair')).toMatchObject({ code: 1, out: expect.stringMatching(/✗ objects .*missing/) })
  expect(await dramatis(restored, 'doctor', '--repair', '--from', join(folder, 'backup'))).toMatchObject({ out: expect.stringMatching(/✓ objects .*came back from the backup/) })
}, 240_000)
