import { execFile } from 'node:child_process'
import { globSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, inject, test } from 'vitest'
import { makeTestPlace } from '../../test/support/databases.ts'
import { openPlace } from '../../test/support/library-place.ts'
import { plantCharacter, plantLibrary } from '../../test/support/planted-library.ts'
import { openBucket, type Bucket } from '../../test/support/s3-server.ts'
import { repairLibrary } from './repair-library.ts'

const run = promisify(execFile)
/** Debian keeps them out of the PATH; the newest comes first. */
const environment = { ...process.env, PATH: [...globSync('/usr/lib/postgresql/*/bin').toSorted().toReversed(), process.env.PATH].join(delimiter) }

async function copyBucket(from: Bucket, to: Bucket): Promise<void> {
  for (const { Key } of (await from.client.listObjects()) ?? []) {
    const data = await from.client.getObjectArrayBuffer(Key)
    if (data !== null) await to.client.putObject(Key, Buffer.from(data))
  }
}

describe.skipIf(inject('postgresUrl') === null || inject('s3Url') === null)('PostgreSQL and S3', () => {
  test('rows first, then the bucket: what is restored has every object of every row, also when characters came in between', async () => {
    const dump = join(await mkdtemp(join(tmpdir(), 'dramatis-dump-')), 'rows.dump')
    await using stack = new AsyncDisposableStack()
    stack.defer(() => rm(join(dump, '..'), { recursive: true }))
    const [live, restored] = [stack.use(await makeTestPlace('postgres')).place, stack.use(await makeTestPlace('postgres')).place]
    if (!('url' in live && 'url' in restored)) throw new Error('both are on the server')
    const [bucket, copy] = [stack.use(await openBucket(inject('s3Url') ?? '')), stack.use(await openBucket(inject('s3Url') ?? ''))]

    const before = stack.use(await openPlace(live.url, bucket.url))
    await plantLibrary(before, 5)
    await run('pg_dump', ['--format=custom', `--file=${dump}`, live.url], { env: environment })
    const { id: later } = await plantCharacter(before, 'came_later')
    await copyBucket(bucket, copy)

    await run('pg_restore', ['--no-owner', '--exit-on-error', `--dbname=${restored.url}`, dump], { env: environment })
    const after = stack.use(await openPlace(restored.url, copy.url))
    const findings = await Array.fromAsync(repairLibrary({ ...after, workFolders: [], isMending: true, isDeep: true, from: null, nowMs: Date.now() + 2 * 3_600_000 }))
    expect(findings.filter(({ is }) => is === 'broken')).toEqual([])
    expect(findings.map(({ what, says }) => [what, says])).toContainEqual(['objects', '15 are there and are what their rows say'])
    expect(findings.map(({ says }) => says)).toContain(`collected: ${later}`)
    expect((await after.db.selectFrom('usernames').select('name').where('is_alias', '=', 0).orderBy('name').execute()).map(({ name }) => name)).toEqual([1, 2, 3, 4, 5].map((n) => `planted_${n}`))
  }, 120_000)
})
