import type { Kysely } from 'kysely'
import { Migrator } from 'kysely/migration'
import { MIGRATIONS } from './migrations.ts'
import type { Tables } from './tables.ts'

/** The tables are of another version of the program. The message says what to do. */
export class WrongVersion extends Error {
  override readonly name = 'WrongVersion'
}

/**
 * Brings the tables up to date, forward only, and says what it did. Processes that start at once wait for the one that does it.
 * Rejects with {@link WrongVersion} where the tables know later migrations than this program.
 */
export async function applyMigrations(db: Kysely<Tables>): Promise<readonly string[]> {
  const { error, results = [] } = await new Migrator({ db, provider: { getMigrations: async () => MIGRATIONS } }).migrateToLatest()
  if (error === undefined) return results.map(({ migrationName }) => migrationName)
  await refuseNewer(db)
  throw error
}

/** Rejects with {@link WrongVersion} where the tables are not those of this program. */
export async function checkMigrations(db: Kysely<Tables>): Promise<void> {
  await refuseNewer(db)
  const applied = await appliedTo(db)
  if (Object.keys(MIGRATIONS).some((name) => !applied.includes(name))) throw new WrongVersion('its tables are not those of this version yet; run `dramatis migrate`')
}

async function refuseNewer(db: Kysely<Tables>): Promise<void> {
  const unknown = (await appliedTo(db)).filter((name) => !Object.hasOwn(MIGRATIONS, name))
  if (unknown.length > 0) throw new WrongVersion(`it was written by a newer dramatis (${unknown.join(', ')}); upgrade this program, or restore a backup from before`)
}

/** The table is Kysely's. */
async function appliedTo(db: Kysely<Tables>): Promise<readonly string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some(({ name }) => name === 'kysely_migration')) return []
  const rows = await db.withTables<{ kysely_migration: { name: string } }>().selectFrom('kysely_migration').select('name').orderBy('name').execute()
  return rows.map(({ name }) => name)
}
