import { expect, test } from 'vitest'
import { boxAt, seenThing } from '../../../test/fixtures/sightings.ts'
import { rankOf } from './rank.ts'

const seen = (changes: Parameters<typeof seenThing>[0], times = 8) => Array.from({ length: times }, () => seenThing(changes))
const rank = (track: ReturnType<typeof seen>, kind: 'person' | 'object' = 'person'): number => rankOf(track, { kind, looked: 8 })

test.each([
  ['long in view', seen({}), seen({}, 3)],
  ['large', seen({}), seen({ box: boxAt(0.5, 0.5, 0.1) })],
  ['in the middle', seen({}), seen({ box: boxAt(0.15, 0.2, 0.3) })],
  ['sharp', seen({}), seen({ sharpness: 5 })],
])('what is %s comes first', (_, first, second) => {
  expect(rank(first)).toBeGreaterThan(rank(second))
})

test('a person comes before a thing of the same size', () => {
  expect(rank(seen({}))).toBeGreaterThan(rank(seen({}), 'object'))
})
