import { lensesFor } from '../../jail/lenses.ts'
import type { DoErrand, Errands } from '../../jobs/errands.ts'
import type { Log } from '../../runtime/log.ts'
import type { Characters } from '../characters.ts'
import { findState } from '../read-characters.ts'
import { importCharacter, type ImportDeps } from './import-character.ts'
import type { ImportErrand } from './portable.ts'
import { IMPORT_ERRAND, receiveArchive } from './receive-archive.ts'
import { openArchive } from './write-archive.ts'

interface PortableDeps extends Pick<ImportDeps, 'db' | 'objects'> { readonly errands: Pick<Errands, 'ask'>; readonly log: Log }

/** Characters as files: the part of the character service that writes and reads them. */
export function portableCharacters(deps: PortableDeps): Pick<Characters, 'export' | 'import'> {
  const { db, objects } = deps
  return {
    export: (account, ref) => openArchive({ db, objects }, account, ref),
    import: async (request, options) => {
      const { id, isReplay } = await receiveArchive(request, deps, options)
      const state = await findState(db, request.account, id)
      if (state.at !== 'completed') throw new Error(`${id} was imported and is ${state.at}`)
      return { character: state.character, isReplay }
    },
  }
}

/** What a process with lenses does for the others. */
export const portableErrands = (deps: ImportDeps): Readonly<Record<string, DoErrand>> => ({
  [IMPORT_ERRAND]: ({ account, request, traceId }, { signal }) => importCharacter(account, request as ImportErrand, { ...deps, lenses: lensesFor(deps.lenses, traceId) }, { signal }), // receiveArchive wrote it
})
