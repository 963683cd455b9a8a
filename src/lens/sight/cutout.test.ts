import { describe, expect, test } from 'vitest'
import type { Box } from '../../domain/geometry.ts'
import { isClear, judgeMask } from './cutout.ts'
import { alphaOf, MASK_SIDE, partsOf } from './mask.ts'

/** A mask of rectangles, in fractions; later ones lie over earlier ones. */
function drawn(...shapes: readonly (readonly [Box, number])[]): Float32Array {
  const mask = new Float32Array(MASK_SIDE ** 2)
  for (const [box, value] of shapes) {
    const [left, top, right, bottom] = box.map((edge) => Math.round(edge * MASK_SIDE))
    for (let y = top; y < bottom; y++) mask.fill(value, y * MASK_SIDE + left, y * MASK_SIDE + right)
  }
  return mask
}

const SUBJECT: Box = [0.3, 0.2, 0.7, 1]
const isOffered = (mask: Float32Array, box: Box = SUBJECT): boolean => isClear(judgeMask(mask, box))

describe('a cut-out is offered', () => {
  test('of one clear shape where the subject is', () => {
    expect(judgeMask(drawn([SUBJECT, 1]), SUBJECT)).toEqual({ coverage: expect.closeTo(0.32, 2), largestPart: 1, undecided: 0, inside: expect.closeTo(1, 1) })
    expect(isOffered(drawn([SUBJECT, 1]))).toBe(true)
  })

  test.each([
    ['of nothing', drawn()],
    ['of everything', drawn([[0, 0, 1, 1], 1])],
    ['of a scrap', drawn([[0.4, 0.4, 0.6, 0.6], 1])],
    ['of two shapes', drawn([[0.3, 0.2, 0.7, 0.6], 1], [[0.3, 0.7, 0.7, 1], 1])],
    ['of guesses', drawn([SUBJECT, 1], [[0, 0, 0.25, 1], 0.4])],
    ['of something beside the subject', drawn([[0.72, 0.1, 1, 1], 1])],
  ])('and not %s', (_, mask) => {
    expect(isOffered(mask)).toBe(false)
  })
})

test('pieces are counted apart, the largest first, diagonal neighbours not together', () => {
  const corner = 0.5
  const parts = partsOf(drawn([[0.25, 0.25, corner, corner], 1], [[corner, corner, 1, 1], 1]))
  expect(parts.map(({ box }) => box)).toEqual([[corner, corner, 1, 1], [0.25, 0.25, corner, corner]])
})

test('the alpha keeps the largest piece with its soft edge and drops the rest', () => {
  const alpha = alphaOf(drawn([[0.2, 0.2, 0.6, 0.6], 0.5], [[0.25, 0.25, 0.55, 0.55], 1], [[0.8, 0.8, 0.9, 0.9], 1]))
  const at = (x: number, y: number): number => alpha[Math.round(y * MASK_SIDE) * MASK_SIDE + Math.round(x * MASK_SIDE)]
  expect([at(0.4, 0.4), at(0.22, 0.4), at(0.85, 0.85), at(0.1, 0.1)]).toEqual([255, 128, 0, 0])
})
