import type { Capabilities } from '../../domain/capabilities.ts'

/** How a size is asked for: packages turn a few frame sizes into tiers, and drop the others with a warning. */
export interface Shape { readonly resolution: `${number}x${number}`; readonly aspectRatio?: `${number}:${number}` }

export interface TestedModel {
  readonly capabilities: Capabilities
  readonly shapes: Readonly<Record<string, Shape>>
}

const PICTURES = { mimes: ['image/jpeg', 'image/png', 'image/webp'], maxBytes: 10 * 1024 * 1024 } as const

const BASE = {
  prefer: 'image', imageForm: 'as-is', hasPreamble: false, faces: 'ok', operations: [],
} as const satisfies Partial<Capabilities>

/** The sizes come from the shapes, the first one first. */
const tested = (shapes: Readonly<Record<string, Shape>>, capabilities: Omit<Capabilities, 'sizes' | keyof typeof BASE>): TestedModel =>
  ({ shapes, capabilities: { ...BASE, sizes: Object.keys(shapes), ...capabilities } })

/** Those whose ratio the package finds by itself. */
const WAN_SHAPES: Readonly<Record<string, Shape>> = {
  '720x1280': { resolution: '720x1280' }, '1280x720': { resolution: '1280x720' }, '960x960': { resolution: '960x960' },
  '1080x1920': { resolution: '1080x1920' }, '1920x1080': { resolution: '1920x1080' }, '1440x1440': { resolution: '1440x1440' },
}

/** The package sends pictures as data, videos by address only: so no videos. */
export const WAN_2_7 = tested(WAN_SHAPES, {
  maxCharacters: 5, maxReferences: 5, perCharacter: 3, kinds: { image: { max: 5, ...PICTURES } }, label: 'ordinal', firstFrame: 'with references',
  seconds: { min: 2, max: 15 }, promptMax: 800, hasSeed: true, hasNegativePrompt: true,
})

export const WAN_3 = tested(WAN_SHAPES, {
  maxCharacters: 10, maxReferences: 10, perCharacter: 3, kinds: { image: { max: 10, ...PICTURES } }, label: 'ordinal', firstFrame: 'with references',
  seconds: { min: 2, max: 15 }, promptMax: 20_000, hasSeed: true, hasNegativePrompt: true,
})

/** Its references all show one subject. The package knows landscape sizes alone; the ratio turns them. */
export const VEO_3_1 = tested({
  '720x1280': { resolution: '1280x720', aspectRatio: '9:16' }, '1280x720': { resolution: '1280x720', aspectRatio: '16:9' },
  '1080x1920': { resolution: '1920x1080', aspectRatio: '9:16' }, '1920x1080': { resolution: '1920x1080', aspectRatio: '16:9' },
}, {
  maxCharacters: 1, maxReferences: 3, perCharacter: 3, kinds: { image: { max: 3, mimes: ['image/png', 'image/jpeg'], maxBytes: 10 * 1024 * 1024 } }, label: 'describe', firstFrame: 'alone',
  seconds: [8], promptMax: 4000, hasSeed: true, hasNegativePrompt: true,
})

/** Sound goes by address only. */
export const MINIMAX_H3 = tested({
  '768x1366': { resolution: '768x1366', aspectRatio: '9:16' }, '1366x768': { resolution: '1366x768', aspectRatio: '16:9' }, '768x768': { resolution: '768x768', aspectRatio: '1:1' },
  '768x1024': { resolution: '768x1024', aspectRatio: '3:4' }, '1024x768': { resolution: '1024x768', aspectRatio: '4:3' },
  '1440x2560': { resolution: '1440x2560', aspectRatio: '9:16' }, '2560x1440': { resolution: '2560x1440', aspectRatio: '16:9' }, '2048x2048': { resolution: '2048x2048', aspectRatio: '1:1' },
}, {
  maxCharacters: 9, maxReferences: 12, perCharacter: 3, kinds: { image: { max: 9, ...PICTURES }, video: { max: 3, mimes: ['video/mp4'] } }, label: 'ordinal', firstFrame: 'alone',
  seconds: { min: 4, max: 15 }, promptMax: 2000, hasSeed: false, hasNegativePrompt: false,
})

/** 720p is the most with references. */
export const GROK = tested({
  '720x1280': { resolution: '1280x720', aspectRatio: '9:16' }, '1280x720': { resolution: '1280x720', aspectRatio: '16:9' }, '720x720': { resolution: '1280x720', aspectRatio: '1:1' },
  '480x854': { resolution: '854x480', aspectRatio: '9:16' }, '854x480': { resolution: '854x480', aspectRatio: '16:9' },
}, {
  maxCharacters: 7, maxReferences: 7, perCharacter: 3, kinds: { image: { max: 7, ...PICTURES } }, label: 'bracket', firstFrame: 'alone',
  seconds: { min: 1, max: 10 }, promptMax: 4000, hasSeed: false, hasNegativePrompt: false,
})
