import type { Handler } from './job-queue.ts'

/** Something short to be done on a lens, wherever there is one, while somebody waits for the answer. Request and answer are JSON. */
export interface Errand {
  readonly kind: string
  readonly account: string
  readonly request: unknown
  readonly traceId: string | null
}

export interface ErrandOptions {
  /** The wait ends with it. */
  readonly signal: AbortSignal
  /** It is not begun when it has waited longer. */
  readonly patienceMs: number
}

/** Does errands of one kind. What it rejects with reaches who asked, if it is an AppError. */
export type DoErrand = (errand: Pick<Errand, 'account' | 'request' | 'traceId'>, options: { readonly signal: AbortSignal }) => Promise<unknown>

export interface Errands {
  /**
   * Rejects with what doing it rejects with (an AppError), `queue_full` (also when it has waited beyond its patience), `shutting_down`,
   * `lens_failed` after two tries that were cut off, or the signal's reason. What nobody waits for any more is not begun, or stopped.
   */
  ask(errand: Errand, options: ErrandOptions): Promise<unknown>
  /** For the queue of a process that has lenses, under `errand`. */
  handler(kinds: Readonly<Record<string, DoErrand>>): Handler
  /** Errands of before the last start that nobody waits for any more are forgotten. */
  forgetOld(): Promise<void>
  /** Behind the drain of the queue: who still waits here is told `shutting_down`. Resolves when nobody does. */
  drain(): Promise<void>
}
