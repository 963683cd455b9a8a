import type { FastifyRequest } from 'fastify'
import type { CreateOptions, SourceRequest } from '../characters/requests.ts'
import { AppError } from '../domain/errors.ts'
import { parseUsername } from '../domain/username.ts'
import { parseTimeWindow, type TimeWindow } from '../domain/window.ts'
import type { CreateBody, DetectBody } from './schemas/create.ts'
import { phrase } from './phrase.ts'
import { storeDataUri } from './uploads.ts'

/** The window asked for; null where the service is to choose. */
export const windowOf = ({ timestamps }: DetectBody): TimeWindow | null =>
  (timestamps === undefined || timestamps === null ? null : parseTimeWindow(timestamps))

export interface SourceReading {
  readonly parseSourceUrl: (text: string) => string
  readonly scratchFolder: string
}

/** The one source of a body. Throws `missing_required_parameter` for none, `invalid_parameter` for two, and what its own form calls for. */
export async function sourceOf({ url, video, data }: DetectBody, request: FastifyRequest, { parseSourceUrl, scratchFolder }: SourceReading): Promise<SourceRequest> {
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

export function optionsOf(body: CreateBody, nowMs: number): CreateOptions {
  const { username, subject, consent } = body
  return {
    username: username === undefined || username === null ? null : parseUsername(username),
    displayName: body.display_name ?? null,
    description: body.description ?? null,
    tags: body.tags ?? [],
    metadata: body.metadata ?? {},
    subject: subject === undefined || subject === null ? null : wishOf(subject),
    isStrict: body.strict_subject ?? false,
    consent: consent ? { basis: consent.basis, by: consent.by, atMs: consent.at === undefined || consent.at === null ? nowMs : consent.at * 1000, note: consent.note ?? null } : null,
  }
}

const wishOf = (subject: NonNullable<CreateBody['subject']>): CreateOptions['subject'] =>
  (typeof subject === 'string' ? { id: subject } : { point: subject.point, seconds: subject.t })

export const NO_OPTIONS: CreateOptions = { username: null, displayName: null, description: null, tags: [], metadata: {}, subject: null, isStrict: false, consent: null }
