import type { Character } from '../domain/character.ts'
import { AppError } from '../domain/errors.ts'
import { updateCharacter } from '../db/character-rows.ts'
import type { Database } from '../db/database.ts'
import { characterOf, completedValues, filesOf } from '../db/stored-character.ts'
import { freeOtherNames } from '../db/username-rows.ts'
import type { Events } from '../events/events.ts'
import type { CharacterChanges } from './characters.ts'
import { lockVisibleRow } from './read-characters.ts'
import { takeNames } from './take-names.ts'

interface EditDeps { readonly db: Database; readonly events: Pick<Events, 'record'> }
interface EditRequest { readonly account: string; readonly ref: string; readonly changes: CharacterChanges; readonly ifRevisions: readonly number[] | null; readonly nowMs: number }

/** Another name, other words: the whole edit or nothing of it, and one revision more. */
export async function editCharacter({ db, events }: EditDeps, { account, ref, changes, ifRevisions, nowMs }: EditRequest): Promise<Character> {
  return db.transaction().execute(async (trx) => {
    const row = await lockVisibleRow(trx, account, ref)
    if (row.status !== 'completed') throw new AppError('character_not_ready')
    const before = characterOf(row)
    if (ifRevisions !== null && !ifRevisions.includes(before.revision)) throw new AppError('precondition_failed', { details: { revision: before.revision } })
    const character = { ...before, ...changes, revision: before.revision + 1, updatedAtMs: nowMs }
    // Taken first, freed then: who wants a name that is given up here waits for nobody who waits for this.
    await takeNames(trx, character.id, character)
    await freeOtherNames(trx, character.id, [character.username, ...character.aliases])
    await updateCharacter(trx, character.id, completedValues(character, filesOf(row)))
    await events.record(trx, { type: 'character.updated', account, id: character.id, character })
    return character
  })
}
