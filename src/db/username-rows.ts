import { skeletonOf } from '../domain/username.ts'
import type { Database } from './database.ts'

/** Takes a folded name for a character, which may hold it already. False when it, or one that looks like it, is somebody else's. */
export async function takeUsername(db: Database, name: string, characterId: string, { isAlias = false } = {}): Promise<boolean> {
  const row = { skeleton: skeletonOf(name), name, character_id: characterId, is_alias: isAlias ? 1 : 0 } as const
  // A conflict that throws would end a transaction on PostgreSQL.
  await db.insertInto('usernames').values(row)
    .onConflict((conflict) => conflict.column('skeleton').doUpdateSet({ name, is_alias: row.is_alias }).where('usernames.character_id', '=', characterId)).execute()
  return await usernameHolder(db, name) === characterId
}

/** In this order whoever takes several names takes them: two who want the same ones do not wait for each other. */
export const byName = (a: { readonly name: string }, b: { readonly name: string }): number => (skeletonOf(a.name) < skeletonOf(b.name) ? -1 : 1)

/** Gives up all names of a character but these. */
export async function freeOtherNames(db: Database, characterId: string, names: readonly string[]): Promise<void> {
  await db.deleteFrom('usernames').where('character_id', '=', characterId).where('skeleton', 'not in', names.map(skeletonOf)).execute()
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
  // A cross join, because SQLite keeps to its order: it would rather go through the whole account.
  const rows = await db.selectFrom('usernames').crossJoin('characters').select(['usernames.name', 'usernames.character_id'])
    .where('usernames.name', 'in', names).whereRef('characters.id', '=', 'usernames.character_id').where('characters.account', '=', account).where('characters.deleted_at', 'is', null).execute()
  return rows.map(({ name, character_id }) => [name, character_id])
}

/** Names and aliases of an account's newest finished characters. */
export async function newestNames(db: Database, account: string, most: number): Promise<readonly string[]> {
  const rows = await db.selectFrom('usernames').innerJoin('characters', 'characters.id', 'usernames.character_id').select('usernames.name')
    .where('characters.account', '=', account).where('characters.deleted_at', 'is', null).where('characters.status', '=', 'completed').orderBy('characters.id', 'desc').limit(most).execute()
  return rows.map(({ name }) => name)
}
