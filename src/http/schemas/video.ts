import { z } from 'zod'
import { ERRORS, type ErrorCode } from '../../domain/error-table.ts'
import { isVideoId } from '../../domain/identifier.ts'
import { FORM_TYPES } from '../form-fields.ts'
import { MOST_PICTURES, StoredUpload } from '../uploads.ts'
import { STATUSES } from './character.ts'
import { createBody } from './create.ts'
import { paging } from './paging.ts'

const MOST_LISTED = 256
const MOST_SEED = 2 ** 32 - 1
const MOST_SECONDS = 3600

const prompt = z.string().meta({ description: '1 to 32,000 characters; @username calls a character.', examples: ['@misty_otter runs along the beach'] })
const name = z.string().min(1).max(200)

/** `{"id"}` as the official client sends it, or what the id would be: an id, @username, username or alias. */
const listedCharacter = z.union([name, z.object({ id: name }).transform(({ id }) => id)])
const characters = z.preprocess(
  (value) => (typeof value === 'string' ? FORM_TYPES.list(value) : value),
  z.array(listedCharacter).max(MOST_LISTED),
).nullish().meta({ description: 'Characters besides those in the prompt. In a form: characters[][id], characters[0][id], a JSON list, or a,b.', examples: ['[{"id":"char_0193f0c2a4b47d6e8f00112233445566"}]'] })

const seconds = z.preprocess(
  (value) => (typeof value === 'string' ? FORM_TYPES.number(value) : value),
  z.number().min(1).max(MOST_SECONDS),
).nullish().meta({ description: 'A number, or one as a string.', examples: ['4'], anyOf: [{ type: 'number', minimum: 1, maximum: MOST_SECONDS }, { type: 'string' }, { type: 'null' }] })

const file = z.instanceof(StoredUpload).meta({ description: 'The file itself, in a form.', type: 'string', format: 'binary' })
const picture = z.union([file, z.string().min(1), z.object({ image_url: z.string().min(1) }).transform(({ image_url }) => image_url)])
const pictures = z.preprocess(
  // Not by commas: they are part of URLs and data URIs.
  (value) => (typeof value !== 'string' ? value : value.trim().startsWith('[') ? FORM_TYPES.list(value) : [value]),
  z.array(picture).max(MOST_PICTURES),
)

/** What may be said of any new video. */
export const SHOT = {
  prompt,
  model: z.string().min(1).max(200).nullish().meta({ description: 'A model or a backend of GET /v1/backends. Absent or sora-2: the first of them.', examples: ['animatic'] }),
  seconds,
  size: z.string().regex(/^[1-9]\d{1,4}x[1-9]\d{1,4}$/).nullish().meta({ description: 'WIDTHxHEIGHT.', examples: ['720x1280'] }),
  characters,
  seed: z.int().min(0).max(MOST_SEED).nullish(),
  negative_prompt: z.string().max(4000).nullish().meta({ description: 'What is not to be seen.' }),
  unknown_mentions: z.enum(['error', 'text']).nullish().meta({ description: 'text: a mention of nobody stays in the prompt as it is.' }),
}

/** Keys of the relays: the official ones count where both are there. */
const RELAY_KEYS = {
  duration: seconds,
  orientation: z.enum(['portrait', 'landscape']).nullish().meta({ description: 'Instead of a size.' }),
  images: pictures.nullish().meta({ description: 'More pictures: files images[], URLs or data URIs.' }),
  character_url: z.string().nullish().meta({ description: 'A video of which a character is made first, for this video.' }),
  character_timestamps: z.unknown().optional().meta({ description: 'The window of character_url or character_from_task, as timestamps are written.', examples: ['1,3'] }),
  character_from_task: z.string().max(100).nullish().meta({ description: 'A finished video of yours, instead of character_url.' }),
}

export const shotBody = z.object(SHOT).meta({ id: 'VideoRemix', description: 'What is not said anew is taken over. Other keys are ignored.' })
export type ShotBody = z.infer<typeof shotBody>

export const videoBody = z.object({
  ...SHOT,
  input_reference: picture.nullish().meta({ description: 'A picture of at most 20 MiB: a file, {"image_url": URL or data URI}, or that as it is.', examples: ['https://example.com/frame.png'] }),
  ...RELAY_KEYS,
}).meta({ id: 'VideoCreate', description: 'Other keys are ignored.' })
export type VideoBody = z.infer<typeof videoBody>

/** Of a remix, the address says which video; here the body does. */
export const derivedBody = z.object({
  ...SHOT,
  video: z.union([z.string().min(1).max(100), z.object({ id: z.string().min(1).max(100) }).transform(({ id }) => id)])
    .meta({ description: 'A finished video of yours: its id, or {"id"}; in a form video[id].', examples: ['video_0193f0c2a4b47d6e8f00112233445566'] }),
}).meta({ id: 'VideoEdit', description: 'What is not said anew is taken over. Other keys are ignored.' })

/** Everything the native door takes, with `name` for its `display_name`; other keys are ignored. */
export const videoCharacterBody = z.object({
  ...createBody.shape,
  name: z.string().min(1).max(80).meta({ description: 'Shown as display_name; need not be unique.', examples: ['Mossy'] }),
}).meta({ id: 'VideoCharacterCreate', description: 'One of video, url, data and from_task. Other keys are ignored.' })

export const videoParams = z.object({ id: z.string().meta({ description: 'An id from POST /v1/videos.' }) })

export const videoListQuery = z.object({
  ...paging,
  after: z.string().refine(isVideoId).optional().meta({ description: 'An id of the same list.', examples: ['video_0193f0c2a4b47d6e8f00112233445566'] }),
  status: z.enum(STATUSES).optional(),
})

const included = z.union([z.string(), z.array(z.string())]).optional()
export const videoQuery = z.object({
  include: included.meta({ description: 'compiled_prompt: what the backend was sent.', examples: ['compiled_prompt'] }),
  'include[]': included,
})

const text = z.string()
const share = z.number().min(0).max(1)
const unixSeconds = z.int().meta({ description: 'Unix seconds.' })
const codes = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]] // the keys of a table
export const characterId = text.regex(/^char_[0-9a-f]{32}$/)
const videoId = text.regex(/^video_[0-9a-f]{32}$/)
export const warning = z.strictObject({ code: text, message: text })

const verified = z.strictObject({
  id: characterId, username: text, score: share, verdict: z.enum(['same', 'unsure', 'different', 'absent']),
  frames: z.array(z.strictObject({ t: z.number(), score: share.nullable(), box: z.tuple([share, share, share, share]).nullable().meta({ description: 'x, y, width, height in fractions of the frame.' }) })),
})
export const verification = z.strictObject({ object: z.literal('video.verification'), video_id: videoId, characters: z.array(verified), models: z.array(text) })
  .meta({ id: 'VideoVerification', description: 'How alike each character is in the finished video; 0.5 is the border of `same`.' })
export type VerificationResource = z.infer<typeof verification>

/** The 13 official keys first, in their order. */
export const videoResource = z.strictObject({
  id: videoId,
  object: z.literal('video'),
  model: text,
  status: z.enum(STATUSES),
  progress: z.int().min(0).max(100),
  created_at: unixSeconds,
  completed_at: unixSeconds.nullable(),
  expires_at: unixSeconds.nullable().meta({ description: 'null: kept until it is deleted.' }),
  prompt: text.nullable(),
  size: text,
  seconds: text,
  remixed_from_video_id: videoId.nullable(),
  error: z.strictObject({ code: z.enum(codes), message: text }).nullable(),
  characters: z.array(z.strictObject({ id: characterId, username: text.nullable(), revision: z.int(), mentions: z.array(z.tuple([z.int(), z.int()])) }))
    .meta({ description: 'Mentions are [start, end) in UTF-16 code units of the prompt.' }),
  warnings: z.array(warning),
  backend: text,
  compiled_prompt: text.nullable().optional(),
  verification: verification.optional(),
}).meta({ id: 'Video' })
export type VideoResource = z.infer<typeof videoResource>

const listOf = <Item extends z.ZodType>(item: Item) =>
  z.strictObject({ object: z.literal('list'), data: z.array(item), first_id: text.nullable(), last_id: text.nullable(), has_more: z.boolean() })

export const videoList = listOf(videoResource).meta({ id: 'VideoList' })
export const videoDeleted = z.strictObject({ id: videoId, object: z.literal('video.deleted'), deleted: z.literal(true) }).meta({ id: 'VideoDeleted' })

/** The three official keys first. */
export const videoCharacter = z.strictObject({
  id: characterId,
  name: text.nullable(),
  created_at: unixSeconds,
  object: z.literal('character'),
  username: text.nullable(),
  permalink: text.nullable(),
  profile_picture_url: text.nullable(),
  status: z.enum(STATUSES),
}).meta({ id: 'VideoCharacter', description: 'What is not known before it is completed is null.' })
export type VideoCharacterResource = z.infer<typeof videoCharacter>

export const videoCharacterList = listOf(videoCharacter).meta({ id: 'VideoCharacterList' })
export const videoCharacterDeleted = z.strictObject({ id: characterId, object: z.literal('character.deleted'), deleted: z.literal(true) }).meta({ id: 'VideoCharacterDeleted' })
