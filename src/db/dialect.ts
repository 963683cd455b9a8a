import { PostgresAdapter, type Kysely } from 'kysely'

/** For what the two databases have to be asked differently. */
export const isPostgres = (db: Pick<Kysely<unknown>, 'getExecutor'>): boolean => db.getExecutor().adapter instanceof PostgresAdapter
