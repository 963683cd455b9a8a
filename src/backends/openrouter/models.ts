import type { Capabilities } from '../../domain/capabilities.ts'

/** Nothing published says what a model there does with references: this is from the papers of those who make the models. Operators correct it in their settings. */
const PICTURES = { mimes: ['image/jpeg', 'image/png', 'image/webp'], maxBytes: 10 * 1024 * 1024 } as const

/** What is taken for granted of a model that is not known: pictures are sent, the words describe, and the vendor refuses what it cannot make. */
export const UNKNOWN_MODEL: Capabilities = {
  maxCharacters: 3,
  maxReferences: 3,
  perCharacter: 1,
  kinds: { image: { max: 3, ...PICTURES } },
  prefer: 'image',
  imageForm: 'as-is',
  label: 'describe',
  hasPreamble: false,
  firstFrame: 'alone',
  sizes: ['720x1280', '1280x720'],
  seconds: { min: 1, max: 20 },
  promptMax: 2000,
  faces: 'ok',
  hasSeed: true,
  hasNegativePrompt: false,
  operations: [],
}

const SEEDANCE_2: Capabilities = {
  ...UNKNOWN_MODEL,
  maxCharacters: 9,
  maxReferences: 12,
  perCharacter: 3,
  kinds: { image: { max: 9, ...PICTURES }, video: { max: 3, mimes: ['video/mp4'] }, audio: { max: 3, mimes: ['audio/wav'] } },
  label: 'ordinal',
  sizes: ['720x1280', '1280x720', '720x720'],
  seconds: { min: 4, max: 15 },
  // Real people only through the vendor's own library, after a check of their faces.
  faces: 'refused',
}

const VEO_3_1: Capabilities = { ...UNKNOWN_MODEL, maxCharacters: 1, perCharacter: 3, sizes: ['720x1280', '1280x720', '1080x1920', '1920x1080'], seconds: [8], promptMax: 4000 }

const GROK: Capabilities = { ...UNKNOWN_MODEL, maxCharacters: 7, maxReferences: 7, perCharacter: 3, kinds: { image: { max: 7, ...PICTURES } }, label: 'bracket', seconds: { min: 1, max: 10 }, hasSeed: false }

const WAN_2_7: Capabilities = {
  ...UNKNOWN_MODEL, maxCharacters: 5, maxReferences: 5, perCharacter: 3, kinds: { image: { max: 5, ...PICTURES } }, label: 'ordinal', firstFrame: 'with references',
  sizes: ['720x1280', '1280x720', '960x960', '1080x1920', '1920x1080', '1440x1440'], seconds: { min: 2, max: 10 }, promptMax: 800,
}

export const OPENROUTER_MODELS: ReadonlyMap<string, Capabilities> = new Map([
  ['bytedance/seedance-2.0', SEEDANCE_2],
  ['bytedance/seedance-2.0-fast', SEEDANCE_2],
  ['alibaba/wan-2.7', WAN_2_7],
  ['google/veo-3.1', VEO_3_1],
  ['google/veo-3.1-fast', VEO_3_1],
  ['x-ai/grok-imagine-video', GROK],
  ['x-ai/grok-imagine-video-1.5', GROK],
])
