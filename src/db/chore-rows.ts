import { databaseNowMs } from './lock.ts'
import type { Database } from './database.ts'

/**
 * True for the one of all processes whose turn it is to do this now: nobody has within `everyMs`, by the database's clock. Who gets it
 * counts as having done it.
 */
export async function claimChore(db: Database, name: string, everyMs: number): Promise<boolean> {
  const nowMs = await databaseNowMs(db)
  const claimed = await db.insertInto('chores').values({ name, done_at: nowMs })
    .onConflict((conflict) => conflict.column('name').doUpdateSet({ done_at: nowMs })
      // One from far in the future was written before the clock was set back.
      .where((where) => where.or([where('chores.done_at', '<=', nowMs - everyMs), where('chores.done_at', '>', nowMs + everyMs)])))
    .returning('name').executeTakeFirst()
  return claimed !== undefined
}

/** Counts as done now: nobody does it within its time from here. */
export async function postponeChore(db: Database, name: string): Promise<void> {
  const nowMs = await databaseNowMs(db)
  await db.insertInto('chores').values({ name, done_at: nowMs }).onConflict((conflict) => conflict.column('name').doUpdateSet({ done_at: nowMs })).execute()
}
