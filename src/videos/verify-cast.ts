import { FIGURE_VECTOR, MODELS, THRESHOLDS } from '../../models/table.ts'
import type { IdentityVector } from '../domain/character.ts'
import type { CharacterId } from '../domain/identifier.ts'
import { scoreLikeness, type Measures } from '../domain/score-likeness.ts'
import type { Verification } from '../domain/verification.ts'
import type { LensSession } from '../jail/lens-session.ts'

const { 'dlib-face': faces, nanodet: looks } = THRESHOLDS
const FACE = MODELS.find(({ id }) => id === 'dlib-face')?.vector?.id ?? ''
/**
 * From `bench/verify`: over the better half of the frames the mean of a track lay within 0.39 for one person, and beyond 0.44 for the two most alike of five;
 * a toy within 0.05 of itself in its clip, and what was most like one without being it 0.20 away. All 33 that were in a video were the same there (13 of them in
 * the clip they are made from), none of 175 that were not, and one in eleven of those was unsure. Chosen and judged on the same clips: smoke evidence.
 */
const MEASURES: Measures = {
  [FACE]: { by: 'euclidean distance', same: faces.sameMeanAndFrame, different: faces.differentMeanAndFrame },
  [FIGURE_VECTOR.id]: { by: 'cosine', same: looks.sameFigure, different: looks.differentFigure },
}

export interface VerifiedMember {
  readonly id: CharacterId
  readonly username: string
  /** All that are kept of it. */
  readonly vectors: readonly IdentityVector[]
  /** Its cut-out, or its portrait where it has none: what has no face is compared by this. */
  readonly figure: Uint8Array
}

/**
 * Looks at a produced video, the source of this lens, and scores how much each of its cast is in it: by the face whoever has one, all others by their figure.
 * Rejects with what the lens refuses the video for (`media_*`), or with what ends its job.
 */
export async function verifyCast(lens: Pick<LensSession, 'call'>, cast: readonly VerifiedMember[], { clock }: { readonly clock: () => number }): Promise<Verification> {
  const faceOf = ({ vectors }: VerifiedMember) => vectors.find(({ model, of }) => model === FACE && of === 'track-mean') ?? null
  const faceless = cast.filter((member) => faceOf(member) === null)
  const wantsFaces = faceless.length < cast.length
  const models = [...wantsFaces ? [FACE] : [], ...faceless.length > 0 ? [FIGURE_VECTOR.id] : []]
  const { figures, frames } = cast.length > 0 ? await lens.call('witness', { wantsFaces, figures: faceless.map(({ figure }) => figure) }) : { figures: [], frames: [] }
  const known = cast.map((member) => {
    const values = figures[faceless.indexOf(member)]
    return { ...member, knownBy: faceOf(member) ?? (values ? { model: FIGURE_VECTOR.id, values } : null) }
  })
  return { characters: scoreLikeness(known, frames, MEASURES), models, atMs: clock() }
}
