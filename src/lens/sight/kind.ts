import type { Kind } from '../../domain/character.ts'
import { heightOf, widthOf } from '../../domain/geometry.ts'
import { isAnimalName } from './looks.ts'
import type { SeenThing } from './sighting.ts'
import type { Track } from './tracks.ts'

/**
 * NanoDet calls toys birds, horses and people, one toy several of these in turn; so a class is believed only where it is
 * steady and strong. In 28 windows of the labelled toys a wrong animal scored 0.56 on average at most, and a wrong person
 * 0.47 in its better half, with something like a head in 0.17 of its frames; people walking far away scored 0.47 at
 * least, with a head in 0.75.
 */
const ANIMAL = { share: 0.9, score: 0.6 }
const PERSON = { share: 0.8, scoreAlone: 0.7, scoreWithHead: 0.4, headShare: 0.5, upright: 1.2 }

/** What a track is taken for. A verified face is a person: drawn and rendered ones pass too, and consent errs on that side. */
export function kindOf(track: Track, frame: { readonly width: number; readonly height: number }): Kind {
  if (track[0].what === 'face') return 'person'
  const things = track.filter((sighting) => sighting.what === 'thing')
  if (things.length > 0 && isPerson(things, frame)) return 'person'
  return things.length > 0 && isAnimal(things) ? 'animal' : 'object'
}

function isPerson(things: Track<SeenThing>, frame: { readonly width: number; readonly height: number }): boolean {
  const people = things.filter(({ name }) => name === 'person')
  if (people.length < PERSON.share * things.length) return false
  const isUpright = average(people.map(({ box }) => (heightOf(box) * frame.height) / (widthOf(box) * frame.width))) >= PERSON.upright
  const betterHalf = average(people.map(({ score }) => score).toSorted((a, b) => b - a).slice(0, Math.ceil(people.length / 2)))
  const hasHead = people.filter((person) => person.hasHead).length >= PERSON.headShare * people.length
  return betterHalf >= PERSON.scoreAlone || (isUpright && hasHead && betterHalf >= PERSON.scoreWithHead)
}

function isAnimal(things: Track<SeenThing>): boolean {
  const name = mostSeenName(things)
  const same = things.filter((thing) => thing.name === name)
  return isAnimalName(name) && same.length >= ANIMAL.share * things.length && average(same.map(({ score }) => score)) >= ANIMAL.score
}

/** The class with the highest sum of scores. */
export function mostSeenName(things: Track<SeenThing>): string {
  const votes = new Map<string, number>()
  for (const { name, score } of things) votes.set(name, (votes.get(name) ?? 0) + score)
  return [...votes].toSorted((a, b) => b[1] - a[1])[0][0]
}

const average = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length
