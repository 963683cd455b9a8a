import type { FastifyRequest } from 'fastify'
import type { CreateOptions, SourceRequest } from '../characters/requests.ts'
import { AppError } from '../domain/errors.ts'
import { parseAlias, parseUsername } from '../domain/username.ts'
import { parseTimeWindow, type TimeWindow } from '../domain/window.ts'
import type { Videos } from '../videos/videos.ts'
import { accountOf } from './hooks.ts'
import type { CreateBody, DetectBody } from './schemas/create.ts'
import { phrase } from '../domain/phrase.ts'
import { storeDataUri } from './uploads.ts'

/** The window asked for; null where the service is to choose. */
export const windowOf = ({ timestamps }: DetectBody): TimeWindow | null =>
  (timestamps === undefined || timestamps === null ? null : parseTimeWindow(timestamps))

export interface SourceReading {
  readonly parseSourceUrl: (text: string) => string
  readonly scratchFolder: string
  readonly videos: Pick<Videos, 'fileOf'>
}

/** The one source of a body. Throws `missing_required_parameter` for none, `invalid_parameter` for two, and what its own form calls for. */
export async function sourceOf({ url, video, data, from_task }: DetectBody, request: FastifyRequest, { parseSourceUrl, scratchFolder, videos }: SourceReading): Promise<SourceRequest> {
  if (typeof from_task === 'string') return finishedVideo(from_task, url ?? null, request, { parseSourceUrl, videos })
  const given = Object.entries({ url, video, data }).filter(([, value]) => value !== undefined && value !== null).map(([name]) => name)
  if (given.length === 0) throw new AppError('missing_required_parameter', { param: 'url', details: { example: '"https://example.com/clip.mp4"' } })
  if (given.length > 1) throw new AppError('invalid_parameter', { param: given[1], details: { reason: phrase(`${given[0]} is there already`, `已提供 ${given[0]}`), allowed: phrase('the only source', '唯一的来源') } })
  if (video) return { type: 'upload', path: video.path, sha256: video.sha256 }
  if (typeof data === 'string') {
    const { path, sha256 } = await storeDataUri(request, data, scratchFolder)
    return { type: 'data', path, sha256 }
  }
  return { type: 'url', url: parseSourceUrl(url ?? '') }
}

/** Published samples send both: the video counts if it exists, else the URL. Rejects with `video_not_found`, `video_not_ready`, `video_failed`. */
export async function finishedVideo(id: string, url: string | null, request: FastifyRequest, { parseSourceUrl, videos }: Omit<SourceReading, 'scratchFolder'>): Promise<SourceRequest> {
  try {
    const { file } = await videos.fileOf(accountOf(request), id, 'from_task')
    return { type: 'video', objectKey: file.key, bytes: file.bytes, sha256: file.sha256 }
  } catch (error) {
    const isElsewhere = url !== null && error instanceof AppError && error.code === 'video_not_found'
    if (isElsewhere) return { type: 'url', url: parseSourceUrl(url) }
    throw error
  }
}

export function optionsOf(body: CreateBody, nowMs: number): CreateOptions {
  const { username, subject, consent } = body
  return {
    username: username === undefined || username === null ? null : parseUsername(username),
    aliases: aliasesOf(body.aliases ?? []),
    displayName: body.display_name ?? null,
    description: body.description ?? null,
    tags: body.tags ?? [],
    metadata: body.metadata ?? {},
    subject: subject === undefined || subject === null ? null : wishOf(subject),
    isStrict: body.strict_subject ?? false,
    consent: consent ? { basis: consent.basis, by: consent.by, atMs: consent.at === undefined || consent.at === null ? nowMs : consent.at * 1000, note: consent.note ?? null } : null,
  }
}

export const aliasesOf = (aliases: readonly string[]): readonly string[] => [...new Set(aliases.map(parseAlias))].toSorted()

const wishOf = (subject: NonNullable<CreateBody['subject']>): CreateOptions['subject'] =>
  (typeof subject === 'string' ? { id: subject } : { point: subject.point, seconds: subject.t })

export const NO_OPTIONS: CreateOptions = { username: null, aliases: [], displayName: null, description: null, tags: [], metadata: {}, subject: null, isStrict: false, consent: null }
