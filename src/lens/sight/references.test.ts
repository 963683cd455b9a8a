import { expect, test } from 'vitest'
import { painted } from '../../../test/fixtures/painted.ts'
import { seenThing } from '../../../test/fixtures/sightings.ts'
import { chooseReferences } from './references.ts'

/** One frame a shade: a subject that changes its look from shade to shade. */
function window(shades: readonly number[], qualities: readonly number[] = shades.map(() => 1)) {
  const frames = new Map(shades.map((shade, i) => [i, { ...painted(64, 64, [shade, shade, shade]), seconds: i }]))
  return chooseReferences(shades.map((_, seconds) => ({ sighting: seenThing({ seconds }), quality: qualities[seconds], reasons: [] })), frames).map(({ sighting }) => sighting.seconds)
}

test('the best comes first, then what looks least like those chosen', () => {
  expect(window([100, 110, 250, 0], [0.9, 1, 0.9, 0.9])).toEqual([1, 2, 3])
})

test('a calm window gives three, a lively one eight', () => {
  expect(window(Array(12).fill(100))).toHaveLength(3)
  expect(window([0, 20, 40, 60, 80, 100, 120, 140, 160, 180, 200, 220])).toHaveLength(8)
})

test('bad views are left out as long as there are three', () => {
  expect(window([0, 60, 120, 180, 240], [1, 1, 1, 0.2, 0.2])).not.toContain(4)
  expect(window([0, 60, 120], [1, 0.2, 0.1])).toHaveLength(3)
  expect(window([0])).toEqual([0])
})
