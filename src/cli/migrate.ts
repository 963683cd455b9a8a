import { parseArgs } from 'node:util'
import { migrateConfigured } from '../app/migrate.ts'

/** Brings the tables of the configured database up to date, beside running services or before they start, and prints what was done. */
export async function migrate(args: string[]): Promise<number> {
  parseArgs({ args })
  const { where, done } = await migrateConfigured()
  for (const name of done) console.log(name)
  console.error(done.length === 0 ? `The tables of ${where} were up to date.` : `The tables of ${where} are up to date now.`)
  return 0
}
