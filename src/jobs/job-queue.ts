import type { Database } from '../db/database.ts'
import type { AppError } from '../domain/errors.ts'

/** Says that somebody has to look after the row of this id; what is to be done, and how far it is, stands there alone. */
export interface Job {
  /** Its first part, up to the `_`, says what kind of row it is. */
  readonly id: string
  readonly account: string
  /** The request that asked for it. */
  readonly traceId: string | null
  /** When it has waited longer than this nobody wants it any more. Absent: it is wanted however long it waits. */
  readonly patienceMs?: number
}

export const kindOf = (id: string): string => id.slice(0, id.indexOf('_'))

/** A place in the queue, taken inside the transaction that writes the row. Use one of the two, once. */
export interface Claim {
  /** The transaction is committed. */
  start(): void
  /** It was not. */
  withdraw(): void
}

/** A job whose turn it is, in this process. */
export interface Turn {
  readonly id: string
  readonly traceId: string | null
  /** It waited longer than its patience: it is to be ended, not done. */
  readonly isLate: boolean
  /**
   * Fires with {@link LeaseLost} when another process may have taken the job over, with AppError `shutting_down` when this process ends,
   * and with the error of the deadline when it has run for too long.
   */
  readonly signal: AbortSignal
}

/** What is done with jobs of one kind. */
export interface Handler {
  /** Resolves when the row is at its end, or is no longer ours. A rejection hands the job back: whoever is free tries it again, after a while. */
  run(turn: Turn): Promise<void>
  /** It was handed back too often: the row is to be brought to an end without another try. */
  giveUp(id: string): Promise<void>
}

export interface QueueFigures { readonly waiting: number; readonly running: number }

/**
 * Jobs that are worked on when their turn comes, as many at a time as there is room for. Between accounts turns are fair: one with many
 * jobs in it does not keep another's first one waiting behind all of them; within an account they come in order.
 */
export interface JobQueue {
  /**
   * For the transaction that writes the row. Rejects with `queue_full`, with the seconds after which a place is likely, or `shutting_down`.
   * The bound is shared by accounts: who has less than a fair share of the places still gets one when others have filled it.
   */
  claim(trx: Database, job: Job): Promise<Claim>
  /** What a claim for this account would be refused with now: asked before something large is read. */
  refusalOf(account: string): Promise<AppError | null>
  /** For rows that were accepted before and are not at their end: not bounded; those that are in the queue or under way already, in any process, are left alone. */
  reclaim(jobs: readonly Job[]): Promise<void>
  /** From now on this process takes turns; by kind, the part of the id before its `_`. A process that never calls it only adds jobs. */
  work(handlers: Readonly<Record<string, Handler>>): Promise<void>
  /** Of all processes. */
  figures(): Promise<QueueFigures>
  /** Takes no more jobs, neither to add nor to do; lets what runs here go on for `graceMs`, then stops it and hands it back. Resolves when nothing runs here. */
  drain(options: { readonly graceMs: number }): Promise<void>
}

/** Another process may have the job now: nothing may be written for it from here any more. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost'
}

export interface QueueOptions {
  /** How many this process works on at a time. */
  readonly concurrency: number
  /** How many may wait, in all processes together. */
  readonly mostWaiting: number
  /** A job that has run for so long is stopped, */
  readonly deadlineMs: number
  /** with this. */
  readonly onDeadline: (seconds: number) => Error
}
