import { expect, test } from 'vitest'
import { painted } from '../../../test/fixtures/painted.ts'
import { cropped, FRAMINGS, squareAround } from './crop.ts'
import { boxWithin } from './shots.ts'

const FRAME = { width: 640, height: 360 }

test('a face gets room for its shoulders: more below than above', () => {
  expect(squareAround([300, 100, 350, 160], FRAMINGS.face, FRAME)).toEqual([259, 71, 391, 203])
})

test.each([
  ['left and top', [0, 0, 60, 60], [0, 0, 132, 132]],
  ['right and bottom', [590, 310, 640, 360], [530, 250, 640, 360]],
] as const)('at the %s of the frame the square moves and keeps its size', (_, box, square) => {
  expect(squareAround(box, FRAMINGS.face, FRAME)).toEqual(square)
})

test('what is larger than the frame gets the largest square there is', () => {
  expect(squareAround([20, -50, 620, 400], FRAMINGS.whole, FRAME)).toEqual([140, 0, 500, 360])
})

test('a crop is a copy of just these pixels', () => {
  const picture = painted(10, 8, [0, 0, 0], [{ box: [3, 2, 5, 4], colour: [9, 8, 7] }])
  expect(cropped(picture, [3, 2, 5, 4])).toEqual({ width: 2, height: 2, data: Uint8Array.of(9, 8, 7, 9, 8, 7, 9, 8, 7, 9, 8, 7) })
})

test('a box of the frame, told in fractions of a crop, ends at its edge', () => {
  expect(boxWithin([0.3, 0.1, 0.5, 0.4], [0.2, 0.2, 0.6, 0.6])).toEqual([expect.closeTo(0.25), 0, expect.closeTo(0.75), expect.closeTo(0.5)])
})
