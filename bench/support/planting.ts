// Libraries of any size, fast: copies of one real character, under ids, names and tokens of their own. Their objects are those of the one.
import { CompiledQuery, type Insertable } from 'kysely'
import { newCharacterId, newMediaToken } from '../../src/domain/identifier.ts'
import { foldUsername, skeletonOf } from '../../src/domain/username.ts'
import { findCharacter, type CharacterRow } from '../../src/db/character-rows.ts'
import type { Database } from '../../src/db/database.ts'
import { findEvidence } from '../../src/db/evidence-rows.ts'
import type { Tables } from '../../src/db/tables.ts'

/** One real character, as it lies in its rows. */
export interface Template {
  readonly row: CharacterRow
  readonly evidence: string
  readonly vectors: readonly { readonly model: string; readonly of: string; readonly bytes: Uint8Array }[]
}

/** What the text search is tried with: every so manieth character has the word in its display name. */
export const SEARCH_WORDS = { common: { word: 'lantern', every: 10 }, rare: { word: 'zephyr', every: 10_000 } } as const

export async function readTemplate(db: Database, id: string): Promise<Template> {
  const [row, evidence] = [await findCharacter(db, id), await findEvidence(db, id)]
  if (!row || evidence === null) throw new Error(`there is no finished character ${id}`)
  const vectors = await db.selectFrom('vectors').select(['model', 'of', 'bytes']).where('character_id', '=', id).execute()
  return { row, evidence, vectors }
}

interface PlantOptions {
  readonly count: number
  /** The first has this number: a library that is there already grows on from its own. */
  readonly from?: number
  readonly withEvidence: boolean
  readonly onProgress?: (planted: number) => void
}

const ROWS_AT_ONCE = 200
const ROWS_A_TRANSACTION = 10_000
const YEAR_MS = 365 * 24 * 3_600_000

/** Spread over the last year, the oldest first. */
export async function plant(db: Database, template: Template, { count, from = 0, withEvidence, onProgress }: PlantOptions): Promise<void> {
  const firstMs = Date.now() - YEAR_MS
  for (let done = from; done < count; done += ROWS_A_TRANSACTION) {
    const numbers = Array.from({ length: Math.min(ROWS_A_TRANSACTION, count - done) }, (_, i) => done + i)
    const copies = numbers.map((number) => copyOf(template, { number, createdAtMs: Math.floor(firstMs + (number / count) * YEAR_MS) }))
    await db.transaction().execute(async (trx) => {
      await insertMany(trx, 'characters', copies.map(({ character }) => character))
      await insertMany(trx, 'usernames', copies.map(({ username }) => username))
      await insertMany(trx, 'vectors', copies.flatMap(({ vectors }) => vectors))
      if (withEvidence) await insertMany(trx, 'evidence', copies.map(({ character }) => ({ character_id: character.id, json: template.evidence })))
    })
    onProgress?.(done + numbers.length)
  }
}

interface Copy { readonly character: Insertable<Tables['characters']>; readonly username: Tables['usernames']; readonly vectors: readonly Tables['vectors'][] }

function copyOf({ row: { username: _name, aliases: _aliases, ...row }, vectors }: Template, { number, createdAtMs }: { readonly number: number; readonly createdAtMs: number }): Copy {
  const id = newCharacterId(createdAtMs)
  const name = `planted_${number}`
  const displayName = `Planted ${Object.values(SEARCH_WORDS).filter(({ every }) => number % every === 0).map(({ word }) => word).join(' ')}`.trim()
  return {
    character: {
      ...row, id, fingerprint: `${number}`, media_token: newMediaToken(),
      facts: JSON.stringify({ ...JSON.parse(row.facts ?? '{}') as object, displayName }), search: foldUsername(`${name} ${displayName}`),
      created_at: createdAtMs, updated_at: createdAtMs, completed_at: createdAtMs,
    },
    username: { skeleton: skeletonOf(name), name, character_id: id, is_alias: 0 },
    vectors: vectors.map((vector) => ({ ...vector, character_id: id })),
  }
}

/** Compiled once for so many rows: what follows differs in its values alone. */
export async function insertMany<Name extends keyof Tables>(db: Database, table: Name, rows: readonly Insertable<Tables[Name]>[]): Promise<void> {
  const compile = (some: readonly Insertable<Tables[Name]>[]): string => db.insertInto(table).values(some).compile().sql
  const whole = rows.length >= ROWS_AT_ONCE ? compile(rows.slice(0, ROWS_AT_ONCE)) : ''
  for (let done = 0; done < rows.length; done += ROWS_AT_ONCE) {
    const some = rows.slice(done, done + ROWS_AT_ONCE)
    const sql = some.length === ROWS_AT_ONCE ? whole : compile(some)
    await db.executeQuery(CompiledQuery.raw(sql, some.flatMap((row) => Object.values(row))))
  }
}

export interface Planted { readonly id: string; readonly username: string; readonly mediaToken: string }

/** Some of a library, from all over it. */
export async function sampleOf(db: Database, most: number): Promise<readonly Planted[]> {
  const { least, greatest } = await db.selectFrom('characters').select(({ fn }) => [fn.min('created_at').as('least'), fn.max('created_at').as('greatest')]).executeTakeFirstOrThrow()
  const found = new Map<string, Planted>()
  for (let i = 0; i < most; i++) {
    const row = await db.selectFrom('characters').innerJoin('usernames', 'usernames.character_id', 'characters.id')
      .select(['characters.id', 'name', 'media_token']).where('status', '=', 'completed').where('is_alias', '=', 0)
      .where('characters.id', '>=', newCharacterId(Math.floor(least + Math.random() * (greatest - least)))).orderBy('characters.id').limit(1).executeTakeFirst()
    if (row && row.media_token !== null) found.set(row.id, { id: row.id, username: row.name, mediaToken: row.media_token })
  }
  return [...found.values()]
}
