import { jobQueueSuite } from '../../test/suites/job-queue-suite.ts'
import { openTestDatabase } from '../../test/support/databases.ts'
import { createEmbeddedQueue } from './embedded-queue.ts'

jobQueueSuite({
  start: async () => ({ ...await openTestDatabase('sqlite'), open: async (options) => createEmbeddedQueue(options), hurry: async () => {} }),
  can: { share: false },
})
