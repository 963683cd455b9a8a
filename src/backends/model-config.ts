import { z } from 'zod'
import { MEDIA_KINDS, type Capabilities } from '../domain/capabilities.ts'
import type { LabelStyle } from '../domain/label-styles.ts'
import type { BackendModel } from './backend.ts'

const count = z.int().min(0).max(1000)
const seconds = z.number().positive().max(3600)
const size = z.string().regex(/^[1-9]\d{1,4}x[1-9]\d{1,4}$/, 'must be like 1280x720')
const mime = z.string().regex(/^(?:image|video|audio)\/[a-z0-9.+-]+$/, 'must be like image/png')

const LABEL_STYLES = ['tag', 'ordinal', 'bracket', 'at', 'kling', 'character', 'imageRef0', 'subject', 'describe'] as const satisfies readonly LabelStyle[]

const kindLimits = z.strictObject({ max: count, mimes: z.array(mime).min(1), maxBytes: z.int().positive().optional() })

/** What an operator says of a model differently from what is known of it. A key replaces the known value whole. */
export const capabilitiesSchema = z.strictObject({
  maxCharacters: count,
  maxReferences: count,
  perCharacter: count,
  kinds: z.partialRecord(z.enum(MEDIA_KINDS), kindLimits),
  prefer: z.enum(['image', 'clip']),
  imageForm: z.enum(['as-is', 'cutout', 'white']),
  label: z.enum(LABEL_STYLES),
  hasPreamble: z.boolean(),
  firstFrame: z.enum(['none', 'alone', 'with references']),
  sizes: z.array(size).min(1),
  seconds: z.union([
    z.strictObject({ min: z.int().positive(), max: z.int().positive().max(3600) }).refine(({ min, max }) => min <= max),
    z.array(seconds).min(1),
  ], 'must be {"min": 2, "max": 10} or a list such as [4, 8]'),
  promptMax: z.int().positive(),
  faces: z.enum(['ok', 'refused']),
  hasSeed: z.boolean(),
  hasNegativePrompt: z.boolean(),
  operations: z.array(z.enum(['edit', 'extend'])),
  licence: z.string().min(1).max(300),
} satisfies Record<keyof Capabilities, z.ZodType>).partial()

/** A model that the operator offers. */
export const modelSchema = z.strictObject({ id: z.string().regex(/^[\x21-\x7e]{1,200}$/, 'must be the name of a model, without spaces'), capabilities: capabilitiesSchema.default({}) })
export type ModelConfig = z.infer<typeof modelSchema>

export const backendModel = ({ id, capabilities }: ModelConfig, known: Capabilities): BackendModel => ({ id, capabilities: { ...known, ...capabilities } })

/** Parts that configurations of several kinds share. */
export const nameSchema = z.string().regex(/^[a-z0-9][a-z0-9_-]{0,39}$/, 'must be 1 to 40 lower-case letters, digits, - and _, a letter or digit first')
export const keySchema = z.string().regex(/^[\x21-\x7e]{1,4096}$/, 'must be a key without spaces')
export const baseUrlSchema = z.url({ protocol: /^https?$/, error: 'must be like https://host/path' })
  .refine((text) => !/[?#]/.test(text) && !/^https?:\/\/[^/]*@/.test(text), 'must have no query, no fragment and no credentials')
  .transform((text) => text.replace(/\/+$/, ''))
