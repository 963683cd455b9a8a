import { expect, test } from 'vitest'
import { BUDGET } from './budget.ts'
import { squareSize } from './coded-pictures.ts'

test('pixels that are not square are stretched to it', () => {
  expect(squareSize({ width: 720, height: 576 }, { pixelAspect: 64 / 45, longSide: Infinity })).toEqual({ width: 1024, height: 576 })
  expect(squareSize({ width: 720, height: 576 }, { pixelAspect: 64 / 45, longSide: 512 })).toEqual({ width: 512, height: 288 })
})

test('however they are stretched, the picture stays in the budget', () => {
  const { width, height } = squareSize({ width: 4000, height: 3000 }, { pixelAspect: 100, longSide: Infinity })
  expect(width * height).toBeLessThanOrEqual(BUDGET.pixels * 1.01)
  expect(width / height).toBeCloseTo((4000 * 100) / 3000, -1)
})
