import { setTimeout as sleep } from 'node:timers/promises'
import { AppError } from '../domain/errors.ts'
import { unlessAborted } from '../runtime/unless-aborted.ts'

interface Waiting { readonly signal: AbortSignal }

/**
 * What a backend answers within the time; one that does not listen to its signal is left alone with its call.
 * Rejects with what the call rejects with, `backend_unavailable` past the time, or the signal's reason.
 */
export async function askBackend<T>(ask: (waiting: Waiting) => Promise<T>, { signal, mostMs }: Waiting & { readonly mostMs: number }): Promise<T> {
  const late = AbortSignal.timeout(mostMs)
  const either = AbortSignal.any([signal, late])
  try {
    return await unlessAborted(ask({ signal: either }), either)
  } catch (error) {
    signal.throwIfAborted()
    if (late.aborted && !(error instanceof AppError)) throw new AppError('backend_unavailable', { details: { reason: 'timeout' }, cause: error })
    throw error
  }
}

export const isUnavailable = (error: unknown): boolean => error instanceof AppError && error.code === 'backend_unavailable'

/** Not after silence: what was asked for may be under way. */
export const mayAskAgain = (error: unknown): boolean => error instanceof AppError && error.code === 'backend_unavailable' && error.details.reason !== 'timeout'

interface Trying extends Waiting { readonly tries: number; readonly waitMs: number; /** Errors after which it may be asked again. */ readonly isPassing?: (error: unknown) => boolean }

/** Again, each time after twice as long, while the backend is merely unavailable. */
export async function whileUnavailable<T>(work: () => Promise<T>, { tries, waitMs, signal, isPassing = isUnavailable }: Trying): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (tries <= 1 || !isPassing(error)) throw error
    await sleep(waitMs, undefined, { signal })
    return whileUnavailable(work, { tries: tries - 1, waitMs: 2 * waitMs, signal, isPassing })
  }
}

const AWAY: ReadonlySet<string> = new Set(['database_unavailable', 'storage_unavailable', 'storage_full'])
const isAway = (error: unknown): boolean => error instanceof AppError && AWAY.has(error.code)

/** The same while our own database or store is away, or the disk full: what a backend has made is not given up for that. */
export const whileAway = <T>(work: () => Promise<T>, waiting: Omit<Trying, 'isPassing'>): Promise<T> => whileUnavailable(work, { ...waiting, isPassing: isAway })
