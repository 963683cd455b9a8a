import type { Database } from '../db/database.ts'
import type { Prompts } from './prompts.ts'

/** Prompts over the characters of this database. */
export function createPrompts(_deps: { readonly db: Database }): Prompts {
  throw new Error('prompts are not read yet')
}
