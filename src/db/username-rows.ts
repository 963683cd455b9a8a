import { skeletonOf } from '../domain/username.ts'
import type { Database } from './database.ts'

/** Takes a folded name for a character, which may hold it already. False when it, or one that looks like it, is somebody else's. */
export async function takeUsername(db: Database, name: string, characterId: string, { isAlias = false } = {}): Promise<boolean> {
  const row = { skeleton: skeletonOf(name), name, character_id: characterId, is_alias: isAlias ? 1 : 0 } as const
  // A conflict that throws would end a transaction on PostgreSQL.
  await db.insertInto('usernames').values(row).onConflict((conflict) => conflict.doNothing()).execute()
  return await usernameHolder(db, name) === characterId
}

/** Gives up all names of a character. */
export async function freeNames(db: Database, characterId: string): Promise<void> {
  await db.deleteFrom('usernames').where('character_id', '=', characterId).execute()
}

/** The character that holds a name like this one. */
export async function usernameHolder(db: Database, name: string): Promise<string | null> {
  const row = await db.selectFrom('usernames').select('character_id').where('skeleton', '=', skeletonOf(name)).executeTakeFirst()
  return row?.character_id ?? null
}

/** Those of the folded names that are free now, in the same order. */
export async function freeUsernames(db: Database, names: readonly string[]): Promise<readonly string[]> {
  if (names.length === 0) return []
  const rows = await db.selectFrom('usernames').select('skeleton').where('skeleton', 'in', names.map(skeletonOf)).execute()
  const taken = new Set(rows.map(({ skeleton }) => skeleton))
  return names.filter((name) => !taken.has(skeletonOf(name)))
}

/** Which of the folded names call a character of this account that was not deleted, by id. A few hundred at once: each is a parameter of the query. */
export async function holdersOf(db: Database, account: string, names: readonly string[]): Promise<readonly (readonly [name: string, id: string])[]> {
  const rows = await ownNames(db, account).where('name', 'in', names).execute()
  return rows.map(({ name, character_id }) => [name, character_id])
}

/** Names and aliases of an account's newest finished characters. */
export async function newestNames(db: Database, account: string, most: number): Promise<readonly string[]> {
  const rows = await ownNames(db, account).where('characters.status', '=', 'completed').orderBy('characters.id', 'desc').limit(most).execute()
  return rows.map(({ name }) => name)
}

const ownNames = (db: Database, account: string) => db.selectFrom('usernames').innerJoin('characters', 'characters.id', 'usernames.character_id')
  .select(['usernames.name', 'usernames.character_id']).where('characters.account', '=', account).where('characters.deleted_at', 'is', null)
