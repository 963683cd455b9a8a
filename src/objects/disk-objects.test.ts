import { mkdtemp, mkdir, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { objectStoreSuite, type ObjectStoreUnderTest } from '../../test/suites/object-store-suite.ts'
import { createDiskObjects } from './disk-objects.ts'

async function start(): Promise<ObjectStoreUnderTest & { readonly folder: string }> {
  const top = await mkdtemp(join(tmpdir(), 'dramatis-objects-'))
  const folder = join(top, 'objects')
  return {
    folder,
    objects: createDiskObjects({ folder, pageSize: 3 }),
    kept: async () => (await readdir(folder, { recursive: true, withFileTypes: true })).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name)).toSorted(),
    [Symbol.asyncDispose]: () => rm(top, { recursive: true }),
  }
}

describe('disk objects', () => { objectStoreSuite({ start }) })

test('what does not belong there is not listed, and what has no folder is empty', async () => {
  await using tested = await start()
  expect(await Array.fromAsync(tested.objects.listFolders())).toEqual([])
  await tested.objects.put('char_1/1/a', new Uint8Array(1))
  await mkdir(join(tested.folder, 'lost+found'))
  await writeFile(join(tested.folder, 'notes'), '')
  await symlink(tmpdir(), join(tested.folder, 'elsewhere'))
  expect(await Array.fromAsync(tested.objects.listFolders())).toEqual([['char_1']])
})

test('a file of another file system is copied, and gone from its place', async ({ skip }) => {
  await using tested = await start()
  const other = await mkdtemp('/dev/shm/dramatis-').catch(() => null)
  if (other === null || (await stat(other)).dev === (await stat(tmpdir())).dev) return skip()
  const path = join(other, 'given')
  await writeFile(path, 'from afar')
  await tested.objects.putFile('video_1-given/picture', path)
  expect(Buffer.concat(await Array.fromAsync(await tested.objects.get('video_1-given/picture'))).toString()).toBe('from afar')
  expect(await readdir(other)).toEqual([])
  await rm(other, { recursive: true })
})

test('what is taken over can be read by nobody else on the machine', async () => {
  await using tested = await start()
  const path = join(tested.folder, '..', 'given')
  await writeFile(path, 'mine', { mode: 0o644 })
  await tested.objects.putFile('video_1-given/picture', path)
  expect((await stat(join(tested.folder, 'video_1-given/picture'))).mode & 0o777).toBe(0o600)
})

test('thousands of folders are listed in pages, and the process answers meanwhile', async () => {
  await using tested = await start()
  const names = Array.from({ length: 3000 }, (_, i) => `char_${i}`)
  await mkdir(tested.folder)
  for (const name of names) await mkdir(join(tested.folder, name))
  let turns = 0
  const turning = setInterval(() => { turns++ }, 0)
  const listed: string[] = []
  for await (const page of createDiskObjects({ folder: tested.folder, pageSize: 100 }).listFolders()) {
    expect(page.length).toBeLessThanOrEqual(100)
    listed.push(...page)
  }
  clearInterval(turning)
  expect(listed.toSorted()).toEqual(names.toSorted())
  expect(turns).toBeGreaterThan(0)
})

test('a check says what cannot be done, and what to do', async () => {
  await using tested = await start()
  await writeFile(tested.folder, 'a file')
  await expect(tested.objects.check()).rejects.toThrow(`${tested.folder} cannot be used: a part of this path is a file. Choose another folder, or move the file away.`)
  await expect(createDiskObjects({ folder: join(tested.folder, 'below') }).check()).rejects.toThrow('a part of this path is a file')
})
