import { THRESHOLDS } from '../../../models/table.ts'
import { shareInside, type Box } from '../../domain/geometry.ts'
import type { Calls } from '../protocol.ts'
import { MASK_SIDE, partsOf } from './mask.ts'

type Gate = Calls['cutout']['answers']['gate']

/** Passed on 20 of 20 people and 5 of 7 toys, whose cut-outs all were usable; on no scene and no scrap. */
const GATE = {
  coverage: { least: 0.08, most: 0.8 },
  /** One piece, not scraps. */
  largestPart: 0.9,
  /** Soft, guessed edges: 1-3 % on people, 10 % on a good toy, 20-28 % on bad ones. */
  undecided: 0.12,
  /** The mask of the subject, not of something beside it. */
  inside: 0.6,
}
const UNDECIDED = { from: THRESHOLDS.selfie.surelyNot, to: THRESHOLDS.selfie.surely }

/** The figures by which a mask of the portrait is judged; `box` is the subject in fractions of the portrait. */
export function judgeMask(mask: Float32Array, box: Box): Gate {
  const parts = partsOf(mask)
  const pixels = parts.reduce((sum, part) => sum + part.pixels, 0)
  const undecided = mask.reduce((count, value) => count + (value > UNDECIDED.from && value < UNDECIDED.to ? 1 : 0), 0)
  const area = MASK_SIDE ** 2
  return {
    coverage: pixels / area,
    largestPart: parts.length ? parts[0].pixels / pixels : 0,
    undecided: undecided / area,
    inside: parts.length ? shareInside(box, parts[0].box) : 0,
  }
}

export const isClear = ({ coverage, largestPart, undecided, inside }: Gate): boolean => (
  coverage > GATE.coverage.least && coverage < GATE.coverage.most && largestPart > GATE.largestPart && undecided < GATE.undecided && inside > GATE.inside
)
