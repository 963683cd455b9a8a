import { AppError } from '../domain/errors.ts'
import { joinTexts, MOST_NAMES, piecesOf, scanMentions, tooManyNames, type Piece, type ScannedPrompt } from '../domain/mention.ts'
import { phrase } from '../domain/phrase.ts'
import { isMostlyChinese } from '../domain/prompt-language.ts'
import type { Span } from '../domain/span.ts'
import { foldUsername } from '../domain/username.ts'
import type { Database } from '../db/database.ts'
import { ownCharacter, type OwnCharacter } from './cast-member.ts'
import { lookUpNames, lookUpRows } from './look-up.ts'
import { notMentioned } from './not-mentioned.ts'
import { placeName } from './place-name.ts'
import type { NearMiss, PromptRequest, Prompts, ResolvedPrompt } from './prompts.ts'
import { unknownNames } from './unknown-names.ts'

const MOST_CODE_POINTS = 32_000

/** Prompts over the characters of this database. */
export function createPrompts({ db }: { readonly db: Database }): Prompts {
  return {
    resolve: (request) => resolvePrompt(db, request),
    recall: async (account, ids) => {
      const behind = await lookUpNames(db, account, ids)
      const rows = await lookUpRows(db, account, [...new Set(behind.values())])
      return ids.map((id) => {
        const row = rows.get(behind.get(id) ?? '')
        return row === undefined ? null : ownCharacter(row)?.member ?? null
      })
    },
  }
}

async function resolvePrompt(db: Database, request: PromptRequest): Promise<ResolvedPrompt> {
  const { account, text } = request
  checkLength(text)
  const scanned = scanMentions(text)
  const refs = refsOf(request)
  const behind = await lookUpNames(db, account, namesIn(scanned, refs))
  const { pieces, unknown } = piecesOf(scanned, (name) => behind.get(name))
  if (unknown.length > 0 && request.unknownMentions === 'error') throw await unknownNames(unknown, { db, account, param: 'prompt' })
  const strangers = refs.filter((ref) => !behind.has(ref)).map((name) => ({ name }))
  if (strangers.length > 0) throw await unknownNames(strangers, { db, account, param: 'characters' })

  const mentioned = whoIn(pieces)
  const listed = new Set(refs.flatMap((ref) => behind.get(ref) ?? [])).difference(mentioned)
  const known = await finished(db, account, { mentioned, listed })
  const placed = placeListed(pieces, { scanned, listed, known })
  const ids = [...whoIn(placed).union(listed)]
  const members = ids.flatMap((id) => known.get(id)?.member ?? [])
  return {
    segments: joinTexts(placed).map((piece) => ('text' in piece ? piece : { ...piece, cast: ids.indexOf(piece.cast) })),
    cast: members,
    characters: members.map(({ id, username, revision }) => ({ id, username, revision, mentions: placed.flatMap((piece) => ('cast' in piece && piece.cast === id ? [[piece.start, piece.end]] : [])) })),
    nearMisses: nearMissesOf(scanned, unknown),
    warnings: [...listed.difference(whoIn(placed))].flatMap((id) => known.get(id) ?? []).map(({ member }) => notMentioned(member.username)),
    isChinese: isMostlyChinese(placed.flatMap((piece) => ('text' in piece ? piece.text : [])).join('')),
  }
}

function checkLength(text: string): void {
  if (text.trim() === '') throw new AppError('missing_required_parameter', { param: 'prompt', details: { example: '"@misty_otter runs along the beach"' } })
  const asked = [...text].length
  if (asked <= MOST_CODE_POINTS) return
  throw new AppError('invalid_parameter', { param: 'prompt', details: { reason: phrase(`it is ${asked} characters long`, `共 ${asked} 个字符`), asked, limit: MOST_CODE_POINTS, allowed: phrase(`1 to ${MOST_CODE_POINTS} characters`, `1～${MOST_CODE_POINTS} 个字符`) } })
}

/** Ids and folded names, each once. */
function refsOf({ characters }: PromptRequest): readonly string[] {
  const refs = new Set(characters.map((ref) => foldUsername(ref.trim()).replace(/^@/, '')))
  if (refs.size > MOST_NAMES) throw tooManyNames(refs.size, 'characters')
  return [...refs]
}

const namesIn = ({ found }: ScannedPrompt, refs: readonly string[]): ReadonlySet<string> =>
  new Set([...found.flatMap((sign) => ('names' in sign ? sign.names.map(({ name }) => name) : [])), ...refs])

const whoIn = (pieces: readonly Piece<string>[]): ReadonlySet<string> => new Set(pieces.flatMap((piece) => ('cast' in piece ? piece.cast : [])))

/** Rejects with `character_not_ready` when one is not, and `character_not_found` when one was deleted since it was looked up. */
async function finished(db: Database, account: string, { mentioned, listed }: { readonly mentioned: ReadonlySet<string>; readonly listed: ReadonlySet<string> }): Promise<ReadonlyMap<string, OwnCharacter>> {
  const asked = mentioned.size + listed.size
  if (asked > MOST_NAMES) throw tooManyNames(asked)
  const rows = await lookUpRows(db, account, [...mentioned, ...listed])
  const known = new Map<string, OwnCharacter>()
  for (const [param, ids] of [['prompt', mentioned], ['characters', listed]] as const) {
    for (const id of ids) {
      const row = rows.get(id)
      if (row === undefined) throw await unknownNames([{ name: id }], { db, account, param })
      const character = ownCharacter(row)
      if (character === null) throw new AppError('character_not_ready', { param, details: { id, names: [`@${row.username ?? id}`] } })
      known.set(id, character)
    }
  }
  return known
}

/** Makes the listed ones mentions where they are called by their display name, or else by their username. */
function placeListed(pieces: readonly Piece<string>[], { scanned, listed, known }: { readonly scanned: ScannedPrompt; readonly listed: ReadonlySet<string>; readonly known: ReadonlyMap<string, OwnCharacter> }): readonly Piece<string>[] {
  let placed = pieces
  for (const who of listed) {
    const before = placed
    for (const name of namesOf(known.get(who))) if (placed === before) placed = placeName(scanned, placed, { name, who })
  }
  return placed
}

const namesOf = (character: OwnCharacter | undefined): readonly string[] =>
  (character === undefined ? [] : [character.displayName?.trim() ?? '', character.member.username].filter((name) => name !== ''))

const nearMissesOf = ({ text, misses }: ScannedPrompt, unknown: readonly (Span & { readonly name: string })[]): readonly NearMiss[] =>
  [...misses, ...unknown.slice(0, MOST_NAMES).map(({ start, end }) => ({ start, end, reason: 'unknown' } as const))]
    .toSorted((a, b) => a.start - b.start)
    .map(({ start, end, reason }) => ({ start, text: text.slice(start, end), reason }))
