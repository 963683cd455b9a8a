import type { BackendRequest, JsonObject } from '../backends/backend.ts'
import type { Backends, Route } from '../backends/backends.ts'
import { AppError } from '../domain/errors.ts'
import type { VideoRow } from '../db/video-rows.ts'
import { askBackend, mayAskAgain, isUnavailable, whileUnavailable } from './ask-backend.ts'
import type { VideoOrder } from './order.ts'
import type { VideoLimits } from './settings.ts'

/** A video that a backend has taken. */
export interface Running { readonly route: Route; readonly operation: JsonObject; /** How often it was taken. */ readonly submissions: number }

/** What a row says is under way, or null. Rejects with `backend_unavailable` where the settings no longer have the backend. */
export function runningOf({ backend, model, operation, submissions }: VideoRow, backends: Backends): Running | null {
  if (operation === null) return null
  const route = backends.find(backend, model)
  if (route === null) throw new AppError('backend_unavailable')
  return { route, operation: JSON.parse(operation) as JsonObject, submissions } // it was written by those who submitted
}

/** The routes of an order that the settings still have. */
export const routesOf = ({ routes }: VideoOrder, backends: Backends): readonly Route[] =>
  routes.map(({ backend, model }) => backends.find(backend, model)).filter((route) => route !== null)

/** The first route that answers. One that cannot be reached gives way to the next; what another would refuse as well is thrown. */
export async function firstThatAnswers<T>(routes: readonly Route[], work: (route: Route) => Promise<T>): Promise<T> {
  let unavailable: unknown = new AppError('backend_unavailable')
  for (const route of routes) {
    try {
      return await work(route)
    } catch (error) {
      if (!isUnavailable(error)) throw error
      unavailable = error
    }
  }
  throw unavailable
}

interface Submitting {
  readonly signal: AbortSignal
  readonly limits: Pick<VideoLimits, 'submitMs' | 'mostTries' | 'retryMs'>
  /** Called before every try: a reference that may no longer leave must not. */
  readonly admit: () => Promise<void>
  /** For one that was taken by a backend although nobody waits for it any more. */
  readonly release: (route: Route, operation: JsonObject) => void
}

/** Tries again what was refused for now. After silence the video may be in the making, and paid for: it is not asked for twice. */
export const submitTo = (route: Route, request: BackendRequest, { signal, limits, admit, release }: Submitting): Promise<JsonObject> =>
  whileUnavailable(async () => {
    await admit()
    signal.throwIfAborted()
    return askBackend(async (waiting) => {
      const answer = route.backend.submit(request, waiting)
      answer.then((operation) => { if (waiting.signal.aborted) release(route, operation) }, () => {}) // a refusal is told to those who wait
      return answer
    }, { signal, mostMs: limits.submitMs })
  }, { tries: limits.mostTries, waitMs: limits.retryMs, signal, isPassing: mayAskAgain })
