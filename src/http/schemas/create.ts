import { z } from 'zod'
import { StoredUpload } from '../uploads.ts'

const url = z.string().meta({ description: 'Absolute http(s) address of a video, at most 8 KiB.', examples: ['https://example.com/clip.mp4'] })

const WINDOW_DOCS = {
  description: 'The window in seconds, 1 to 3 s wide. Full-width forms, other separators, units, clock times and quotes around are understood.',
  examples: ['1,3'],
  anyOf: [
    { type: 'string', maxLength: 64 },
    { type: 'array', items: { type: ['string', 'number'] }, minItems: 2, maxItems: 2 },
    { type: 'object', properties: { start: { type: ['string', 'number'] }, end: { type: ['string', 'number'] } }, required: ['start', 'end'] },
  ],
}

const fromTask = z.string().max(100).nullish().meta({ description: 'Id of a finished video of yours, instead of a url. With both, the video counts if it exists.', examples: ['video_0193f0c2a4b47d6e8f00112233445566'] })

/** Door A: two keys count, one relay's `model` and anything else is ignored. `timestamps` has a parser of its own. */
export const seedBody = z.object({
  url: url.nullish().meta({ description: 'Needed unless from_task is there.' }),
  from_task: fromTask,
  timestamps: z.unknown().meta(WINDOW_DOCS),
  force: z.boolean().nullish().meta({ description: 'true: a new character whatever was made before.' }),
}).meta({ id: 'SeedCreate', description: 'Other keys, such as `model`, are ignored.' })

const share = z.number().min(0).max(1)
const subject = z.union([
  z.string().regex(/^s[1-9]\d?$/),
  z.strictObject({ point: z.tuple([share, share]), t: z.number().min(0).max(360_000) }),
])

const consent = z.strictObject({
  basis: z.enum(['self', 'permission', 'fictional']).meta({ examples: ['self'] }),
  by: z.string().min(1).max(200),
  at: z.int().min(0).max(4_102_444_800).nullish(),
  note: z.string().max(1000).nullish(),
})

/** What creating and detecting share: one source and a window. */
const source = {
  url: url.nullish(),
  video: z.instanceof(StoredUpload).nullish().meta({ description: 'The file itself, in a form.', type: 'string', format: 'binary' }),
  data: z.string().nullish().meta({ description: 'The file as a base64 data: URI.', examples: ['data:video/mp4;base64,AAAA'] }),
  from_task: fromTask,
  timestamps: z.unknown().optional().meta({ ...WINDOW_DOCS, description: `${WINDOW_DOCS.description} Absent: a video of at most 3 s is used whole, else the best 3 s of its first minute.` }),
}

export const detectBody = z.strictObject(source).meta({ id: 'Detect', description: 'Exactly one of url, video, data and from_task.' })
export type DetectBody = z.infer<typeof detectBody>

const aliases = z.array(z.string()).max(8).meta({ description: 'Handles from elsewhere that shall call it too.', examples: [['6f2dbf2b3.zenwhisper']] })
const tags = z.array(z.string().min(1).max(40)).max(16)
const metadata = z.record(z.string().min(1).max(64), z.string().max(512)).refine((pairs) => Object.keys(pairs).length <= 16)

export const createBody = z.strictObject({
  ...source,
  username: z.string().nullish().meta({ examples: ['misty_otter'] }),
  aliases: aliases.nullish(),
  display_name: z.string().min(1).max(80).nullish(),
  description: z.string().max(2000).nullish(),
  subject: subject.nullish().meta({ description: 'An id from detect, or the one under a point (fractions of the frame) at a time of the source.', examples: ['s2'] }),
  strict_subject: z.boolean().nullish().meta({ description: 'Refuse with ambiguous_character instead of choosing between equals.' }),
  consent: consent.nullish().meta({ description: 'Who allowed this, when a person is shown.' }),
  tags: tags.nullish(),
  metadata: metadata.nullish()
    .meta({ description: 'At most 16 pairs of strings, kept as they are.', examples: [{ shot: '12b' }] }),
  force: z.boolean().nullish().meta({ description: 'true: a new character whatever was made before.' }),
}).meta({ id: 'Create', description: 'Exactly one of url, video, data and from_task.' })
export type CreateBody = z.infer<typeof createBody>

/** What is absent stays as it is; null empties. */
export const editBody = z.strictObject({
  username: z.string().optional(),
  aliases: aliases.nullish(),
  display_name: z.string().min(1).max(80).nullish(),
  description: z.string().max(2000).nullish(),
  tags: tags.nullish(),
  metadata: metadata.nullish(),
}).meta({ id: 'Edit', description: 'What is absent stays as it is; null empties.' })
export type EditBody = z.infer<typeof editBody>
