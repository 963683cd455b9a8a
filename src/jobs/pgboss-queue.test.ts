import { sql } from 'kysely'
import { describe, inject } from 'vitest'
import type { Database } from '../db/database.ts'
import { jobQueueSuite, type QueueUnderTest } from '../../test/suites/job-queue-suite.ts'
import { openTestDatabase, type TestDatabase } from '../../test/support/databases.ts'
import { createLog } from '../runtime/log.ts'
import { openPgBoss } from './pgboss-queue.ts'

const log = createLog({ level: 'silent' })

const urlOf = ({ place }: TestDatabase): string => {
  if ('file' in place) throw new Error('it is no PostgreSQL')
  return place.url
}

const hurry = async (db: Database): Promise<void> => { await sql`update pgboss.job set start_after = now() where state = 'retry'`.execute(db) }

async function start(): Promise<QueueUnderTest> {
  const stack = new AsyncDisposableStack()
  const database = stack.use(await openTestDatabase('postgres'))
  return {
    db: database.db,
    open: async ({ random, ...options }) => {
      const boss = stack.use(await openPgBoss({ url: urlOf(database), db: database.db, log, random }))
      return boss.queue('lenses', options)
    },
    hurry: () => hurry(database.db),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  }
}

describe.skipIf(inject('postgresUrl') === null)('pg-boss', () => {
  jobQueueSuite({ start, can: { share: true } })
})
