import { expect, test } from 'vitest'
import { newCharacterId } from '../domain/identifier.ts'
import type { IdentityVector } from '../domain/character.ts'
import type { LensSession } from '../jail/lens-session.ts'
import { verifyCast, type VerifiedMember } from './verify-cast.ts'

const FACE = 'dlib-face-resnet-v1'
const FIGURE = 'nanodet-g-416/59+62+colours'
const vector = (...values: readonly number[]): Float32Array => Float32Array.from(values)
const member = (username: string, ...vectors: readonly IdentityVector[]): VerifiedMember => ({ id: newCharacterId(), username, vectors, figure: new TextEncoder().encode(username) })

const ada = member('ada', { model: FACE, of: 'best-frame', values: vector(9) }, { model: FACE, of: 'track-mean', values: vector(0) })
const toy = member('toy', { model: 'nanodet-g-416/59+62', of: 'references-mean', values: vector(1) })
const pig = member('pig', { model: 'nanodet-g-416/59+62', of: 'references-mean', values: vector(1) })

/** A lens that saw a face like Ada's and two figures, and notes what it was asked. */
function seeing(figures: readonly (Float32Array | null)[]) {
  const asked: unknown[] = []
  const box = [0, 0, 1, 1] as const
  const answer = {
    figures,
    frames: [{ seconds: 1, sightings: [{ model: FACE, box, values: vector(0.1) }, { model: FIGURE, box, values: vector(1, 0) }, { model: FIGURE, box, values: vector(0, 1) }] }],
  }
  const call = async (...all: readonly unknown[]) => { asked.push(all); return answer }
  return { lens: { call: call as unknown as LensSession['call'] }, asked }
}

test('faces are compared with the mean of the track, all others with their figures', async () => {
  const { lens, asked } = seeing([vector(0, 1), vector(1, 0.1)])
  const { characters, models, atMs } = await verifyCast(lens, [toy, ada, pig], { clock: () => 7 })
  expect(asked).toEqual([['witness', { wantsFaces: true, figures: [toy.figure, pig.figure] }]])
  expect(characters.map(({ id, username, verdict }) => ({ id, username, verdict }))).toEqual([toy, ada, pig].map(({ id, username }) => ({ id, username, verdict: 'same' })))
  expect({ models, atMs }).toEqual({ models: [FACE, FIGURE], atMs: 7 })
})

test('only what is needed is looked for', async () => {
  const { lens, asked } = seeing([])
  expect(await verifyCast(lens, [ada], { clock: Date.now })).toMatchObject({ models: [FACE] })
  expect(asked).toEqual([['witness', { wantsFaces: true, figures: [] }]])
})

test('a figure with nothing on it is absent', async () => {
  const { characters, models } = await verifyCast(seeing([null]).lens, [toy], { clock: Date.now })
  expect([characters[0].verdict, models]).toEqual(['absent', [FIGURE]])
})

test('without a cast nothing is looked at', async () => {
  const { lens, asked } = seeing([])
  expect(await verifyCast(lens, [], { clock: () => 1 })).toEqual({ characters: [], models: [], atMs: 1 })
  expect(asked).toEqual([])
})
