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
