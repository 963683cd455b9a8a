import { expect, test } from 'vitest'
import { painted } from '../../../test/fixtures/painted.ts'
import { whyNothing } from './why-nothing.ts'

const half = { box: [0, 0, 160, 180] as const, colour: [200, 200, 200] as const }

test.each([
  ['blank', [painted(320, 180, [0, 0, 0]), painted(320, 180, [90, 90, 90])]],
  ['too_small', [painted(320, 40, [0, 0, 0], [{ ...half, box: [0, 0, 160, 40] }])]],
  ['nothing_stays', [painted(320, 180, [0, 0, 0]), painted(320, 180, [0, 0, 0], [half])]],
] as const)('%s', (reason, frames) => {
  expect(whyNothing(frames)).toBe(reason)
})
