import type { Step } from '../domain/character.ts'
import { noteStep } from '../db/character-rows.ts'
import type { Database } from '../db/database.ts'
import type { Events } from '../events/events.ts'
import { LeaseLost } from '../jobs/job-queue.ts'
import type { Log } from '../runtime/log.ts'
import type { Attempt } from './requests.ts'

interface TellDeps { readonly db: Database; readonly events: Pick<Events, 'record'>; readonly clock: () => number; readonly log: Log }

/** How far a character is when a step begins, in percent; from the shares of time that the steps take. */
const PROGRESS: Readonly<Record<Step, number>> = {
  open: 2, window: 8, see: 20, choose: 55, portrait: 57, cutout: 65, references: 72, identity: 82, voice: 90, name: 94, publish: 95, stored: 98, committed: 100,
}

export interface StepTeller {
  /** Writes it in the background, behind the steps before. */
  tell(step: Step): void
  /** Everything is written, or could not be. Rejects with {@link LeaseLost} when another try holds the row. */
  told(): Promise<void>
}

/** `onLost`: the first step that finds another try in the row. */
export function createStepTeller({ id, attempt, createdAtMs, request }: Omit<Attempt, 'signal'>, { db, events, clock, log }: TellDeps, onLost: (lost: LeaseLost) => void): StepTeller {
  let lost: LeaseLost | null = null
  let last = Promise.resolve()

  async function write(step: Step): Promise<void> {
    const nowMs = clock()
    // One transaction, one sync of the disk.
    const isOurs = await db.transaction().execute(async (trx) => {
      const progress = await noteStep(trx, id, attempt, { step, progress: PROGRESS[step], nowMs })
      if (progress !== null) await events.record(trx, { type: 'character.progress', account: request.account, id, step, progress, elapsedMs: nowMs - createdAtMs })
      return progress !== null
    })
    if (isOurs) return
    lost = new LeaseLost(`another try has taken ${id} over`)
    onLost(lost)
  }

  return {
    tell: (step) => {
      if (step === 'committed') return // its end is told by then
      last = last.then(() => (lost ? undefined : write(step))).catch((error) => log.warn('character.step_unwritten', { id, traceId: request.traceId, step, error }))
    },
    told: async () => {
      await last
      if (lost) throw lost
    },
  }
}
