import { describe, expect, test } from 'vitest'
import type { Box } from '../../domain/geometry.ts'
import { seenFace, seenThing } from '../../../test/fixtures/sightings.ts'
import { kindOf, mostSeenName } from './kind.ts'
import type { SeenThing } from './sighting.ts'

const FRAME = { width: 1280, height: 720 }
const STANDING: Box = [0.4, 0.2, 0.5, 0.9]
const track = (names: readonly string[], facts: Partial<SeenThing> = {}): readonly SeenThing[] => names.map((name) => seenThing({ name, box: STANDING, ...facts }))
const people = Array<string>(6).fill('person')

describe('a track is', () => {
  test.each([
    ['a person: its face was verified', 'person', [seenFace()]],
    ['a person: walking far away, a head on top', 'person', track(people, { score: 0.5, hasHead: true })],
    ['a person: seen from behind, beyond doubt', 'person', track(people, { score: 0.8 })],
    ['an object: called a person, without a head', 'object', track(people, { score: 0.55 })],
    ['an object: called a person, as wide as high', 'object', track(people, { score: 0.55, hasHead: true, box: [0.3, 0.3, 0.5, 0.6] })],
    ['an object: called a person now and then', 'object', track(['person', 'bird', 'person', 'vase', 'person'], { score: 0.8, hasHead: true })],
    ['an animal: the same one, surely', 'animal', track(Array(8).fill('cat'), { score: 0.7 })],
    ['an object: a toy that is a bird with little confidence', 'object', track(Array(8).fill('bird'), { score: 0.54 })],
    ['an object: a toy that is another animal in turn', 'object', track(['bird', 'bird', 'dog', 'bird', 'bear'], { score: 0.8 })],
    ['an object: a thing', 'object', track(['vase', 'vase'], { score: 0.9 })],
  ] as const)('%s', (_, kind, sightings) => {
    expect(kindOf(sightings, FRAME)).toBe(kind)
  })
})

test('the name most seen is the one with the highest sum of scores', () => {
  expect(mostSeenName([...track(['bird', 'bird'], { score: 0.3 }), ...track(['vase'], { score: 0.7 })])).toBe('vase')
})
