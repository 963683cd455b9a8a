import { AppError } from '../domain/errors.ts'

export interface Crowd {
  /** Jobs that wait. */
  readonly waiting: number
  /** Those of the account that comes. */
  readonly own: number
  /** That wait, with the one that comes. */
  readonly accounts: number
}

/** Whether one more may wait. When others have filled the places there are as many again for those who have less than a fair share. */
export const isRoomIn = ({ waiting, own, accounts }: Crowd, mostWaiting: number): boolean =>
  waiting < mostWaiting || (own < mostWaiting / accounts && waiting < 2 * mostWaiting)

const MOST_RETRY_SECONDS = 60

/** `expectedMs`: until a place is likely. */
export function queueFull(expectedMs: number, random: () => number): AppError {
  const spread = 0.8 + 0.4 * random() // or everybody refused now would be back at the same moment
  return new AppError('queue_full', { details: { retryAfterSeconds: Math.min(MOST_RETRY_SECONDS, Math.max(1, Math.ceil((expectedMs * spread) / 1000))) } })
}

export const shuttingDown = (): AppError => new AppError('shutting_down', { details: { retryAfterSeconds: 5 } })
