import type { Database } from './database.ts'

export async function insertEvidence(db: Database, characterId: string, json: string): Promise<void> {
  await db.insertInto('evidence').values({ character_id: characterId, json }).execute()
}

/** Null for a character that is not finished. */
export async function findEvidence(db: Database, characterId: string): Promise<string | null> {
  const row = await db.selectFrom('evidence').select('json').where('character_id', '=', characterId).executeTakeFirst()
  return row?.json ?? null
}
