import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { inject } from 'vitest'
import { makeTestPlace } from './databases.ts'
import { openBucket } from './s3-server.ts'
import { startService, type RunningService } from './service.ts'

/** What processes that share a database and a bucket need; the machines they are on have a data folder each. */
export interface Cluster extends AsyncDisposable {
  readonly databaseUrl: string
  readonly s3Url: string
  /** On a machine of its own. */
  start(role: 'api' | 'worker' | 'all', environment?: Readonly<Record<string, string>>): Promise<RunningService>
}

export const canCluster = (): boolean => inject('postgresUrl') !== null && inject('s3Url') !== null

export interface ClusterOptions {
  readonly environment?: Readonly<Record<string, string>>
  /** Instead of a new database on the server that all tests share. */
  readonly databaseUrl?: string
}

/** A new database and a new bucket; processes are started on them one by one. */
export async function openCluster({ environment = {}, databaseUrl }: ClusterOptions = {}): Promise<Cluster> {
  await using stack = new AsyncDisposableStack()
  const server = inject('s3Url')
  if (server === null) throw new Error('there is no S3 server here: skip the test')
  const bucket = stack.use(await openBucket(server))
  const url = databaseUrl ?? await newDatabase(stack)
  const folder = await mkdtemp(join(tmpdir(), 'dramatis-cluster-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const shared = { DATABASE_URL: url, S3_URL: bucket.url, LENS_PROCESSES: '1', DRAIN_NOTICE_MS: '0', ...environment }
  let machines = 0
  const opened = stack.move()
  return {
    databaseUrl: url, s3Url: bucket.url,
    start: async (role, own = {}) => opened.use(await startService({ dataFolder: join(folder, `machine-${++machines}`), environment: { ...shared, ROLE: role, ...own } })),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

async function newDatabase(stack: AsyncDisposableStack): Promise<string> {
  const { place } = stack.use(await makeTestPlace('postgres'))
  if ('file' in place) throw new Error('that is a file')
  return place.url
}
