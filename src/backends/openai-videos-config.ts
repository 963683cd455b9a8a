import { z } from 'zod'
import type { Capabilities } from '../domain/capabilities.ts'
import { KNOWN_MODEL_NAMES, KNOWN_MODELS } from './known-models.ts'
import { DIALECT_NAMES, DIALECTS, type Dialect } from './openai-dialects.ts'
import { capabilitiesConfig, modelId, serviceFields } from './service-config.ts'

/** What a shot says. */
const OWN_FIELDS: ReadonlySet<string> = new Set(['model', 'prompt', 'seconds', 'size', 'seed', 'negative_prompt', 'extra_params', 'extra_body', 'input_reference', 'input_references'])
const fieldName = z.string().regex(/^\w{1,100}$/, 'must be the name of a field').refine((name) => !OWN_FIELDS.has(name), 'is filled in for each video')

const model = z.strictObject({
  id: modelId,
  /** What the service calls it. */
  servedAs: modelId.optional(),
  preset: z.enum(KNOWN_MODEL_NAMES).optional(),
  capabilities: capabilitiesConfig.default({}),
  /** Parameters of the model's own: `extra_params` of vLLM-Omni, `extra_body` of SGLang. */
  extra: z.record(z.string(), z.json()).optional(),
  /** Sent along as they are: `num_inference_steps`, `fps`. */
  fields: z.record(fieldName, z.union([z.string(), z.number(), z.boolean()])).default({}),
})
export type OpenAiModelConfig = Readonly<z.output<typeof model>>

/** Servers behind `POST /videos`. `url` is what OpenAI's clients call the base URL: it ends in `/v1`. */
export const openaiVideosConfig = z.strictObject({
  ...serviceFields,
  kind: z.literal('openai-videos'),
  dialect: z.enum(DIALECT_NAMES).default('generic'),
  models: z.array(model).min(1),
}).superRefine(({ dialect, models }, context) => {
  const say = (path: readonly (string | number)[], message: string): void => { context.addIssue({ code: 'custom', path: ['models', ...path], message }) }
  for (const [at, { extra, capabilities }] of models.entries()) {
    if (extra !== undefined && DIALECTS[dialect].extra === null) say([at, 'extra'], `${dialect} has no field for it`)
    if (DIALECTS[dialect].several === null && (capabilities.maxReferences ?? 1) > 1) say([at, 'capabilities', 'maxReferences'], `${dialect} carries one reference`)
    if (capabilities.firstFrame === 'with references') say([at, 'capabilities', 'firstFrame'], 'one request carries either a first frame or references')
  }
})
export type OpenAiVideosConfig = Readonly<z.output<typeof openaiVideosConfig>>

/** What the operator says goes before what is known of the model, and that before what is assumed of the dialect. */
export function capabilitiesOf({ preset, capabilities }: OpenAiModelConfig, dialect: Dialect): Capabilities {
  const known: Capabilities = preset === undefined ? dialect.defaults : KNOWN_MODELS[preset]
  return { ...(dialect.several === null ? withOnePicture(known) : known), ...capabilities }
}

function withOnePicture(known: Capabilities): Capabilities {
  const { image } = known.kinds
  return { ...known, maxCharacters: 1, maxReferences: 1, perCharacter: 1, kinds: { ...(image && { image: { ...image, max: 1 } }) } }
}
