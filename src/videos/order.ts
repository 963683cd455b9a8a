import type { CharacterId } from '../domain/identifier.ts'
import type { Segment, VideoWarning } from '../domain/shot.ts'
import type { VideoRow } from '../db/video-rows.ts'

/** A picture of the caller's: at an address, or among the objects of the video. */
export type OrderedPicture = { readonly type: 'url'; readonly url: string } | { readonly type: 'kept'; readonly name: string; readonly bytes: number }

/** What was asked for, once it is clear what that means: all that is needed to make the video when its turn comes. */
export interface VideoOrder {
  readonly segments: readonly Segment[]
  readonly isChinese: boolean
  /** The segments point into it. */
  readonly cast: readonly CharacterId[]
  /** Characters that are still made and come behind the cast. */
  readonly pending: readonly CharacterId[]
  readonly pictures: readonly OrderedPicture[]
  readonly size: string
  readonly seconds: number
  readonly seed: number | null
  readonly negativePrompt: string | null
  /** Besides those of the rendering. */
  readonly warnings: readonly VideoWarning[]
  /** First choice first. */
  readonly routes: readonly { readonly backend: string; readonly model: string }[]
}

// What is read here was written here.
export const writeOrder = (order: VideoOrder): string => JSON.stringify(order)
export const readOrder = ({ request }: Pick<VideoRow, 'request'>): VideoOrder => JSON.parse(request) as VideoOrder
