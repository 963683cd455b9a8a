import { z } from 'zod'
import { KINDS } from '../../domain/character.ts'
import { MEDIA_KINDS } from '../../domain/capabilities.ts'
import { secondsMade } from './backend.ts'
import { characterId, SHOT, warning } from './video.ts'

/** Strict, as the native door is; the rest is checked as a new video would be. */
export const promptBody = z.strictObject({
  ...SHOT,
  backend: z.string().min(1).max(200).nullish().meta({ description: 'The same as model.', examples: ['animatic'] }),
}).meta({ id: 'PromptResolve' })

const text = z.string()
const span = { start: z.int(), end: z.int() }

export const prompt = z.strictObject({
  object: z.literal('prompt'),
  segments: z.array(z.union([z.strictObject({ text, ...span }), z.strictObject({ character: characterId, username: text, ...span })]))
    .meta({ description: 'They tile the prompt: [start, end) in UTF-16 code units. Texts have their escapes taken out.' }),
  cast: z.array(z.strictObject({ id: characterId, username: text, kind: z.enum(KINDS), revision: z.int() })).meta({ description: 'By first mention; who is only listed comes last.' }),
  near_misses: z.array(z.strictObject({ start: z.int(), text, reason: text })),
  compiled: z.strictObject({
    backend: text, model: text, prompt: text, size: text, seconds: z.number(),
    references: z.array(z.strictObject({ kind: z.enum(MEDIA_KINDS), n: z.int().min(1), character: characterId.nullable(), url: text.nullable() })),
  }).meta({ description: 'As the backend would be sent it.' }),
  warnings: z.array(warning),
  limits: z.strictObject({ characters: z.int(), prompt: z.int(), references: z.int(), sizes: z.array(text), seconds: secondsMade }).meta({ description: 'Of the model that would make it.' }),
}).meta({ id: 'ResolvedPrompt', description: 'What POST /v1/videos would do; nothing is kept.' })
export type PromptResource = z.infer<typeof prompt>
