import type { Character } from '../domain/character.ts'
import { AppError } from '../domain/errors.ts'
import { updateCharacter } from '../db/character-rows.ts'
import type { Database } from '../db/database.ts'
import { characterOf, completedValues, filesOf } from '../db/stored-character.ts'
import { freeNames, takeUsername } from '../db/username-rows.ts'
import type { Events } from '../events/events.ts'
import type { CharacterChanges } from './characters.ts'
import { findVisibleRow } from './read-characters.ts'
import { usernameTaken } from './username-taken.ts'

interface EditDeps { readonly db: Database; readonly events: Pick<Events, 'record'> }
interface EditRequest { readonly account: string; readonly ref: string; readonly changes: CharacterChanges; readonly ifRevisions: readonly number[] | null; readonly nowMs: number }

/** Another name, other words: the whole edit or nothing of it, and one revision more. */
export async function editCharacter({ db, events }: EditDeps, { account, ref, changes, ifRevisions, nowMs }: EditRequest): Promise<Character> {
  return db.transaction().execute(async (trx) => {
    const row = await findVisibleRow(trx, account, ref)
    if (row.status !== 'completed') throw new AppError('character_not_ready')
    const before = characterOf(row)
    if (ifRevisions !== null && !ifRevisions.includes(before.revision)) throw new AppError('precondition_failed', { details: { revision: before.revision } })
    const character = { ...before, ...changes, revision: before.revision + 1, updatedAtMs: nowMs }
    await takeNames(trx, character)
    await updateCharacter(trx, character.id, completedValues(character, filesOf(row)))
    await events.record(trx, { type: 'character.updated', account, id: character.id, character })
    return character
  })
}

async function takeNames(trx: Database, { id, username, aliases }: Character): Promise<void> {
  await freeNames(trx, id)
  if (!await takeUsername(trx, username, id)) throw await usernameTaken(trx, username)
  for (const alias of aliases) if (!await takeUsername(trx, alias, id, { isAlias: true })) throw await usernameTaken(trx, alias, 'aliases')
}
