import { describe, expect, test } from 'vitest'
import { newCharacterId } from './identifier.ts'
import { scoreLikeness, type KnownCharacter, type Measures, type WitnessedFrame } from './score-likeness.ts'
import type { Box } from './geometry.ts'

const MEASURES: Measures = { face: { by: 'euclidean distance', same: 0.4, different: 0.6 }, look: { by: 'cosine', same: 0.1, different: 0.2 } }
const LEFT: Box = [0, 0, 0.5, 1]
const RIGHT: Box = [0.5, 0, 1, 1]

const known = (username: string, ...values: readonly number[]): KnownCharacter => ({ id: newCharacterId(), username, knownBy: { model: 'face', values } })
const face = (box: Box, ...values: readonly number[]) => ({ model: 'face', box, values })
/** One face a frame, so far from the one at 0. */
const apart = (...distances: readonly (number | null)[]): readonly WitnessedFrame[] => distances.map((distance, seconds) => ({ seconds, sightings: distance === null ? [] : [face(LEFT, distance)] }))
const scoreOf = (frames: readonly WitnessedFrame[]) => scoreLikeness([known('ada', 0)], frames, MEASURES)[0]

describe('one frame', () => {
  test.each([
    [0, 1, 'same'], [0.2, 0.75, 'same'], [0.4, 0.5, 'same'], [0.5, 0.375, 'unsure'], [0.6, 0.25, 'different'], [0.8, 0, 'different'], [2, 0, 'different'],
  ] as const)('%d apart scores %d and is %s', (distance, score, verdict) => {
    expect(scoreOf(apart(distance))).toMatchObject({ score: expect.closeTo(score), verdict, frames: [{ seconds: 0, score: expect.closeTo(score), box: LEFT }] })
  })

  test('the nearest of several is the one', () => {
    expect(scoreOf([{ seconds: 0, sightings: [face(LEFT, 0.5), face(RIGHT, 0.1)] }]).frames).toEqual([{ seconds: 0, score: expect.closeTo(0.875), box: RIGHT }])
  })

  test('by cosine lengths do not count', () => {
    const character = { id: newCharacterId(), username: 'toy', knownBy: { model: 'look', values: [1, 1] } }
    const seen = (values: readonly number[]) => scoreLikeness([character], [{ seconds: 0, sightings: [{ model: 'look', box: LEFT, values }] }], MEASURES)[0]
    expect(seen([5, 5]).score).toBeCloseTo(1)
    expect(seen([0, 5]).verdict).toBe('different')
  })
})

describe('nothing to compare', () => {
  test.each<[string, readonly WitnessedFrame[]]>([
    ['no frames', []], ['empty frames', apart(null, null)],
    ['another model', [{ seconds: 0, sightings: [{ model: 'look', box: LEFT, values: [0] }] }]],
    ['a model that is not measured', [{ seconds: 0, sightings: [{ model: 'smell', box: LEFT, values: [0] }] }]],
    ['another length', [{ seconds: 0, sightings: [face(LEFT, 0, 0)] }]],
  ])('%s: absent', (_, frames) => {
    expect(scoreOf(frames)).toMatchObject({ score: 0, verdict: 'absent', frames: frames.map(({ seconds }) => ({ seconds, score: null, box: null })) })
  })

  test('who is known by nothing is absent', () => {
    expect(scoreLikeness([{ ...known('ada'), knownBy: null }], apart(0), MEASURES)[0]).toMatchObject({ verdict: 'absent', frames: [{ score: null }] })
  })
})

describe('over the whole', () => {
  test('frames in which nobody is seen do not count against who is seen in the others', () => {
    expect(scoreOf(apart(0.1, null, null, 0.1, null))).toMatchObject({ verdict: 'same', score: expect.closeTo(0.875) })
  })

  test('somebody else in half of the frames makes nobody another', () => {
    expect(scoreOf(apart(0.1, 0.1, 0.1, 0.9, 0.9, 0.9)).verdict).toBe('same')
  })

  test('one lucky frame of eight makes nobody the same', () => {
    expect(scoreOf(apart(0.1, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7, 0.7)).verdict).toBe('different')
  })
})

describe('a cast', () => {
  const cast = [known('ada', 0), known('ben', 1)]

  test('what is seen is one of them only: the one it is most like', () => {
    const [ada, ben] = scoreLikeness(cast, [{ seconds: 0, sightings: [face(LEFT, 0.3)] }], MEASURES)
    expect(ada.frames[0]).toMatchObject({ box: LEFT })
    expect(ben).toMatchObject({ verdict: 'absent', frames: [{ score: null, box: null }] })
  })

  test('the better likeness goes first, the other takes what is left', () => {
    const sightings = [face(LEFT, 0.6), face(RIGHT, 0.9)]
    const [ada, ben] = scoreLikeness(cast, [{ seconds: 0, sightings }], MEASURES)
    expect([ada.frames[0].box, ben.frames[0].box]).toEqual([LEFT, RIGHT])
  })

  test('answers come in the order of the cast', () => {
    expect(scoreLikeness(cast, apart(0.5), MEASURES).map(({ username }) => username)).toEqual(['ada', 'ben'])
  })
})
