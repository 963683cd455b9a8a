import type { LabelStyle } from './label-styles.ts'

export const MEDIA_KINDS = ['image', 'video', 'audio'] as const
export type MediaKind = (typeof MEDIA_KINDS)[number]

/** What a backend takes of one kind of reference. */
export interface KindLimits {
  /** Of this kind in one video. */
  readonly max: number
  /** The first is what others are turned into. */
  readonly mimes: readonly string[]
  readonly maxBytes?: number
}

/**
 * How a character's pictures are sent: as they are; cut out of their background where that was possible;
 * or cut out on a white canvas of the video's shape.
 */
export type ImageForm = 'as-is' | 'cutout' | 'white'

/** What may be done with a finished video besides a remix, which is a new one. */
export type VideoOperation = 'edit' | 'extend'

/** What one model of a backend can do, as data: callers read it and never ask which backend it is. */
export interface Capabilities {
  readonly maxCharacters: number
  /** Of all kinds together. */
  readonly maxReferences: number
  /** Pictures for each character, at most. */
  readonly perCharacter: number
  /** A kind that is absent is not taken. */
  readonly kinds: Partial<Readonly<Record<MediaKind, KindLimits>>>
  readonly prefer: 'image' | 'clip'
  readonly imageForm: ImageForm
  readonly label: LabelStyle
  /** The prompt begins with which references show which subject. */
  readonly hasPreamble: boolean
  /** Whether a first frame can be given, and whether references may go beside it. */
  readonly firstFrame: 'none' | 'alone' | 'with references'
  /** `WIDTHxHEIGHT`; the first is the default where 720x1280 is not among them. */
  readonly sizes: readonly string[]
  /** The lengths it makes, in seconds: a range of whole ones, or a list. */
  readonly seconds: { readonly min: number; readonly max: number } | readonly number[]
  /** Code points, once the mentions are written out. */
  readonly promptMax: number
  readonly faces: 'ok' | 'refused'
  readonly hasSeed: boolean
  readonly hasNegativePrompt: boolean
  readonly operations: readonly VideoOperation[]
  /** Of the weights, where an operator should know. */
  readonly licence?: string
}
