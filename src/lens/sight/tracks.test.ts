import { describe, expect, test } from 'vitest'
import { boxAt, changed, PEOPLE, seenFace, seenThing } from '../../../test/fixtures/sightings.ts'
import { byIdentity, byPlace, createTracker } from './tracks.ts'

describe('faces', () => {
  test('two people side by side stay two, in whatever order they are found', () => {
    const { add, tracks } = createTracker(byIdentity)
    for (let turn = 0; turn < 6; turn++) {
      const pair = [seenFace({ box: boxAt(0.4, 0.4) }), seenFace({ box: boxAt(0.45, 0.4), identity: PEOPLE.ben })]
      add(turn % 2 ? pair : pair.toReversed())
    }
    expect(tracks.map((track) => track.map(({ identity }) => identity))).toEqual([Array(6).fill(PEOPLE.ben), Array(6).fill(PEOPLE.ana)])
  })

  test('somebody who comes back elsewhere is still the same', () => {
    const { add, tracks } = createTracker(byIdentity)
    add([seenFace({ box: boxAt(0.2, 0.3) })])
    for (let turn = 0; turn < 5; turn++) add([])
    add([seenFace({ box: boxAt(0.8, 0.6), identity: changed(PEOPLE.ana, 0.3) })])
    expect(tracks.map(({ length }) => length)).toEqual([2])
  })

  test('a face half hidden stays on its track in its place, and not elsewhere', () => {
    const hidden = changed(PEOPLE.ana, 0.55)
    const lengthsAfter = (place: ReturnType<typeof boxAt>): readonly number[] => {
      const { add, tracks } = createTracker(byIdentity)
      add([seenFace()])
      add([seenFace({ box: place, identity: hidden })])
      return tracks.map(({ length }) => length)
    }
    expect(lengthsAfter(boxAt(0.51, 0.4))).toEqual([2])
    expect(lengthsAfter(boxAt(0.8, 0.4))).toEqual([1, 1])
  })

  test('a track takes one face a frame, the nearest', () => {
    const { add, tracks } = createTracker(byIdentity)
    add([seenFace()])
    add([seenFace({ identity: changed(PEOPLE.ana, 0.3) }), seenFace({ identity: changed(PEOPLE.ana, 0.1) })])
    expect(tracks.map(({ length }) => length)).toEqual([2, 1])
    expect(tracks[0][1].identity).toEqual(changed(PEOPLE.ana, 0.1))
  })
})

describe('things', () => {
  test('belong together by place, whatever they are called', () => {
    const { add, tracks } = createTracker(byPlace)
    for (const name of ['bird', 'person', 'dining table']) add([seenThing({ name })])
    expect(tracks.map(({ length }) => length)).toEqual([3])
  })

  test.each([[2, [2]], [3, [1, 1]]])('after a gap of %i frames the tracks have %j', (gap, lengths) => {
    const { add, tracks } = createTracker(byPlace)
    for (let turn = 0; turn <= gap + 1; turn++) add(turn === 0 || turn === gap + 1 ? [seenThing()] : [])
    expect(tracks.map(({ length }) => length)).toEqual(lengths)
  })
})
