import { z } from 'zod'

const text = z.string()
const kindLimits = z.strictObject({ max: z.int(), mimes: z.array(text), max_bytes: z.int().optional() })

export const secondsMade = z.union([z.strictObject({ min: z.number(), max: z.number() }), z.array(z.number())]).meta({ description: 'A range of whole seconds, or a list.' })

const capabilities = z.strictObject({
  max_characters: z.int(),
  max_references: z.int(),
  per_character: z.int(),
  kinds: z.strictObject({ image: kindLimits.optional(), video: kindLimits.optional(), audio: kindLimits.optional() }).meta({ description: 'A kind that is absent is not taken.' }),
  prefer: text,
  image_form: text,
  label: text,
  preamble: z.boolean(),
  first_frame: text,
  sizes: z.array(text),
  seconds: secondsMade,
  prompt_max: z.int().meta({ description: 'Characters, once the mentions are written out.' }),
  faces: text,
  seed: z.boolean(),
  negative_prompt: z.boolean(),
  operations: z.array(text),
  licence: text.nullable(),
}).meta({ id: 'Capabilities' })
export type CapabilitiesResource = z.infer<typeof capabilities>

export const backend = z.strictObject({
  object: z.literal('backend'),
  name: text,
  healthy: z.boolean(),
  says: text.meta({ description: 'What it says of itself, or why it cannot be used.' }),
  models: z.array(z.strictObject({ id: text, capabilities })).meta({ description: 'The first is the default.' }),
}).meta({ id: 'Backend' })
export type BackendResource = z.infer<typeof backend>

export const backendList = z.strictObject({ object: z.literal('list'), data: z.array(backend), first_id: text.nullable(), last_id: text.nullable(), has_more: z.literal(false) })
  .meta({ id: 'BackendList', description: 'In the order of the settings: the first makes what nothing else is asked for. Names are ids.' })

export const backendParams = z.object({ name: text })
