import { z } from 'zod'
import { FORM_TYPES } from '../form-fields.ts'
import { isObject, type JsonObject } from '../json-body.ts'
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

/** Door A: two keys count, one relay's `model` and anything else is ignored. `timestamps` has a parser of its own. */
export const seedBody = z.object({
  url,
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
  timestamps: z.unknown().optional().meta({ ...WINDOW_DOCS, description: `${WINDOW_DOCS.description} Absent: a video of at most 3 s is used whole, else the best 3 s of its first minute.` }),
}

export const detectBody = z.strictObject(source).meta({ id: 'Detect', description: 'Exactly one of url, video and data.' })
export type DetectBody = z.infer<typeof detectBody>

export const createBody = z.strictObject({
  ...source,
  username: z.string().nullish().meta({ examples: ['misty_otter'] }),
  display_name: z.string().min(1).max(80).nullish(),
  description: z.string().max(2000).nullish(),
  subject: subject.nullish().meta({ description: 'An id from detect, or the one under a point (fractions of the frame) at a time of the source.', examples: ['s2'] }),
  strict_subject: z.boolean().nullish().meta({ description: 'Refuse with ambiguous_character instead of choosing between equals.' }),
  consent: consent.nullish().meta({ description: 'Who allowed this, when a person is shown.' }),
  tags: z.array(z.string().min(1).max(40)).max(16).nullish(),
  metadata: z.record(z.string().min(1).max(64), z.string().max(512)).refine((pairs) => Object.keys(pairs).length <= 16).nullish()
    .meta({ description: 'At most 16 pairs of strings, kept as they are.', examples: [{ shot: '12b' }] }),
  force: z.boolean().nullish().meta({ description: 'true: a new character whatever was made before.' }),
}).meta({ id: 'Create', description: 'Exactly one of url, video and data.' })
export type CreateBody = z.infer<typeof createBody>

/** The texts of a form as the types JSON would have had; what cannot be read stays a text, for the schema to refuse. */
export function typedForm(fields: JsonObject): JsonObject {
  const read = { force: FORM_TYPES.boolean, strict_subject: FORM_TYPES.boolean, tags: FORM_TYPES.list, metadata: FORM_TYPES.object, consent: FORM_TYPES.object, subject: FORM_TYPES.object, timestamps: FORM_TYPES.object }
  const typed: Record<string, unknown> = { ...fields }
  for (const [name, toType] of Object.entries(read)) {
    const value = typed[name]
    if (typeof value === 'string') typed[name] = toType(value)
  }
  if (isObject(typed.subject)) typed.subject = numbersIn(typed.subject)
  if (isObject(typed.consent) && typeof typed.consent.at === 'string') typed.consent = { ...typed.consent, at: FORM_TYPES.number(typed.consent.at) }
  return typed
}

function numbersIn(value: unknown): unknown {
  if (typeof value === 'string') return FORM_TYPES.number(value)
  if (Array.isArray(value)) return value.map(numbersIn)
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, numbersIn(inner)])) : value
}
