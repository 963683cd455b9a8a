import type { Picture } from '../frame.ts'
import type { Calls } from '../protocol.ts'
import { contrastOf } from './focus.ts'

/** Standard deviation of the luma below which the whole picture is one colour. */
const BLANK_CONTRAST = 4
/** Pixels of the shorter side: less has no room for a face or a thing. */
const LEAST_SIDE = 64

/** Why no subject was found in these frames. */
export function whyNothing(frames: readonly Picture[]): Calls['see']['answers']['reasons'][number] {
  if (frames.every(({ width, height }) => Math.min(width, height) < LEAST_SIDE)) return 'too_small'
  return frames.every((frame) => contrastOf(frame) < BLANK_CONTRAST) ? 'blank' : 'nothing_stays'
}
