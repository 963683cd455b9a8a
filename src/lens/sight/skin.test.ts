import { expect, test } from 'vitest'
import { painted } from '../../../test/fixtures/painted.ts'
import { skinAround } from './skin.ts'

const FACE = [130, 80, 170, 130] as const
const HEAD = [125, 75, 175, 133] as const
const SKINS = [[224, 172, 140], [96, 62, 44]] as const

test.each(SKINS)('a hand before the chest shows, for skin of %i %i %i', (...skin) => {
  const bare = painted(320, 240, [70, 90, 160], [{ box: HEAD, colour: skin }])
  const withHand = painted(320, 240, [70, 90, 160], [{ box: HEAD, colour: skin }, { box: [110, 140, 150, 180], colour: skin }])
  expect(skinAround(bare, FACE)).toBeLessThan(0.02)
  expect(skinAround(withHand, FACE)).toBeGreaterThan(0.1)
})

test('a shadow on the hand does not hide it', () => {
  const shaded = painted(320, 240, [70, 90, 160], [{ box: HEAD, colour: [200, 150, 120] }, { box: [110, 140, 150, 180], colour: [120, 90, 72] }])
  expect(skinAround(shaded, FACE)).toBeGreaterThan(0.1)
})
