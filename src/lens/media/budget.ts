import { AppError } from '../../domain/errors.ts'

const MiB = 1024 * 1024

/**
 * What one window may cost, checked before any media byte is fetched. `decodedPixels` is about 10 s of CPU (1,929 frames of 1080p):
 * counted in frames alone, 3 s of 240 a second with their lead-in would not pass and a 4K bomb would.
 */
export const BUDGET = {
  pixels: 7680 * 4320,
  frames: 5000,
  decodedPixels: 4e9,
  bytes: 64 * MiB,
  tracks: 64,
  tables: 32 * MiB,
} as const

export type BudgetKind = 'pixels' | 'frames' | 'bytes' | 'tracks' | 'tables'

export const tooLarge = (what: BudgetKind, asked: number, most: number): AppError => new AppError('media_too_large', { details: { what, asked, most } })

export function checkBudget(what: Exclude<BudgetKind, 'frames'>, asked: number): void {
  if (asked > BUDGET[what]) throw tooLarge(what, asked, BUDGET[what])
}

/** How many frames of this size may be decoded for one window. */
export function mostFrames(width: number, height: number): number {
  checkBudget('pixels', width * height)
  return Math.min(BUDGET.frames, Math.floor(BUDGET.decodedPixels / (width * height)))
}
