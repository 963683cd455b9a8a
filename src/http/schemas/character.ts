import { z } from 'zod'
import { KINDS } from '../../domain/character.ts'
import { ERRORS, type ErrorCode } from '../../domain/error-table.ts'

const unixSeconds = z.int().meta({ description: 'Unix seconds.' })
const share = z.number().min(0).max(1)
const text = z.string()
const codes = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]] // the keys of a table

/** The four keys of door A, in the order clients have always got them. */
export const seedCharacter = z.strictObject({
  id: text.regex(/^char_[0-9a-f]{32}$/),
  username: text,
  permalink: text,
  profile_picture_url: text,
}).meta({ id: 'SeedCharacter', description: 'Call it in a prompt as @username.' })
export type SeedCharacter = z.infer<typeof seedCharacter>

export const characterWindow = z.strictObject({ start: z.number(), end: z.number(), chosen_by: z.enum(['caller', 'service']), clamped: z.boolean() })
  .meta({ description: 'Seconds of the source.' })

export const sourceFacts = z.strictObject({
  type: z.enum(['url', 'upload', 'data', 'video']), host: text.nullable(), container: text, codec: text,
  width: z.int(), height: z.int(), duration: z.number(),
}).meta({ description: 'Never the full URL: signed links are secrets.' })

export const STATUSES = ['queued', 'in_progress', 'completed', 'failed'] as const

/** A character in any state. What is not known before it is completed is null. */
export const character = z.strictObject({
  id: text.regex(/^char_[0-9a-f]{32}$/),
  object: z.literal('character'),
  status: z.enum(STATUSES),
  progress: z.int().min(0).max(100),
  username: text.nullable(),
  aliases: z.array(text),
  display_name: text.nullable(),
  description: text.nullable(),
  kind: z.enum(KINDS).nullable(),
  visibility: z.literal('owner'),
  permalink: text.nullable(),
  profile_picture_url: text.nullable(),
  cutout_url: text.nullable(),
  window: characterWindow.nullable(),
  source: sourceFacts.extend({ clip_sha256: text }).nullable(),
  references: z.int().min(0),
  has_voice: z.boolean(),
  quality: z.strictObject({ score: share, reasons: z.array(text) }).nullable(),
  consent: z.strictObject({ basis: z.enum(['self', 'permission', 'fictional']), by: text, at: unixSeconds, note: text.nullable() }).nullable(),
  revision: z.int().min(1),
  tags: z.array(text),
  metadata: z.record(text, text),
  warnings: z.array(z.strictObject({ code: text, message: text })),
  error: z.strictObject({ code: z.enum(codes), message: text }).nullable(),
  created_at: unixSeconds,
  updated_at: unixSeconds.nullable(),
  completed_at: unixSeconds.nullable(),
  deleted_at: unixSeconds.nullable(),
}).meta({ id: 'Character' })
export type CharacterResource = z.infer<typeof character>

export const characterList = z.strictObject({
  object: z.literal('list'), data: z.array(character),
  first_id: text.nullable(), last_id: text.nullable(), has_more: z.boolean(),
}).meta({ id: 'CharacterList' })

export const characterDeleted = z.strictObject({
  id: text, object: z.literal('character.deleted'), deleted: z.literal(true),
  purge_at: unixSeconds.optional(),
  receipt: z.strictObject({ rows: z.int(), objects: z.int(), vectors: z.int(), sha256_of_manifest: text }).optional(),
}).meta({ id: 'CharacterDeleted', description: 'A tombstone that can be restored until `purge_at`, or the receipt of a purge.' })

const box = z.tuple([share, share, share, share]).meta({ description: 'x, y, width, height in fractions of the upright frame.' })

const candidate = z.strictObject({ subject: text, kind: z.enum(KINDS), box, t: z.number(), frames: z.int(), score: share, quality: share })

export const detection = z.strictObject({
  object: z.literal('detection'),
  window: characterWindow,
  source: sourceFacts,
  subjects: z.array(candidate.extend({ thumbnail: text.meta({ description: 'data:image/webp;base64,…' }) })),
  reasons: z.array(text).meta({ description: 'Why there are no subjects: blank, too_small, nothing_stays.' }),
}).meta({ id: 'Detection' })
export type DetectionResource = z.infer<typeof detection>

export const evidence = z.strictObject({
  object: z.literal('character.evidence'),
  id: text,
  steps: z.array(z.strictObject({ step: text, ms: z.int() })),
  source: z.strictObject({ bytes_read: z.int(), requests: z.int(), floor_bytes: z.int(), packets: z.int() }),
  frames: z.int(),
  subjects: z.array(candidate.extend({
    found_by: text, hint: text.nullable(), rank: z.number(), presence: share,
    sightings: z.array(z.strictObject({ t: z.number(), box, score: share, quality: share })),
  })),
  chosen: z.strictObject({ subject: text, why: text }),
  portrait: z.strictObject({ t: z.number(), box, crop: box }),
  cutout_gate: z.record(text, z.number()),
  references: z.array(z.strictObject({ t: z.number(), box })),
  identity: z.array(z.strictObject({ model: text, of: text, length: z.int() })),
  speech_seconds: z.number(),
  models: z.record(text, text).meta({ description: 'Model to the sha256 of its file.' }),
  jail: text,
}).meta({ id: 'Evidence' })
export type EvidenceResource = z.infer<typeof evidence>
