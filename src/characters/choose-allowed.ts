import { AppError } from '../domain/errors.ts'
import { chooseSubject, type Choice } from '../domain/subject-choice.ts'
import type { Answers } from './lens-answers.ts'
import type { CreateOptions } from './requests.ts'

export type HumanPolicy = 'allow' | 'consent' | 'reject'

/** The wished subject, unless there is none or the service's policy is against a person in the window: the clip shows everybody. */
export function chooseAllowed({ subjects, reasons }: Answers['see'], { subject, isStrict, consent }: CreateOptions, humanPolicy: HumanPolicy): Choice {
  if (subjects.length === 0) throw new AppError('no_character_found', { details: { reasons } })
  refusePeople(subjects, consent, humanPolicy)
  return chooseSubject(subjects, subject, { isStrict })
}

/** Throws `person_not_allowed` or `consent_required` where the policy is against one of those in the window. */
export function refusePeople(subjects: Answers['see']['subjects'], consent: CreateOptions['consent'], humanPolicy: HumanPolicy): void {
  const isPersonShown = subjects.some(({ kind }) => kind === 'person')
  if (isPersonShown && humanPolicy === 'reject') throw new AppError('person_not_allowed')
  if (isPersonShown && humanPolicy === 'consent' && consent === null) throw new AppError('consent_required', { param: 'consent' })
}
