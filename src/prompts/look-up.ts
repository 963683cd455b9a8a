import { isCharacterId } from '../domain/identifier.ts'
import { listOwnCharacters, standInsOf, type CharacterRow } from '../db/character-rows.ts'
import type { Database } from '../db/database.ts'
import { holdersOf } from '../db/username-rows.ts'

/** Each name is a parameter of a query, and more of them at once are no faster. */
const AT_ONCE = 500

/** The ids behind folded names, aliases and ids, as far as the account may use them; the others are not in it, whatever the reason. */
export async function lookUpNames(db: Database, account: string, names: Iterable<string>): Promise<ReadonlyMap<string, string>> {
  const { ids = [], called = [] } = Object.groupBy(names, (name) => (isCharacterId(name) ? 'ids' : 'called'))
  return new Map([
    ...await inChunks(called, (chunk) => holdersOf(db, account, chunk)),
    ...await inChunks(ids, (chunk) => standInsOf(db, account, chunk)),
  ])
}

/** The rows of these ids, by id; without the deleted. */
export async function lookUpRows(db: Database, account: string, ids: readonly string[]): Promise<ReadonlyMap<string, CharacterRow>> {
  const rows = await inChunks(ids, (chunk) => listOwnCharacters(db, account, chunk))
  return new Map(rows.map((row) => [row.id, row]))
}

async function inChunks<Row>(all: readonly string[], query: (chunk: readonly string[]) => Promise<readonly Row[]>): Promise<readonly Row[]> {
  const rows: Row[] = []
  for (let first = 0; first < all.length; first += AT_ONCE) rows.push(...await query(all.slice(first, first + AT_ONCE)))
  return rows
}
