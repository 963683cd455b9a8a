import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import type { Backends } from '../../src/backends/backends.ts'
import type { Characters } from '../../src/characters/characters.ts'
import { AppError } from '../../src/domain/errors.ts'
import { newVideoId } from '../../src/domain/identifier.ts'
import type { CastMember, Segment } from '../../src/domain/shot.ts'
import { contentTypeOf, type StoredFile } from '../../src/domain/stored-file.ts'
import type { Verification } from '../../src/domain/verification.ts'
import type { Video, VideoState } from '../../src/domain/video.ts'
import type { Variant, VideoPage, VideoListRequest, VideoPlan, VideoRequest, Videos } from '../../src/videos/videos.ts'

export interface MemoryVideos extends Videos {
  /** Every request `submit` took, in order. */
  readonly submitted: readonly VideoRequest[]
  /** Puts a video there with what the test is about. */
  plant(facts?: Partial<Video>): Video
  /** What has come of one. */
  move(id: string, state: VideoState): void
  /** Verifying waits until its caller gives up. */
  stall(): void
}

const FILES: Readonly<Record<Variant, string>> = { video: 'video.mp4', thumbnail: 'thumbnail.webp', spritesheet: 'spritesheet.jpg' }
const BYTES = Buffer.from('0123456789'.repeat(100))
const FILE: Omit<StoredFile, 'name' | 'key'> = { bytes: BYTES.length, sha256: createHash('sha256').update(BYTES).digest('hex') }
const MOST_NAMES = 64

export const finished = (): VideoState =>
  ({ at: 'completed', completedAtMs: 1_795_392_009_000, files: Object.values(FILES).map((name) => ({ name, key: `video_1/1/${name}`, ...FILE })), width: 720, height: 1280, durationMs: 4000 })

/** Videos that nobody makes: for tests of what is in front of them. Mentions are words after `@`. */
export function memoryVideos({ characters, backends }: { readonly characters: Characters; readonly backends: Backends }): MemoryVideos {
  const kept = new Map<string, Video>()
  const retries = new Map<string, Video>()
  const submitted: VideoRequest[] = []
  let isStalled = false

  const mine = (account: string, id: string, param?: string): Video => {
    const video = kept.get(id)
    if (video?.account !== account) throw new AppError('video_not_found', { param })
    return video
  }
  const castOf = async ({ account, prompt, characters: listed }: VideoRequest): Promise<readonly CastMember[]> => {
    const names = [...new Set([...Array.from(prompt.matchAll(/@(\w+)/g), ([, name]) => name), ...listed])]
    if (names.length > MOST_NAMES) throw new AppError('too_many_characters', { param: 'prompt', details: { where: 'request', limit: MOST_NAMES, asked: names.length } })
    return Promise.all(names.map((name) => memberOf(account, name, { characters, param: listed.includes(name) ? 'characters' : 'prompt' })))
  }
  const check = async (request: VideoRequest): Promise<VideoPlan> => {
    if (request.prompt === '') throw new AppError('missing_required_parameter', { param: 'prompt' })
    const { routes: [{ backend, model: { id: model, capabilities } }], isSubstituted } = backends.route(request.model)
    if (request.from !== null) done(mine(request.account, request.from.id, 'video'), 'video')
    if (request.from !== null && request.from.how !== 'remix' && !capabilities.operations.includes(request.from.how)) throw new AppError('operation_unsupported', { details: { what: backend.name, operation: request.from.how, known: backends.thatCan(request.from.how) } })
    const size = request.size ?? (request.orientation === 'landscape' ? '1280x720' : capabilities.sizes[0])
    if (!capabilities.sizes.includes(size)) throw new AppError('invalid_parameter', { param: 'size', details: { reason: `${backend.name} does not make it`, allowed: capabilities.sizes.join(', ') } })
    const cast = await castOf(request)
    const asked = cast.length + request.pending.length
    if (asked > capabilities.maxCharacters) throw new AppError('too_many_characters', { param: 'prompt', details: { what: backend.name, limit: capabilities.maxCharacters, asked } })
    const warnings = isSubstituted ? [{ code: 'model_substituted', message: `${String(request.model)} is not here: ${model} makes it.` } as const] : []
    const segments = segmentsOf(request.prompt, cast)
    const pictures = request.pictures.map((_, picture) => ({ kind: 'image', n: cast.length + picture + 1, of: 'picture', picture } as const))
    return {
      backend: backend.name, model, capabilities, warnings,
      prompt: { segments, cast, characters: cast.map(({ id, username, revision }, index) => ({ id, username, revision, mentions: segments.flatMap((part) => ('cast' in part && part.cast === index ? [[part.start, part.end] as const] : [])) })), nearMisses: [], warnings: [], isChinese: false },
      rendered: {
        prompt: segments.map((part) => ('text' in part ? part.text : `image ${part.cast + 1}`)).join(''), firstFrame: null, size, seconds: request.seconds ?? 4, seed: request.seed, negativePrompt: request.negativePrompt, warnings: [],
        references: [...cast.map(({ id, media }, index) => ({ kind: 'image', n: index + 1, of: 'character', cast: index, character: id, file: media.portrait, form: 'as-is' } as const)), ...pictures],
      },
    }
  }
  // Whatever comes of it, the files are the video service's.
  const plan = (request: VideoRequest): Promise<VideoPlan> => check(request).finally(() => discard(request))
  const submit = async (request: VideoRequest): Promise<Video> => {
    const same = JSON.stringify({ ...request, isRetry: false, traceId: null, pictures: request.pictures.map((picture) => ('path' in picture ? picture.sha256 : picture.url)) })
    const earlier = request.isRetry ? retries.get(same) : undefined
    const { backend, model, prompt, rendered, warnings } = await plan(request)
    submitted.push(request)
    if (earlier) return earlier
    const waited = request.pending.map((id) => ({ id, username: null, revision: 1, mentions: [] }))
    const from = request.from === null ? null : mine(request.account, request.from.id)
    const video = aVideo({ account: request.account, backend, model, prompt: request.prompt, size: rendered.size, seconds: rendered.seconds, characters: [...prompt.characters, ...waited], warnings, remixedFrom: from?.id ?? null })
    kept.set(video.id, video)
    retries.set(same, video)
    return video
  }

  return {
    submitted, plan, submit,
    plant: (facts = {}) => {
      const video = aVideo(facts)
      kept.set(video.id, video)
      return video
    },
    move: (id, state) => { kept.set(id, { ...mine(kept.get(id)?.account ?? '', id), state }) },
    stall: () => { isStalled = true },
    find: async (account, id) => mine(account, id),
    list: async (account, request) => pageOf([...kept.values()].filter((video) => video.account === account), request),
    remove: async (account, id) => {
      const video = mine(account, id)
      kept.delete(id)
      return video.id
    },
    openContent: async (account, id, variant) => {
      const file = done(mine(account, id)).files.find(({ name }) => name === FILES[variant])
      if (file === undefined) throw new AppError('not_found')
      return { contentType: contentTypeOf(file.name), bytes: file.bytes, sha256: file.sha256, read: async ({ start, end } = { start: 0, end: BYTES.length }) => chunks(BYTES.subarray(start, end)) }
    },
    fileOf: async (account, id, param) => {
      const video = mine(account, id, param)
      return { id: video.id, file: done(video, param).files[0] }
    },
    verify: async (account, id, { signal }) => {
      const video = mine(account, id)
      done(video)
      if (isStalled) await new Promise<never>((_, reject) => { signal.addEventListener('abort', () => reject(signal.reason)) })
      const verification: Verification = {
        characters: video.characters.map(({ id, username }) => ({ id, username: username ?? '', score: 0.71, verdict: 'same', frames: [{ seconds: 1 / 3, score: 0.710_04, box: [0.1, 0.2, 0.4, 0.8] }, { seconds: 1, score: null, box: null }] })),
        models: ['dlib-face'], atMs: 1_795_392_010_000,
      }
      kept.set(id, { ...video, verification })
      return verification
    },
    resume: async () => {},
    drain: async () => {},
  }
}

function done({ state }: Video, param?: string): Extract<VideoState, { at: 'completed' }> {
  if (state.at === 'completed') return state
  throw new AppError(state.at === 'failed' ? 'video_failed' : 'video_not_ready', { param })
}

async function discard({ pictures }: VideoRequest): Promise<void> {
  for (const picture of pictures) if (picture.type === 'upload') await rm(picture.path)
}

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> { yield bytes }

async function memberOf(account: string, name: string, { characters, param }: { readonly characters: Characters; readonly param: string }): Promise<CastMember> {
  const state = await characters.find(account, name).catch(() => null)
  if (state === null) throw new AppError('character_not_found', { param, details: { where: 'prompt', names: [name], unknown: [name] } })
  if (state.at !== 'completed') throw new AppError('character_not_ready', { param })
  const { id, username, kind, revision, description } = state.character
  return { id, username, kind, revision, description, media: { portrait: { name: 'portrait.webp', key: `${id}/1/portrait.webp`, ...FILE }, cutout: null, references: [], clip: { name: 'clip.mp4', key: `${id}/1/clip.mp4`, ...FILE }, voice: null } }
}

function segmentsOf(prompt: string, cast: readonly CastMember[]): readonly Segment[] {
  let start = 0
  return prompt.split(/(@\w+)/).filter((part) => part !== '').map((part): Segment => {
    const end = start + part.length
    const index = cast.findIndex(({ id, username }) => part === `@${username}` || part === `@${id}`)
    const segment = part.startsWith('@') && index >= 0 ? { cast: index, start, end } : { text: part, start, end }
    start = end
    return segment
  })
}

function pageOf(videos: readonly Video[], { limit, order, after, status }: VideoListRequest): VideoPage {
  const fitting = videos.filter(({ state }) => status === undefined || state.at === status)
  const sorted = order === 'asc' ? fitting : fitting.toReversed()
  const rest = sorted.slice(after === undefined ? 0 : sorted.findIndex(({ id }) => id === after) + 1)
  return { videos: rest.slice(0, limit), hasMore: rest.length > limit }
}

const aVideo = (facts: Partial<Video>): Video => ({
  id: newVideoId(), account: 'local', backend: 'animatic', model: 'animatic-1', prompt: 'a quiet street', compiledPrompt: null, size: '720x1280', seconds: 4, characters: [], warnings: [],
  remixedFrom: null, state: { at: 'queued' }, verification: null, createdAtMs: 1_795_392_000_000, ...facts,
})
