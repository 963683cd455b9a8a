import { expect, test } from 'vitest'
import type { Box } from '../../domain/geometry.ts'
import { painted } from '../../../test/fixtures/painted.ts'
import { MASK_SIDE } from './mask.ts'
import { refineMask } from './refine-mask.ts'

const SUBJECT: Box = [80, 60, 180, 220]
const inBox = ([left, top, right, bottom]: Box, i: number): boolean => {
  const [x, y] = [i % MASK_SIDE, Math.floor(i / MASK_SIDE)]
  return x >= left && x < right && y >= top && y < bottom
}
const maskOf = (value: (i: number) => number): Float32Array => Float32Array.from({ length: MASK_SIDE ** 2 }, (_, i) => value(i))

/** The mask is sure of the middle of the subject and of the far background, and guesses between. */
const guessed = maskOf((i) => (inBox([110, 90, 150, 190], i) ? 0.95 : inBox([50, 30, 210, 250], i) ? 0.5 : 0.05))
const at = (mask: Float32Array, x: number, y: number): number => mask[y * MASK_SIDE + x]

test('colours decide where the mask only guesses', () => {
  const refined = refineMask(guessed, painted(MASK_SIDE, MASK_SIDE, [150, 100, 60], [{ box: SUBJECT, colour: [230, 120, 170] }]))
  expect([at(refined, 90, 70), at(refined, 170, 210)].every((value) => value > 0.8)).toBe(true)
  expect([at(refined, 60, 140), at(refined, 200, 40)].every((value) => value < 0.2)).toBe(true)
})

test('where subject and background have one colour the mask stays as it is', () => {
  const refined = refineMask(guessed, painted(MASK_SIDE, MASK_SIDE, [150, 100, 60]))
  expect([at(refined, 130, 140), at(refined, 60, 140), at(refined, 20, 20)]).toEqual([expect.closeTo(0.95, 1), expect.closeTo(0.5, 1), expect.closeTo(0.05, 1)])
})

test('what the mask is sure of stays', () => {
  const refined = refineMask(guessed, painted(MASK_SIDE, MASK_SIDE, [150, 100, 60], [{ box: [120, 120, 130, 130], colour: [150, 100, 60] }]))
  expect(at(refined, 125, 125)).toBeGreaterThan(0.8)
})
