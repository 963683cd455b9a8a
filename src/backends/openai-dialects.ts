import type { Capabilities } from '../domain/capabilities.ts'
import type { KNOWN_MODELS } from './known-models.ts'

/** How one family of servers differs from the others behind `POST /videos`. */
export interface Dialect {
  /** Of a model nobody said anything about. */
  readonly defaults: Capabilities
  /** The field that carries several files; null where one `input_reference` is all it takes. */
  readonly several: string | null
  /** How a request without files is sent. */
  readonly withoutFiles: 'multipart' | 'json'
  /** The field for parameters of the model's own; null where there is none. */
  readonly extra: string | null
  /** What known models must be told there. */
  readonly extraOf: Partial<Readonly<Record<keyof typeof KNOWN_MODELS, Readonly<Record<string, string>>>>>
  /** It serves what its list of models says, and refuses others. */
  readonly isStrictAboutModels: boolean
}

const ONE_PICTURE = {
  maxCharacters: 1,
  maxReferences: 1,
  perCharacter: 1,
  kinds: { image: { max: 1, mimes: ['image/png', 'image/jpeg'] } },
  prefer: 'image',
  imageForm: 'as-is',
  label: 'describe',
  hasPreamble: false,
  firstFrame: 'alone',
  promptMax: 32_000,
  faces: 'ok',
  operations: [],
} as const satisfies Partial<Capabilities>

const OPEN_WEIGHTS: Capabilities = {
  ...ONE_PICTURE, sizes: ['832x480', '480x832', '1280x720', '720x1280'], seconds: { min: 1, max: 5 }, hasSeed: true, hasNegativePrompt: true,
}

/** The field for a single file, everywhere. */
export const ONE_FILE = 'input_reference'

export const DIALECTS = {
  // A model without mixed references reads `input_references` as videos: one file always goes as `input_reference`.
  'vllm-omni': {
    defaults: OPEN_WEIGHTS, several: 'input_references', withoutFiles: 'multipart', extra: 'extra_params', extraOf: { 'minimax-h3': { task: 'ref2va' } }, isStrictAboutModels: true,
  },
  // Older ones refuse multipart without a file.
  sglang: { defaults: OPEN_WEIGHTS, several: null, withoutFiles: 'json', extra: 'extra_body', extraOf: {}, isStrictAboutModels: false },
  generic: {
    defaults: { ...ONE_PICTURE, sizes: ['720x1280', '1280x720', '1024x1792', '1792x1024'], seconds: [4, 8, 12], hasSeed: false, hasNegativePrompt: false },
    several: null, withoutFiles: 'multipart', extra: null, extraOf: {}, isStrictAboutModels: false,
  },
} as const satisfies Readonly<Record<string, Dialect>>

export const DIALECT_NAMES = ['vllm-omni', 'sglang', 'generic'] as const satisfies readonly (keyof typeof DIALECTS)[]
