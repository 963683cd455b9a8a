import { mkdir } from 'node:fs/promises'
import { migrateDatabase, nameOfPlace } from '../db/database.ts'
import { readConfig } from './config.ts'
import { databasePlace } from './stores.ts'

/** Brings the tables of the configured database up to date. Says where they are and which migrations were applied. Rejects with `SettingsError`, `DatabaseUnusable`. */
export async function migrateConfigured(): Promise<{ readonly where: string; readonly done: readonly string[] }> {
  const config = readConfig()
  if (config.DATABASE_URL === undefined) await mkdir(config.DATA_DIR, { recursive: true, mode: 0o700 })
  const place = databasePlace(config)
  return { where: nameOfPlace(place), done: await migrateDatabase(place) }
}
