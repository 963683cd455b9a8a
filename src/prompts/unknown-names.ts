import { AppError } from '../domain/errors.ts'
import { mentionOf, MOST_NAMES } from '../domain/mention.ts'
import { nearNames } from '../domain/near-names.ts'
import type { Database } from '../db/database.ts'
import { newestNames } from '../db/username-rows.ts'

const MOST_OWN = 1000
const MOST_SUGGESTIONS = 3

/** Which hint helps. */
const WHERE = { prompt: { unlike: 'prompt', suggested: 'suggested' }, characters: { unlike: 'list', suggested: 'suggested_in_list' } } as const

/** Where it stands in the prompt, if it stands there. */
export interface UnknownName { readonly name: string; readonly start?: number; readonly end?: number }

/** Names that this account may not use, whatever the reason. Suggests its own. */
export async function unknownNames(unknown: readonly UnknownName[], { db, account, param }: { readonly db: Database; readonly account: string; readonly param: 'prompt' | 'characters' }): Promise<AppError> {
  const names = [...new Set(unknown.map(({ name }) => name))]
  const suggestions = suggest(names, await newestNames(db, account, MOST_OWN))
  const where = WHERE[param][suggestions.length > 0 ? 'suggested' : 'unlike']
  return new AppError('character_not_found', { param, details: { unknown: unknown.slice(0, MOST_NAMES), suggestions, mentions: suggestions.map(mentionOf), names: names.slice(0, MOST_NAMES).map((name) => `@${name}`), where } })
}

/** The best for each of the first few before the second best for any. */
function suggest(names: readonly string[], own: readonly string[]): readonly string[] {
  const near = names.slice(0, MOST_SUGGESTIONS).map((name) => nearNames(name, own))
  const byRank = Array.from({ length: MOST_SUGGESTIONS }, (_, rank) => near.flatMap((names) => names[rank] ?? []))
  return [...new Set(byRank.flat())].slice(0, MOST_SUGGESTIONS)
}
