import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createLog } from '../runtime/log.ts'
import { openWorkFolder } from './work-folder.ts'

const log = createLog({ level: 'silent' })
let parent: string
beforeEach(async () => { parent = join(await mkdtemp(join(tmpdir(), 'dramatis-work-')), 'work') })
afterEach(() => rm(parent, { recursive: true }))

test('each process has its own, and takes it along when it ends', async () => {
  const first = await openWorkFolder(parent, { log })
  const second = await openWorkFolder(parent, { log })
  await writeFile(join(first.path, 'a'), '')
  expect((await readdir(parent)).toSorted()).toEqual([basename(first.path), basename(second.path)].toSorted())
  await first[Symbol.asyncDispose]()
  expect(await readdir(parent)).toEqual([basename(second.path)])
  await second[Symbol.asyncDispose]()
})

test('what a killed process left is removed by one that runs; the folders of the living stay', async () => {
  await using living = await openWorkFolder(parent, { log, sweepEveryMs: 50 })
  const program = `
    const { openWorkFolder } = await import(${JSON.stringify(new URL('./work-folder.ts', import.meta.url).href)})
    const { createLog } = await import(${JSON.stringify(new URL('../runtime/log.ts', import.meta.url).href)})
    const { path } = await openWorkFolder(${JSON.stringify(parent)}, { log: createLog({ level: 'silent' }) })
    console.log(path)
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [said] = await once(child.stdout, 'data')
  const left = basename(String(said).trim())
  await sleep(200)
  expect(await readdir(parent)).toContain(left)
  child.kill('SIGKILL')
  await once(child, 'exit')
  await expect.poll(() => readdir(parent)).toEqual([basename(living.path)])
})

test('one that is being made is left alone, unless it has been for long; files are nobody’s', async () => {
  await mkdir(join(parent, 'new-a'), { recursive: true })
  await mkdir(join(parent, 'new-b'))
  await writeFile(join(parent, 'stray'), '')
  await utimes(join(parent, 'new-b'), 0, 0)
  await using own = await openWorkFolder(parent, { log })
  expect((await readdir(parent)).toSorted()).toEqual([basename(own.path), 'new-a'].toSorted())
})
