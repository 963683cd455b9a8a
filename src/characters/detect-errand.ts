import { AppError } from '../domain/errors.ts'
import { newErrandId } from '../domain/identifier.ts'
import { LensDied } from '../jail/lens-died.ts'
import { lensesFor } from '../jail/lenses.ts'
import type { DoErrand, Errands } from '../jobs/errands.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import type { Log } from '../runtime/log.ts'
import type { Detection, DetectRequest } from './characters.ts'
import { detectSubjects, type DetectDeps, type StoredDetectRequest } from './detect-subjects.ts'
import { readDetection, writeDetection } from './detection-answer.ts'
import { dropGiven, keepGiven } from './given-source.ts'

/** The kind of errand. */
export const DETECT = 'detect'

/** Longer than a caller waits: the signal ends it before. */
const PATIENCE_MS = 600_000
const MOST_TRIES = 2

interface AskDeps { readonly errands: Pick<Errands, 'ask'>; readonly objects: ObjectStore; readonly log: Log; readonly clock: () => number; readonly signal: AbortSignal }

/** Has it done wherever there is a lens. What was given with it goes again, whatever comes of it. */
export async function askToDetect({ account, source, window, traceId }: DetectRequest, { errands, objects, log, clock, signal }: AskDeps): Promise<Detection> {
  const id = newErrandId(clock())
  try {
    const request: StoredDetectRequest = { source: await keepGiven(objects, id, source, { signal }), window }
    return readDetection(await errands.ask({ kind: DETECT, account, request, traceId }, { signal, patienceMs: PATIENCE_MS }))
  } finally {
    await dropGiven(objects, id, source, log)
  }
}

/** For the queue of a process with lenses. */
export const detectErrand = (deps: DetectDeps): DoErrand => async ({ request, traceId }, { signal }) => {
  for (let tries = 1; ; tries++) {
    try {
      return writeDetection(await detectSubjects(request as StoredDetectRequest, { ...deps, lenses: { jail: deps.lenses.jail, ...lensesFor(deps.lenses, traceId) }, signal })) // written by askToDetect
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof LensDied)) throw error
      if (tries === MOST_TRIES) throw new AppError('lens_failed', { details: { reason: 'died' }, cause: error })
    }
  }
}
