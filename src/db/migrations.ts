import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'

type Untyped = Kysely<unknown> // a migration speaks of the tables of its day

/** In order, and never changed once released. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001_characters_and_keys': { up: charactersAndKeys },
}

async function charactersAndKeys(db: Untyped): Promise<void> {
  await db.schema.createTable('characters')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('account', 'text', (column) => column.notNull())
    .addColumn('status', 'text', (column) => column.notNull())
    .addColumn('step', 'text')
    .addColumn('progress', 'integer', (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('fingerprint', 'text', (column) => column.notNull())
    .addColumn('is_forced', 'integer', (column) => column.notNull())
    .addColumn('request', 'text')
    .addColumn('error', 'text')
    .addColumn('same_as', 'text')
    .addColumn('clip_sha256', 'text')
    .addColumn('media_token', 'text', (column) => column.unique())
    .addColumn('media', 'text')
    .addColumn('kind', 'text')
    .addColumn('facts', 'text')
    .addColumn('search', 'text')
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('updated_at', 'bigint', (column) => column.notNull())
    .addColumn('completed_at', 'bigint')
    .addColumn('deleted_at', 'bigint')
    .execute()
  await db.schema.createIndex('characters_by_account').on('characters').columns(['account', 'status', 'id']).execute()
  await db.schema.createIndex('characters_by_fingerprint').on('characters').columns(['account', 'fingerprint', 'status', 'completed_at']).execute()
  await db.schema.createIndex('characters_by_same_as').on('characters').column('same_as').execute()
  await db.schema.createIndex('characters_by_deletion').on('characters').column('deleted_at').execute()
  // Also what the scan at start reads, so that it does not touch the rows.
  await db.schema.createIndex('characters_by_status').on('characters').columns(['status', 'same_as', 'id']).execute()
  await db.schema.createTable('evidence')
    .addColumn('character_id', 'text', (column) => column.primaryKey().references('characters.id').onDelete('cascade'))
    .addColumn('json', 'text', (column) => column.notNull())
    .execute()
  await db.schema.createTable('usernames')
    .addColumn('skeleton', 'text', (column) => column.primaryKey())
    .addColumn('name', 'text', (column) => column.notNull().unique())
    .addColumn('character_id', 'text', (column) => column.notNull().references('characters.id').onDelete('cascade'))
    .execute()
  await db.schema.createIndex('usernames_by_character').on('usernames').column('character_id').execute()
  await db.schema.createTable('vectors')
    .addColumn('character_id', 'text', (column) => column.notNull().references('characters.id').onDelete('cascade'))
    .addColumn('model', 'text', (column) => column.notNull())
    .addColumn('of', 'text', (column) => column.notNull())
    .addColumn('bytes', 'bytea', (column) => column.notNull())
    .addPrimaryKeyConstraint('vectors_key', ['character_id', 'model', 'of'])
    .execute()
  await db.schema.createTable('api_keys')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('account', 'text', (column) => column.notNull())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('sha256', 'text', (column) => column.notNull().unique())
    .addColumn('last4', 'text', (column) => column.notNull())
    .addColumn('scopes', 'text', (column) => column.notNull())
    .addColumn('created_at', 'bigint', (column) => column.notNull())
    .addColumn('revoked_at', 'bigint')
    .execute()
}
