import type { Sighting, Subject } from '../../domain/character.ts'
import { scaled } from '../../domain/geometry.ts'
import type { Frame, Picture } from '../frame.ts'
import { MOST_SIGHTINGS, MOST_SUBJECTS } from '../protocol.ts'
import { clothesBelow, colourOf } from './colour.ts'
import { FRAMINGS, squareAround, type Framing } from './crop.ts'
import { kindOf, mostSeenName } from './kind.ts'
import type { Found } from './ladder.ts'
import { judge, type Judged } from './quality.ts'
import { rankOf } from './rank.ts'
import { chooseReferences } from './references.ts'
import type { Seen, SeenFace } from './sighting.ts'
import { resize } from './tensor.ts'
import type { Track } from './tracks.ts'

/** A subject as it is told, and what its pictures and vectors will be made of; holds no frames. */
export interface TrackedSubject {
  readonly subject: Subject
  /** Three to eight sightings to show, as far as there are good ones; the best first. */
  readonly references: readonly Judged[]
  /** The track's faces; empty for what is not one. */
  readonly faces: Track<SeenFace>
  readonly thumbnail: Picture
}

export const THUMBNAIL_SIDE = 192

/** Best first, named `s1`, `s2`, …: long in view, large, central and sharp. */
export function describeSubjects({ rung, tracks, looked }: Found, frames: readonly Frame[]): readonly TrackedSubject[] {
  const frameAt = new Map(frames.map((frame) => [frame.seconds, frame]))
  const ranked = tracks.map((track) => {
    const kind = kindOf(track, frames[0])
    return { track, kind, rank: rankOf(track, { kind, looked }) }
  })
  return ranked.toSorted((a, b) => b.rank - a.rank).slice(0, MOST_SUBJECTS).map(({ track, kind, rank }, i) => {
    const judged = judge(track)
    const references = chooseReferences(judged, frameAt)
    const [best] = references
    const frame = frameAt.get(best.sighting.seconds) ?? frames[0]
    return {
      subject: {
        id: `s${i + 1}`, kind, rung, hint: hintOf(track), colour: subjectColour(best.sighting, frame), rank,
        presence: Math.min(1, track.length / looked), best: told(best), sightings: judged.slice(0, MOST_SIGHTINGS).map(told),
      },
      references, faces: track.filter((sighting) => sighting.what === 'face'), thumbnail: thumbnailOf(best.sighting, frame),
    }
  })
}

export const framingOf = ({ what }: Seen): Framing => (what === 'face' ? FRAMINGS.face : FRAMINGS.whole)

const told = ({ sighting: { seconds, box, score }, quality }: Judged): Sighting => ({ seconds, box, score, quality })

function hintOf(track: Track): string | null {
  const things = track.filter((sighting) => sighting.what === 'thing')
  return things.length > 0 ? mostSeenName(things) : null
}

/** Of somebody the clothes: a name must not speak of skin. */
function subjectColour({ what, box }: Seen, frame: Frame): string {
  const inPixels = scaled(box, frame.width, frame.height)
  return colourOf(frame, what === 'face' ? clothesBelow(inPixels, frame.height) : inPixels)
}

function thumbnailOf(sighting: Seen, frame: Frame): Picture {
  const square = squareAround(scaled(sighting.box, frame.width, frame.height), framingOf(sighting), frame)
  const size = { width: THUMBNAIL_SIDE, height: THUMBNAIL_SIDE }
  return { ...size, data: Uint8Array.from(resize(frame, square, size), Math.round) }
}

