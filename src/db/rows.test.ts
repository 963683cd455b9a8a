import { describe } from 'vitest'
import { databaseSuite } from '../../test/suites/database-suite.ts'
import { noticesSuite } from '../../test/suites/notices-suite.ts'
import { DATABASES, openTestDatabase } from '../../test/support/databases.ts'

describe.each(DATABASES)('rows on %s', (kind) => { databaseSuite({ open: () => openTestDatabase(kind), can: { writeAtOnce: kind === 'postgres' } }) })
describe.each(DATABASES)('notices on %s', (kind) => { noticesSuite({ open: () => openTestDatabase(kind) }) })
