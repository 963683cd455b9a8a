import { describe, expect, test } from 'vitest'
import { placesFor, type Area, type Place } from './layout.ts'
import { randomFrom } from './random.ts'

const AREAS: Readonly<Record<string, Area>> = {
  landscape: { left: 40, top: 70, right: 1240, bottom: 560 },
  portrait: { left: 35, top: 70, right: 685, bottom: 1080 },
  small: { left: 25, top: 50, right: 455, bottom: 720 },
}

const boxOf = ({ centre, base, width, height }: Place) => ({ left: centre - width / 2, right: centre + width / 2, top: base - height, bottom: base })
const areApart = (a: Place, b: Place): boolean => {
  const [one, other] = [boxOf(a), boxOf(b)]
  return one.right <= other.left || other.right <= one.left || one.bottom <= other.top || other.bottom <= one.top
}

describe.each(Object.entries(AREAS))('in a %s frame', (_name, area) => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8, 16])('%i figures stand inside, apart, in their order', (count) => {
    for (let seed = 0; seed < 20; seed++) {
      const places = placesFor(count, area, randomFrom(seed))
      expect(places).toHaveLength(count)
      for (const [i, place] of places.entries()) {
        const { left, top, right, bottom } = boxOf(place)
        expect([left >= area.left - 0.01, top >= area.top - 0.01, right <= area.right + 0.01, bottom <= area.bottom + 0.01]).toEqual([true, true, true, true])
        expect(place.centre).toBeGreaterThan(i > 0 ? places[i - 1].centre : 0)
        for (const other of places.slice(i + 1)) expect(areApart(place, other)).toBe(true)
      }
    }
  })

  test('eight figures are not small', () => {
    const places = placesFor(8, area, randomFrom(1))
    const used = places.reduce((sum, { width, height }) => sum + width * height, 0)
    expect(used / ((area.right - area.left) * (area.bottom - area.top))).toBeGreaterThan(0.25)
  })
})

test('the seed decides who stands in front', () => {
  const fronts = Array.from({ length: 20 }, (_, seed) => placesFor(8, AREAS.landscape, randomFrom(seed)).map(({ base }) => Math.round(base)).join())
  expect(new Set(fronts).size).toBe(2)
  expect(placesFor(8, AREAS.landscape, randomFrom(5))).toEqual(placesFor(8, AREAS.landscape, randomFrom(5)))
})

test('nobody takes no place', () => expect(placesFor(0, AREAS.landscape, randomFrom(0))).toEqual([]))
