import type { Capabilities } from '../domain/capabilities.ts'

const LANDSCAPE_480 = '832x480'
const PORTRAIT_480 = '480x832'
const LANDSCAPE_720 = '1280x720'
const PORTRAIT_720 = '720x1280'

/** Wan 2.1 VACE, reference to video: the first picture is all it looks at, best on a white canvas; words, not labels, say who it is. */
const WAN_VACE = {
  maxCharacters: 1,
  maxReferences: 1,
  perCharacter: 1,
  kinds: { image: { max: 1, mimes: ['image/png'] } },
  prefer: 'image',
  imageForm: 'white',
  label: 'describe',
  hasPreamble: false,
  firstFrame: 'none',
  seconds: { min: 1, max: 5 },
  // Its text encoder reads 512 tokens and drops the rest without a word; a token is about four letters.
  promptMax: 2000,
  faces: 'ok',
  hasSeed: true,
  hasNegativePrompt: true,
  operations: [],
  licence: 'Apache-2.0',
} as const satisfies Partial<Capabilities>

/** Open models that backends of several kinds serve. */
export const KNOWN_MODELS = {
  'wan2.1-vace-1.3b': { ...WAN_VACE, sizes: [LANDSCAPE_480, PORTRAIT_480] },
  'wan2.1-vace-14b': { ...WAN_VACE, sizes: [LANDSCAPE_480, PORTRAIT_480, LANDSCAPE_720, PORTRAIT_720] },
  'minimax-h3': {
    maxCharacters: 9,
    maxReferences: 12,
    perCharacter: 3,
    kinds: {
      image: { max: 9, mimes: ['image/png', 'image/jpeg', 'image/webp'], maxBytes: 30 * 1024 * 1024 },
      video: { max: 3, mimes: ['video/mp4', 'video/quicktime'] },
      audio: { max: 3, mimes: ['audio/wav', 'audio/mpeg'] },
    },
    prefer: 'image',
    imageForm: 'as-is',
    label: 'tag',
    hasPreamble: true,
    firstFrame: 'none',
    // Its short edge is always 768.
    sizes: ['1344x768', '768x1344'],
    seconds: { min: 4, max: 15 },
    promptMax: 32_000,
    faces: 'ok',
    hasSeed: true,
    hasNegativePrompt: true,
    operations: [],
    licence: 'MiniMax-H3, its own licence: not for the EU, the UK, South Korea and the USA; commercial use is free below a revenue it names.',
  },
} as const satisfies Readonly<Record<string, Capabilities>>

export const KNOWN_MODEL_NAMES = ['wan2.1-vace-1.3b', 'wan2.1-vace-14b', 'minimax-h3'] as const satisfies readonly (keyof typeof KNOWN_MODELS)[]
