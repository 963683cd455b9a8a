import { AppError } from '../domain/errors.ts'
import { isUsername } from '../domain/username.ts'
import type { Database } from '../db/database.ts'
import { freeUsernames } from '../db/username-rows.ts'

const MOST_TRIED = 20
const SUGGESTIONS = 3

/** The refusal, with free names near the one that was asked for. */
export async function usernameTaken(db: Database, username: string, param: 'username' | 'aliases' = 'username'): Promise<AppError> {
  const near = Array.from({ length: MOST_TRIED }, (_, index) => `${username}_${index + 2}`).filter(isUsername)
  const suggestions = (await freeUsernames(db, near)).slice(0, SUGGESTIONS)
  return new AppError('username_taken', { param, details: suggestions.length > 0 ? { suggestions } : {} })
}
