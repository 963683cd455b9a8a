import type { TestProject } from 'vitest/node'
import { startPostgres } from './postgres-server.ts'
import { startS3Server } from './s3-server.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** Of a PostgreSQL whose user may make databases; null where none is installed. */
    readonly postgresUrl: string | null
    /** An S3_URL without a bucket of its own: `openBucket` of s3-server.ts makes one. Null where none is installed. */
    readonly s3Url: string | null
  }
}

/** One PostgreSQL and one S3 server for all tests of a run, started unless the environment names some, or wants none. In CI they must be there. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const isWithout = process.env.TEST_SERVICES === 'none'
  const [postgres, s3] = isWithout ? [null, null] : await Promise.all([startPostgres(), startS3Server()])
  if (process.env.CI && !isWithout && (postgres === null || s3 === null)) throw new Error('PostgreSQL or the S3 server is missing: .ci/run installs both')
  project.provide('postgresUrl', postgres?.url ?? null)
  project.provide('s3Url', s3?.url ?? null)
  return async () => { await Promise.all([postgres?.[Symbol.asyncDispose](), s3?.[Symbol.asyncDispose]()]) }
}
