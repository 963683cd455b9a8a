import { expect, test } from 'vitest'
import type { Sighting, Subject, SubjectWish } from './character.ts'
import type { Box } from './geometry.ts'
import { chooseSubject } from './subject-choice.ts'

const at = (seconds: number, box: Box): Sighting => ({ seconds, box, score: 0.9, quality: 0.8 })
const subject = (id: string, rank: number, ...sightings: Sighting[]): Subject => (
  { id, rank, kind: 'animal', rung: 'things', hint: null, colour: 'teal', presence: 1, best: sightings[0], sightings })

const left = subject('s1', 1, at(1, [0, 0, 0.5, 1]), at(2, [0.5, 0, 1, 1]))
const right = subject('s2', 0.5, at(1, [0.5, 0, 1, 1]), at(2, [0, 0, 0.5, 1]))
const small = subject('s3', 0.2, at(1, [0.1, 0.1, 0.2, 0.2]))
const subjects = [left, right, small]
const chosen = (wish: SubjectWish | null, isStrict = false): string => chooseSubject(subjects, wish, { isStrict }).subject.id

test('without a wish the first', () => {
  expect(chosen(null)).toBe('s1')
  expect(chooseSubject([right], null, { isStrict: true })).toMatchObject({ subject: right, why: 'the only subject' })
})

test('by id', () => { expect(chosen({ id: 's2' })).toBe('s2') })

test.each([
  ['the one there at that time', [0.8, 0.5], 1, 's2'],
  ['the one there later', [0.8, 0.5], 2, 's1'],
  ['nearest in time', [0.8, 0.5], 1.6, 's1'],
  ['the smaller of two', [0.15, 0.15], 1, 's3'],
] as const)('by point: %s', (_, point, seconds, id) => { expect(chosen({ point, seconds })).toBe(id) })

test.each<SubjectWish>([{ id: 's9' }, { point: [0.8, 0.5], seconds: 3 }])('%j fits none: refused, with those to choose from', (wish) => {
  expect(() => chooseSubject(subjects, wish, { isStrict: false })).toThrow(expect.objectContaining({ code: 'subject_not_found', details: expect.objectContaining({ subjects: ['s1', 's2', 's3'] }) }))
})

test('strict: ranks closer than a tenth are refused, with those to choose from; a wish settles it', () => {
  const twins = [left, subject('s2', 0.91, at(1, [0.5, 0, 1, 1]))]
  expect(() => chooseSubject(twins, null, { isStrict: true })).toThrow(expect.objectContaining({ code: 'ambiguous_character', details: expect.objectContaining({ subjects: ['s1', 's2'] }) }))
  expect(chooseSubject(twins, null, { isStrict: false }).subject.id).toBe('s1')
  expect(chooseSubject(twins, { id: 's2' }, { isStrict: true }).subject.id).toBe('s2')
  expect(chooseSubject([left, subject('s2', 0.89, at(1, [0.5, 0, 1, 1]))], null, { isStrict: true }).subject.id).toBe('s1')
})
