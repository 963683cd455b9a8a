import type { Sighting, Subject, SubjectWish } from './character.ts'
import { AppError } from './errors.ts'
import { areaOf, contains, type Point } from './geometry.ts'

export interface Choice { readonly subject: Subject; readonly why: string }

/** Two subjects whose ranks are closer than this share are equally plain. */
const PLAINER_BY = 0.1
/** A subject that was last seen longer ago than this need not still be where it was. */
const MOST_GAP_SECONDS = 0.5

/**
 * The wished subject, else the first. `subjects` are best first and at least one.
 * Throws `subject_not_found` for a wish that fits none, `ambiguous_character` when strict and the first is no plainer than the second.
 */
export function chooseSubject(subjects: readonly Subject[], wish: SubjectWish | null, { isStrict }: { readonly isStrict: boolean }): Choice {
  if (wish === null) return chooseFirst(subjects, isStrict)
  const chosen = 'id' in wish ? byId(subjects, wish.id) : underPoint(subjects, wish.point, wish.seconds)
  if (chosen === null) throw new AppError('subject_not_found', { param: 'subject', details: choicesOf(subjects) })
  return chosen
}

function chooseFirst(subjects: readonly Subject[], isStrict: boolean): Choice {
  const [first, second] = subjects
  if (second === undefined) return { subject: first, why: 'the only subject' }
  const isPlainer = second.rank <= first.rank * (1 - PLAINER_BY)
  if (isStrict && !isPlainer) throw new AppError('ambiguous_character', { param: 'subject', details: choicesOf(subjects) })
  return { subject: first, why: `the highest rank, ${first.rank.toFixed(3)}; the next has ${second.rank.toFixed(3)}` }
}

function byId(subjects: readonly Subject[], id: string): Choice | null {
  const subject = subjects.find((subject) => subject.id === id)
  return subject ? { subject, why: `asked for as ${id}` } : null
}

/** The one seen there nearest in time; of several at the same time the smallest, which is what a finger points at. */
function underPoint(subjects: readonly Subject[], point: Point, seconds: number): Choice | null {
  const gap = (sighting: Sighting): number => Math.abs(sighting.seconds - seconds)
  const [found] = subjects
    .map((subject) => ({ subject, nearest: subject.sightings.toSorted((a, b) => gap(a) - gap(b))[0] }))
    .filter(({ nearest }) => gap(nearest) <= MOST_GAP_SECONDS && contains(nearest.box, point))
    .toSorted((a, b) => gap(a.nearest) - gap(b.nearest) || areaOf(a.nearest.box) - areaOf(b.nearest.box))
  return found ? { subject: found.subject, why: `under the point ${point.join(', ')} at ${found.nearest.seconds} s` } : null
}

/** For the answer: `subjects` are the ids to choose from, `choices` how to tell them apart. */
const choicesOf = (subjects: readonly Subject[]) => ({
  subjects: subjects.map(({ id }) => id),
  choices: subjects.map(({ id, kind, colour, best }) => ({ subject: id, kind, colour, seconds: best.seconds, box: best.box })),
})
