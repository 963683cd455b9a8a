import type { Character, Step } from './character.ts'
import type { AppError } from './errors.ts'
import type { CharacterId, VideoId } from './identifier.ts'
import type { Video } from './video.ts'

/** Types that webhooks may ask for; streams carry the others too. */
export const WEBHOOK_EVENT_TYPES = [
  'character.completed', 'character.failed', 'character.updated', 'character.deleted', 'character.restored',
  'video.completed', 'video.failed', 'video.deleted',
] as const
export type WebhookEventType = (typeof WEBHOOK_EVENT_TYPES)[number]

interface OfCharacter { readonly account: string; readonly id: CharacterId }
interface OfVideo { readonly account: string; readonly id: VideoId }

/** Something that happened to a character or a video. */
export type Happening =
  | OfCharacter & { readonly type: 'character.queued' | 'character.deleted' }
  | OfCharacter & { readonly type: 'character.progress'; readonly step: Step; readonly progress: number; readonly elapsedMs: number }
  | OfCharacter & { readonly type: 'character.completed' | 'character.updated' | 'character.restored'; readonly character: Character }
  | OfCharacter & { readonly type: 'character.failed'; readonly error: AppError }
  | OfVideo & { readonly type: 'video.queued' | 'video.deleted' }
  | OfVideo & { readonly type: 'video.progress'; readonly progress: number; readonly elapsedMs: number }
  | OfVideo & { readonly type: 'video.completed' | 'video.failed'; readonly video: Video }
export type EventType = Happening['type']
