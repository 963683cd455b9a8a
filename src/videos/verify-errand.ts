import type { Database } from '../db/database.ts'
import type { Verification } from '../domain/verification.ts'
import { lensesFor } from '../jail/lenses.ts'
import type { DoErrand, Errands } from '../jobs/errands.ts'
import { completedOf, findOne } from './read-videos.ts'
import type { SharedLooks } from './shared-looks.ts'
import { verifyVideo, type VerifyDeps } from './verify-video.ts'

/** The kind of errand. */
export const VERIFY = 'verify'

/** Longer than a caller waits: the signal ends it before. */
const PATIENCE_MS = 600_000

interface AskDeps { readonly db: Database; readonly errands: Pick<Errands, 'ask'>; readonly looks: SharedLooks; readonly signal: AbortSignal; readonly traceId: string | null }

/** Has it done wherever there is a lens; what this process is asked for at once is one errand. */
export async function askToVerify(account: string, ref: string, { db, errands, looks, signal, traceId }: AskDeps): Promise<Verification> {
  const video = await findOne(db, account, ref)
  completedOf(video)
  const { id } = video
  return await looks.join(id, { signal, look: async (looking) => await errands.ask({ kind: VERIFY, account, request: { id }, traceId }, { signal: looking, patienceMs: PATIENCE_MS }) as Verification }) // what verifyErrand answered
}

/** For the queue of a process with lenses. */
export const verifyErrand = (deps: Omit<VerifyDeps, 'signal'>): DoErrand => async ({ account, request, traceId }, { signal }) => {
  const { id } = request as { readonly id: string } // written by askToVerify
  return verifyVideo(await findOne(deps.db, account, id), { ...deps, lenses: lensesFor(deps.lenses, traceId), signal })
}
