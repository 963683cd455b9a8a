import { AppError } from '../domain/errors.ts'
import { shareInside } from '../domain/geometry.ts'
import { mean } from '../domain/vector.ts'
import type { ByteSource } from '../runtime/byte-source.ts'
import type { WindowPictures } from './frame.ts'
import { openWindow } from './media/open-window.ts'
import { modelVector, type Models } from './models.ts'
import { producedCalls } from './produced/produced-calls.ts'
import type { Calls } from './protocol.ts'
import { sceneCalls } from './scene/scene-calls.ts'
import type { Job } from './serve-job.ts'
import { isClear, judgeMask } from './sight/cutout.ts'
import { embedLook } from './sight/identity.ts'
import { climb } from './sight/ladder.ts'
import { segment } from './sight/mask.ts'
import { encodeCutout, encodePicture, encodeThumbnail } from './sight/pictures.ts'
import { portraitQuality } from './sight/quality.ts'
import { refineMask } from './sight/refine-mask.ts'
import { boxWithin, takeShots, type Shot } from './sight/shots.ts'
import { describeSubjects, type TrackedSubject } from './sight/subjects.ts'
import { wholeOf } from './sight/tensor.ts'
import { encodeWav, isVoice, speechSeconds } from './sight/voice.ts'
import { whyNothing } from './sight/why-nothing.ts'

/**
 * Six a second show every pose of a gesture: on the labelled clips eight gave no better portrait and a little less room between the same
 * and another face, for a third more time. 1280 px instead of 960 found nothing more, and cost 0.4 s of CPU and 25 MB for 2 s of 1080p.
 */
const LOOK = { perSecond: 6, longSide: 960 }
/** Somebody else's face this far inside the portrait is noticed. */
const NOT_ALONE = 0.5

/** References that make the vector of looks: each takes 50 ms, and the first three are the ones that differ most. */
const LOOKS = 3

/** What a lens does with one source, call by call; each may use what the earlier ones left. */
export const createJob = (source: ByteSource, models: Models): Job => ({ ...characterCalls(source, models), ...producedCalls(source, models), ...sceneCalls(models.folder) })

type CharacterCall = Exclude<keyof Job, keyof ReturnType<typeof producedCalls> | keyof ReturnType<typeof sceneCalls>>

/** The calls that make a character of a window. */
function characterCalls(source: ByteSource, models: Models): Pick<Job, CharacterCall> {
  let opened: WindowPictures | null = null
  let subjects: readonly TrackedSubject[] = []
  const shots = new Map<TrackedSubject, readonly Shot[]>()

  const pictures = (): WindowPictures => {
    if (!opened) throw new Error('the window comes first')
    return opened
  }
  const subjectOf = (id: string): TrackedSubject => {
    const known = subjects.find(({ subject }) => subject.id === id)
    if (!known) throw new AppError('subject_not_found', { param: 'subject', details: { subjects: subjects.map(({ subject }) => subject.id) } })
    return known
  }
  const shotsOf = async (subject: TrackedSubject): Promise<readonly Shot[]> => {
    const taken = shots.get(subject) ?? await takeShots(subject.references, pictures())
    shots.set(subject, taken)
    return taken
  }

  return {
    window: async ({ window }) => {
      const { facts, pictures } = await openWindow(source, window)
      opened = pictures
      return facts
    },
    see: async () => {
      const { frames, found } = await climb(models, pictures().frames(LOOK))
      subjects = found ? describeSubjects(found, frames) : []
      return { frames: frames.length, subjects: subjects.map(({ subject }) => subject), reasons: found ? [] : [whyNothing(frames)], models: models.sha256 }
    },
    thumbnails: async () => ({ pictures: await Promise.all(subjects.map(({ thumbnail }) => encodeThumbnail(thumbnail))) }),
    portrait: async ({ subject: id }) => {
      const subject = subjectOf(id)
      const [{ judged, picture, crop, frame }] = await shotsOf(subject)
      const { seconds, box } = judged.sighting
      const isAlone = subjects.every((other) => other === subject || !isSeenIn(other, { seconds, crop }))
      return { picture: await encodePicture(picture), seconds, box, crop, quality: portraitQuality(judged, { frame, isAlone }) }
    },
    cutout: async ({ subject: id }) => {
      const [{ judged, picture, crop }] = await shotsOf(subjectOf(id))
      const guessed = await segment(models, picture, wholeOf(picture))
      const mask = judged.sighting.what === 'face' ? guessed : refineMask(guessed, picture)
      const gate = judgeMask(mask, boxWithin(judged.sighting.box, crop))
      return { picture: isClear(gate) ? await encodeCutout(picture, mask) : null, gate }
    },
    references: async ({ subject: id }) => {
      const taken = await shotsOf(subjectOf(id))
      return { references: await Promise.all(taken.map(async ({ picture, judged: { sighting: { seconds, box } } }) => ({ picture: await encodePicture(picture), seconds, box }))) }
    },
    identity: async ({ subject: id }) => {
      const subject = subjectOf(id)
      return { vectors: await identityOf(subject, await shotsOf(subject), models) }
    },
    voice: async () => {
      const samples = await pictures().sound()
      const seconds = samples ? await speechSeconds(models, samples) : 0
      return { speechSeconds: seconds, wav: samples && isVoice(seconds) ? encodeWav(samples) : null }
    },
  }
}

const isSeenIn = ({ subject: { sightings } }: TrackedSubject, { seconds, crop }: { readonly seconds: number; readonly crop: Shot['crop'] }): boolean => (
  sightings.some((sighting) => sighting.seconds === seconds && shareInside(sighting.box, crop) > NOT_ALONE)
)

/** A face is told by who it is; what has none by what it looks like. */
async function identityOf({ faces, references: [best] }: TrackedSubject, shots: readonly Shot[], models: Models): Promise<Calls['identity']['answers']['vectors']> {
  if (best.sighting.what === 'face') {
    const model = modelVector('dlib-face')
    return [
      { model, of: 'track-mean', values: mean(faces.map(({ identity }) => identity)) },
      { model, of: 'best-frame', values: best.sighting.identity },
    ]
  }
  const looks: Float32Array[] = []
  for (const { picture } of shots.slice(0, LOOKS)) looks.push(await embedLook(models, picture, wholeOf(picture)))
  return [{ model: modelVector('nanodet'), of: 'references-mean', values: mean(looks) }]
}
