import { describe, expect, test } from 'vitest'
import { painted } from '../../../test/fixtures/painted.ts'
import { clothesBelow, colourOf, nameColour } from './colour.ts'

test.each([
  ['black', [12, 14, 13]], ['white', [244, 242, 238]], ['grey', [128, 131, 127]], ['red', [190, 24, 38]], ['orange', [238, 126, 22]],
  ['yellow', [240, 210, 60]], ['green', [48, 140, 62]], ['teal', [24, 136, 142]], ['blue', [36, 66, 170]], ['purple', [112, 48, 156]],
  ['pink', [238, 132, 176]], ['brown', [104, 66, 38]],
] as const)('%s is %j', (name, rgb) => {
  expect(nameColour(rgb)).toBe(name)
})

describe('the colour of a subject', () => {
  const BOX = [60, 40, 140, 160] as const

  test('is its own and not that of what it stands on', () => {
    const picture = painted(200, 200, [110, 70, 40], [{ box: [80, 60, 120, 140], colour: [235, 235, 230] }])
    expect(colourOf(picture, BOX)).toBe('white')
  })

  test('is found where the box reaches beyond the picture', () => {
    const picture = painted(200, 200, [130, 130, 130], [{ box: [0, 0, 90, 100], colour: [40, 80, 190] }])
    expect(colourOf(picture, [-60, -80, 90, 100])).toBe('blue')
  })
})

test('clothes lie below the face, wider than it, within the frame', () => {
  const [left, top, right, bottom] = clothesBelow([100, 100, 160, 170], 240)
  expect([left < 100, right > 160, top > 170, bottom]).toEqual([true, true, true, 240])
})
