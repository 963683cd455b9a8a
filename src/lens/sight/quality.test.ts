import { describe, expect, test } from 'vitest'
import { boxAt, changed, PEOPLE, seenFace, seenThing } from '../../../test/fixtures/sightings.ts'
import { judge, portraitQuality } from './quality.ts'
import type { Seen } from './sighting.ts'

const others = Array.from({ length: 5 }, (_, i) => seenFace({ seconds: i + 1, sharpness: 180 }))

/** The one sighting's quality as a share of the clean ones', and its reasons. */
function besideClean(odd: Seen, clean: readonly Seen[] = others): { share: number; reasons: readonly string[] } {
  const [first, second] = judge([odd, ...clean])
  return { share: first.quality / second.quality, reasons: first.reasons }
}

describe('a face makes a worse portrait', () => {
  test.each([
    ['with its eyes closed', { eyesOpen: 0.12 }, 'eyes_closed'],
    ['with a hand beside it', { skinAround: 0.2 }, 'covered'],
    ['turned away', { turned: 0.7 }, 'turned_away'],
    ['tilted', { tilted: 0.4 }, 'tilted'],
    ['out of focus', { sharpness: 10 }, 'blurred'],
    ['drowned in the dark', { exposed: 0.4 }, 'badly_lit'],
    ['cut off by the frame', { box: [0, 0.3, 0.1, 0.4] as const }, 'cut_off'],
  ] as const)('%s', (_, fault, reason) => {
    const { share, reasons } = besideClean(seenFace(fault))
    expect(share).toBeLessThan(0.7)
    expect(reasons).toEqual([reason])
  })

  test('with something before it that makes it look like somebody else', () => {
    expect(besideClean(seenFace({ identity: changed(PEOPLE.ana, 0.5) })).share).toBeLessThan(0.5)
  })
})

test('where a hand is before the face most of the time, the few open frames win', () => {
  const covered = Array.from({ length: 8 }, (_, i) => seenFace({ seconds: i + 1, identity: changed(PEOPLE.ana, 0.4), skinAround: 0.2, sharpness: 400 }))
  expect(besideClean(seenFace(), covered).share).toBeGreaterThan(2)
})

test('somebody who always shows much skin is not covered', () => {
  const bare = others.map((face) => ({ ...face, skinAround: 0.3 }))
  expect(judge(bare).every(({ reasons }) => reasons.length === 0)).toBe(true)
})

test('of a thing the sharp, near, whole view is the best', () => {
  const views = [seenThing({ sharpness: 50 }), seenThing({ box: boxAt(0.5, 0.5, 0.1) }), seenThing({ box: boxAt(0.14, 0.5, 0.3) }), seenThing()]
  const qualities = judge(views).map(({ quality }) => quality)
  expect(qualities.indexOf(Math.max(...qualities))).toBe(3)
})

test('the portrait says when the subject is small or not alone', () => {
  const [judged] = judge(others)
  const told = (frame: { width: number; height: number }, isAlone: boolean) => portraitQuality(judged, { frame, isAlone })
  expect(told({ width: 1920, height: 1080 }, true)).toEqual({ score: judged.quality, reasons: [] })
  const small = told({ width: 320, height: 180 }, false)
  expect(small.reasons).toEqual(['small', 'not_alone'])
  expect(small.score).toBeLessThan(judged.quality)
})
