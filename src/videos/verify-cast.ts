import { MODELS, THRESHOLDS } from '../../models/table.ts'
import { scoreLikeness, type KnownCharacter, type Measure } from '../domain/score-likeness.ts'
import type { Verification } from '../domain/verification.ts'
import type { LensSession } from '../jail/lens-session.ts'

const { 'dlib-face': faces, nanodet: looks } = THRESHOLDS
const BORDERS: Readonly<Record<string, Pick<Measure, 'same' | 'different'>>> = {
  'dlib-face': { same: faces.sameFrames, different: faces.different },
  nanodet: { same: looks.sameLook, different: looks.differentLook },
}
const MEASURES: Readonly<Record<string, Measure>> = Object.fromEntries(MODELS.flatMap(({ id, vector }) => (vector ? [[vector.id, { by: vector.compareBy, ...BORDERS[id] }]] : [])))

/**
 * Looks at a produced video, the source of this lens, and scores how much each of its cast is in it. Characters known by nothing are `absent`.
 * Rejects with what the lens refuses the video for (`media_*`), or with what ends its job.
 */
export async function verifyCast(lens: Pick<LensSession, 'call'>, cast: readonly KnownCharacter[], { clock }: { readonly clock: () => number }): Promise<Verification> {
  const models = Object.keys(MEASURES).filter((model) => cast.some(({ vectors }) => vectors.some((vector) => vector.model === model)))
  const { frames } = models.length > 0 ? await lens.call('witness', { models }) : { frames: [] }
  return { characters: scoreLikeness(cast, frames, MEASURES), models, atMs: clock() }
}
