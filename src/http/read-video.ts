import type { FastifyRequest } from 'fastify'
import type { CreateRequest } from '../characters/requests.ts'
import { AppError } from '../domain/errors.ts'
import { parseTimeWindow } from '../domain/window.ts'
import type { PictureRequest, VideoRequest } from '../videos/videos.ts'
import { accountOf } from './hooks.ts'
import { finishedVideo, NO_OPTIONS, type SourceReading } from './read-create.ts'
import type { ShotBody, VideoBody } from './schemas/video.ts'
import { MOST_PICTURE_BYTES, storeDataUri, type StoredUpload } from './uploads.ts'

/** What a body says of a video: without pictures, and without what it is made from. */
export function readShot(body: ShotBody, request: FastifyRequest): VideoRequest {
  return {
    account: accountOf(request),
    prompt: body.prompt,
    model: body.model ?? null,
    size: body.size ?? null, orientation: null, seconds: body.seconds ?? null,
    characters: (body.characters ?? []).map((name) => name.trim().replace(/^[@＠﹫]/, '')),
    pending: [], pictures: [],
    seed: body.seed ?? null, negativePrompt: body.negative_prompt ?? null,
    unknownMentions: body.unknown_mentions ?? 'error',
    from: null,
    isRetry: isRetry(request),
    traceId: request.id, idempotencyKey: request.idempotencyKey,
  }
}

/** The same where the relays' keys may stand for the official ones; its pictures are read by {@link readPictures}. */
export function readVideo(body: VideoBody, request: FastifyRequest): VideoRequest {
  const shot = readShot(body, request)
  return { ...shot, seconds: shot.seconds ?? body.duration ?? null, orientation: body.orientation ?? null }
}

/** The reference first. Rejects with `invalid_url`, `url_not_allowed`, `invalid_parameter`, `request_too_large`. */
export async function readPictures(body: VideoBody, request: FastifyRequest, reading: SourceReading): Promise<readonly PictureRequest[]> {
  const named = [
    ...(body.input_reference ? [{ param: 'input_reference', picture: body.input_reference }] : []),
    ...(body.images ?? []).map((picture, index) => ({ param: `images.${index}`, picture })),
  ]
  const pictures: PictureRequest[] = []
  for (const { param, picture } of named) pictures.push(await about(param, () => readPicture(picture, param, request, reading)))
  return pictures
}

async function readPicture(picture: StoredUpload | string, param: string, request: FastifyRequest, { parseSourceUrl, scratchFolder }: SourceReading): Promise<PictureRequest> {
  if (typeof picture === 'string' && !/^data:/i.test(picture)) return { type: 'url', url: parseSourceUrl(picture) }
  const { path, sha256 } = typeof picture === 'string'
    ? await storeDataUri(request, picture, scratchFolder, { param, example: 'data:image/png;base64,AAAA…', maxBytes: MOST_PICTURE_BYTES })
    : picture
  return { type: 'upload', path, sha256 }
}

/** The character that is to be made first for a video, as relays had it; null where none is asked for. */
export async function readInlineCharacter({ character_url, character_timestamps, character_from_task }: VideoBody, request: FastifyRequest, reading: SourceReading): Promise<CreateRequest | null> {
  if (!character_url && !character_from_task) return null
  const hasWindow = character_timestamps !== undefined && character_timestamps !== null
  const window = hasWindow ? await about('character_timestamps', () => parseTimeWindow(character_timestamps)) : null
  const source = character_from_task
    ? await about('character_from_task', () => finishedVideo(character_from_task, character_url ?? null, request, reading))
    : { type: 'url', url: await about('character_url', () => reading.parseSourceUrl(character_url ?? '')) } as const
  return { account: accountOf(request), source, window, options: NO_OPTIONS, isForced: false, traceId: request.id, idempotencyKey: null }
}

/** What is refused is named as this body calls it. */
async function about<T>(param: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof AppError) || error.param === null) throw error
    throw new AppError(error.code, { param, details: error.details, cause: error })
  }
}

const isRetry = ({ headers }: FastifyRequest): boolean => /^[1-9]\d{0,3}$/.test(String(headers['x-stainless-retry-count'] ?? ''))
