import { join } from 'node:path'
import { JAILS, type Jail } from '../../src/jail/jail-kinds.ts'
import type { LensesOptions } from '../../src/jail/lenses.ts'
import { LENS_LIMITS } from '../../src/jail/limits.ts'
import { chooseJail } from '../../src/jail/probe.ts'
import { createLog } from '../../src/runtime/log.ts'
import { memorySource, type CountedSource } from '../fixtures/memory-source.ts'

const fixtures = join(import.meta.dirname, '..', 'fixtures')
export const silent = createLog({ level: 'silent' })
/** Stands for the models, which these lenses do not load. */
export const NO_MODELS = fixtures
export const OBEDIENT_LENS = join(fixtures, 'obedient-lens.ts')

/** What a lens that does what its source says is told to do. */
export const sourceThatSays = (line: string, size = 1000): CountedSource => memorySource(new TextEncoder().encode(`${line}\n`.padEnd(size)))

export const obedientLenses = (jail: Jail): LensesOptions => ({ processes: 2, modelsFolder: NO_MODELS, program: OBEDIENT_LENS, log: silent, jails: [jail] })

export interface TriedJail { readonly jail: Jail; readonly works: boolean }

/** Bubblewrap and prlimit, and whether this machine has them. */
export const triedJails = async (): Promise<readonly TriedJail[]> => Promise.all(JAILS.filter(({ kind }) => kind !== 'none').map(async (jail) => {
  const chosen = await chooseJail({ jails: [jail], modelsFolder: NO_MODELS, limits: LENS_LIMITS, log: silent }).catch(() => null)
  return { jail, works: chosen !== null }
}))
