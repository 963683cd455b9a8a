import type { Capabilities, ImageForm, MediaKind } from './capabilities.ts'
import { AppError } from './errors.ts'
import { phrase } from './phrase.ts'
import type { CastMember, RenderedReference, Shot, VideoWarning } from './shot.ts'
import type { StoredFile } from './stored-file.ts'

export interface ReferenceChoice {
  /** By first mention of their characters; the user's own pictures last. */
  readonly references: readonly RenderedReference[]
  readonly firstFrame: number | null
  readonly warnings: readonly VideoWarning[]
}

export interface ReferenceFacts {
  /** The backend and model, for messages. */
  readonly what: string
  /** Backends that would take the user's pictures. */
  readonly takingPictures?: readonly string[]
}

/** Shares out what a model takes among the cast, and finds a place for the user's own pictures. Throws `reference_unsupported` when there is none. */
export function chooseReferences(shot: Shot, can: Capabilities, { what, takingPictures }: ReferenceFacts): ReferenceChoice {
  const { firstFrame, others } = placePictures(shot, can)
  const most = roomForPictures(shot, can)
  if (others > most) throw unsupported(shot, { what, limit: most + shot.pictures - others, takingPictures })
  const room = roomAfter(others, can)
  const seen = shot.cast.map((member, cast) => seenOf(member, { cast, size: shot.cast.length, can, room, what, others }))
  const heard = shot.cast.map((member, cast) => voiceOf(member, { cast, can, room, what }))
  const ofCast = shot.cast.flatMap((_, cast) => [...seen[cast].chosen, ...heard[cast].chosen])
  const ofUser = Array.from({ length: others }, (_, index) => ({ of: 'picture', kind: 'image', picture: shot.pictures - others + index } as const))
  return { references: numbered([...ofCast, ...ofUser]), firstFrame, warnings: [...seen, ...heard].flatMap(({ warnings }) => warnings) }
}

type Unnumbered = { readonly kind: MediaKind } & (
  | { readonly of: 'character'; readonly cast: number; readonly character: CastMember['id']; readonly file: StoredFile; readonly form: ImageForm }
  | { readonly of: 'picture'; readonly picture: number }
)

function numbered(chosen: readonly Unnumbered[]): readonly RenderedReference[] {
  const count = { image: 0, video: 0, audio: 0 }
  return chosen.map((reference) => ({ ...reference, n: ++count[reference.kind] }))
}

/** The first picture is the first frame where the contract has one; beside references only where it says so. The others are references. */
function placePictures({ cast, pictures }: Shot, { firstFrame, kinds, maxReferences }: Capabilities): { readonly firstFrame: number | null; readonly others: number } {
  const goesAlone = pictures === 1 && (cast.length === 0 || maxReferences === 0 || Object.keys(kinds).length === 0)
  const hasFrame = pictures > 0 && (firstFrame === 'with references' || (firstFrame === 'alone' && goesAlone))
  return { firstFrame: hasFrame ? 0 : null, others: hasFrame ? pictures - 1 : pictures }
}

/** What is left when every character has one reference. */
function roomForPictures({ cast }: Shot, can: Capabilities): number {
  const clips = takesClips(can) ? Math.min(cast.length, most(can, 'video')) : 0
  return Math.max(0, Math.min(can.maxReferences - cast.length, most(can, 'image') - (cast.length - clips)))
}

function unsupported({ pictures }: Shot, { what, limit, takingPictures }: ReferenceFacts & { readonly limit: number }): AppError {
  const reason = limit === 0
    ? phrase('it has no place for a picture besides those of the characters', '除角色参考外没有位置再放图片')
    : phrase(`it has room for ${limit} of the pictures, and these are ${pictures}`, `最多可放 ${limit} 张图片，此请求有 ${pictures} 张`)
  return new AppError('reference_unsupported', { param: 'input_reference', details: { what, reason, limit, asked: pictures, ...(takingPictures?.length && { known: takingPictures }) } })
}

/** References that may still be chosen, of all kinds and of each. */
type Room = { all: number } & Record<MediaKind, number>

const most = ({ kinds }: Capabilities, kind: MediaKind): number => kinds[kind]?.max ?? 0
const roomAfter = (pictures: number, can: Capabilities): Room =>
  ({ all: can.maxReferences - pictures, image: most(can, 'image') - pictures, video: most(can, 'video'), audio: most(can, 'audio') })

/** How many of a kind can be had, up to the wanted; they are gone then. */
function take(room: Room, kind: MediaKind, wanted: number): number {
  const count = Math.max(0, Math.min(wanted, room[kind], room.all))
  room[kind] -= count
  room.all -= count
  return count
}

const takesClips = (can: Capabilities): boolean => can.kinds.video !== undefined && (can.prefer === 'clip' || can.kinds.image === undefined)

interface Share { readonly cast: number; readonly can: Capabilities; readonly room: Room; readonly what: string }
interface Chosen { readonly chosen: readonly Unnumbered[]; readonly warnings: readonly VideoWarning[] }

/** The clip where the model takes it, else as many pictures as its share. */
function seenOf(member: CastMember, { cast, size, can, room, what, others }: Share & { readonly size: number; readonly others: number }): Chosen {
  const of = { of: 'character', cast, character: member.id } as const
  if (takesClips(can) && take(room, 'video', 1) === 1) return { chosen: [{ ...of, kind: 'video', file: member.media.clip, form: 'as-is' }], warnings: [] }
  const share = Math.min(can.perCharacter, Math.floor((can.maxReferences - others) / size), Math.floor((most(can, 'image') - others) / size))
  const stills = stillsOf(member, can.imageForm)
  const chosen = stills.slice(0, take(room, 'image', Math.min(stills.length, Math.max(1, share))))
  const warnings: VideoWarning[] = []
  const warn = (code: VideoWarning['code'], message: string) => warnings.push({ code, message })
  if (chosen.length === 0) warn('reference_not_carried', `${what} takes no further reference, so nothing shows it what @${member.username} looks like.`)
  else if (can.prefer === 'clip') warn('clip_not_carried', `${what} takes no further clip, so pictures of @${member.username} go instead.`)
  if (chosen[0]?.form === 'as-is' && can.imageForm !== 'as-is') warn('cutout_missing', `@${member.username} could not be cut out, so the background of its picture goes along.`)
  return { chosen: chosen.map((still) => ({ ...of, kind: 'image', ...still })), warnings }
}

/** The portrait in the wanted form, then what shows other sides: the first reference is the portrait's own frame. */
function stillsOf({ media: { portrait, cutout, references } }: CastMember, wanted: ImageForm): readonly { readonly file: StoredFile; readonly form: ImageForm }[] {
  const first = wanted !== 'as-is' && cutout !== null ? { file: cutout, form: wanted } : { file: portrait, form: 'as-is' } as const
  return [first, ...references.slice(1).map((file) => ({ file, form: 'as-is' } as const))]
}

function voiceOf({ id, username, media: { voice } }: CastMember, { cast, can, room, what }: Share): Chosen {
  if (voice === null) return { chosen: [], warnings: [] }
  if (take(room, 'audio', 1) === 1) return { chosen: [{ of: 'character', cast, character: id, kind: 'audio', file: voice, form: 'as-is' }], warnings: [] }
  const why = can.kinds.audio === undefined ? 'takes no voices' : 'takes no further voice'
  return { chosen: [], warnings: [{ code: 'voice_not_carried', message: `${what} ${why}, so that of @${username} stays behind.` }] }
}
