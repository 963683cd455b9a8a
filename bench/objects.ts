// Pictures of 20 KB put and got, one after another and eight at a time, on the disk and on the S3 server of the tests.
// `node_modules/.bin/node bench/objects.ts`, with TEST_S3_URL for another server; without one, the disk alone.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDiskObjects } from '../src/objects/disk-objects.ts'
import type { ObjectStore } from '../src/objects/object-store.ts'
import { openS3Objects, parseS3Url } from '../src/objects/s3-objects.ts'
import { createLog } from '../src/runtime/log.ts'
import { openBucket, startS3Server } from '../test/support/s3-server.ts'
import { report, rounded } from './support/report.ts'

const COUNT = 200
const PICTURE = new Uint8Array(20_000)

const keyOf = (index: number): string => `char_${index % 20}/1/${index}.webp`

/** So many a second. */
async function speed(work: (index: number) => Promise<unknown>, atOnce: number): Promise<number> {
  let next = 0
  const startedMs = performance.now()
  await Promise.all(Array.from({ length: atOnce }, async () => { while (next < COUNT) await work(next++) }))
  return rounded(COUNT / ((performance.now() - startedMs) / 1000), 0)
}

async function rowsOf(store: string, objects: ObjectStore): Promise<Readonly<Record<string, unknown>>[]> {
  const rows = []
  for (const atOnce of [1, 8]) {
    const puts = await speed((index) => objects.put(keyOf(index), PICTURE), atOnce)
    const gets = await speed(async (index) => Array.fromAsync(await objects.get(keyOf(index))), atOnce)
    rows.push({ store, 'at once': atOnce, 'puts/s': puts, 'gets/s': gets })
  }
  return rows
}

const folder = await mkdtemp(join(tmpdir(), 'dramatis-bench-'))
const rows = await rowsOf('disk', createDiskObjects({ folder }))
await rm(folder, { recursive: true })
await using server = await startS3Server()
if (server) {
  await using bucket = await openBucket(server.url)
  rows.push(...await rowsOf('s3', openS3Objects(parseS3Url(bucket.url), { log: createLog() })))
}
await report('objects', rows)
