import type { Capabilities } from '../domain/capabilities.ts'
import type { CharacterId, VideoId } from '../domain/identifier.ts'
import type { RenderedShot, VideoWarning } from '../domain/shot.ts'
import type { StoredFile } from '../domain/stored-file.ts'
import type { Verification } from '../domain/verification.ts'
import type { Video, VideoState } from '../domain/video.ts'
import type { ByteRange } from '../objects/object-store.ts'
import type { ResolvedPrompt } from '../prompts/prompts.ts'

/** A picture of the caller's: at an address, or in a private file that the video service takes over and deletes. */
export type PictureRequest = { readonly type: 'url'; readonly url: string } | { readonly type: 'upload'; readonly path: string; readonly sha256: string }

export interface VideoRequest {
  readonly account: string
  readonly prompt: string
  readonly model: string | null
  /** `WIDTHxHEIGHT`; null: the backend's default, in the orientation asked for. */
  readonly size: string | null
  readonly orientation: 'portrait' | 'landscape' | null
  readonly seconds: number | null
  /** Ids, names or aliases that go along besides the mentioned. */
  readonly characters: readonly string[]
  /** Characters that came along with this request and may still be made: the video waits for them. */
  readonly pending: readonly CharacterId[]
  readonly pictures: readonly PictureRequest[]
  readonly seed: number | null
  readonly negativePrompt: string | null
  readonly unknownMentions: 'error' | 'text'
  /** What it is made from: its cast, and what is not said anew, is taken over. */
  readonly from: { readonly id: string; readonly how: 'remix' | 'edit' | 'extend' } | null
  /** The client says that it sends this again: an equal one of the last ten minutes is the answer, whatever has become of it. */
  readonly isRetry: boolean
  /** The request that asked for it, in every log. */
  readonly traceId: string | null
  /** Bound to the video in the transaction that writes its row. */
  readonly idempotencyKey: string | null
}

/** What a request would be, without making it. */
export interface VideoPlan {
  readonly backend: string
  readonly model: string
  readonly capabilities: Capabilities
  readonly prompt: ResolvedPrompt
  readonly rendered: RenderedShot
  /** All of them: of the prompt, of the rendering, of the routing. */
  readonly warnings: readonly VideoWarning[]
}

export interface VideoListRequest { /** 0..100. */ readonly limit: number; /** By creation. */ readonly order: 'asc' | 'desc'; readonly after?: VideoId; readonly status?: VideoState['at'] }
export interface VideoPage { readonly videos: readonly Video[]; readonly hasMore: boolean }

export const VARIANTS = ['video', 'thumbnail', 'spritesheet'] as const
export type Variant = (typeof VARIANTS)[number]

/** A stored file: its facts cost no reading. */
export interface VideoContent {
  readonly contentType: string
  readonly bytes: number
  /** Hex. */
  readonly sha256: string
  /** The range must lie within the file. Rejects with `storage_unavailable`. */
  read(range?: ByteRange): Promise<AsyncIterable<Uint8Array>>
}

/** What is not there or somebody else's is the same `video_not_found`. */
export interface Videos {
  /** The dry run: everything a submit checks but the queue, nothing kept; pictures that came as files are taken over here too. Rejects with the same, to the byte. */
  plan(request: VideoRequest): Promise<VideoPlan>
  /**
   * Resolves when the row is written; no backend is called before. Rejects with what {@link Prompts.resolve} rejects with, `model_not_found`, `too_many_characters`,
   * `prompt_too_long`, `invalid_parameter` (size, seconds), `faces_refused`, `reference_unsupported`, `request_too_large` (a picture), `operation_unsupported`, `video_not_found` (param `video`, but none for a remix: there it stands in the address),
   * `video_not_ready`, `video_failed`, `queue_full`, `shutting_down`.
   */
  submit(request: VideoRequest): Promise<Video>
  find(account: string, id: string): Promise<Video>
  list(account: string, request: VideoListRequest): Promise<VideoPage>
  /** Whatever state it is in: a running one is stopped and cancelled at its backend, what it holds is freed. */
  remove(account: string, id: string): Promise<VideoId>
  /** Rejects with `video_not_ready`, `video_failed`. */
  openContent(account: string, id: string, variant: Variant): Promise<VideoContent>
  /** The file of a finished video, to make a character of. `param` is named by the refusals: they are about a body. */
  fileOf(account: string, id: string, param: string): Promise<{ readonly id: VideoId; readonly file: StoredFile }>
  /** Looks at the finished video and keeps the result with it; who was deleted since is left out. Rejects with `video_not_ready`, `video_failed`, `lens_failed`, `media_*`, `queue_full`, or the signal's reason. */
  verify(account: string, id: string, options: { readonly signal: AbortSignal; readonly traceId: string | null }): Promise<Verification>
  /** Once, before the first request and after that of the characters: puts what was under way into the queue, and sees to it from then on. */
  resume(): Promise<void>
  /** No new work; what is not done within a grace is kept as it is, for another process or the next start. */
  drain(): Promise<void>
}
