import { AppError, type ErrorCode } from '../domain/errors.ts'
import type { RenderedShot, VideoWarning } from '../domain/shot.ts'
import type { Lenses } from '../jail/lenses.ts'
import type { ByteSource } from '../runtime/byte-source.ts'
import { onLens } from './on-lens.ts'

interface Judging { readonly lenses: Pick<Lenses, 'open'>; readonly deadlineMs: number; readonly signal: AbortSignal }

/** What a lens says of a produced video. */
export interface Judgement {
  /** Of the file: by its container. */
  readonly extension: string
  readonly width: number
  readonly height: number
  readonly durationMs: number
  readonly thumbnail: Uint8Array
  readonly spritesheet: Uint8Array
}

const REASONS: Partial<Readonly<Record<ErrorCode, string>>> = {
  media_unsupported: 'it is not a video', media_corrupt: 'no frame of it can be decoded', media_encrypted: 'it is encrypted',
  media_no_video: 'it has no pictures', media_too_large: 'it is larger than can be read here', source_incomplete: 'it ends too early',
}
const EXTENSIONS: Readonly<Record<string, string>> = { mp4: 'mp4', mov: 'mov', webm: 'webm', mkv: 'mkv', 'mpeg-ts': 'ts', gif: 'gif', webp: 'webp' }

/** Whether it is a video at all. Rejects with `output_invalid`, which says what it is instead. */
export async function judgeOutput(source: ByteSource, { lenses, deadlineMs, signal }: Judging): Promise<Judgement> {
  const seen = await onLens(source, (lens) => lens.call('inspect', {}), { lenses, deadlineMs, signal, onDeaths: (cause) => invalid('reading it failed twice', cause) })
    .catch((error) => { throw refusal(error) })
  const extension = EXTENSIONS[seen.container]
  if (extension === undefined) throw invalid(`${seen.container} is no container of videos`)
  const { width, height, durationMs, thumbnail, spritesheet } = seen
  return { extension, width, height, durationMs, thumbnail, spritesheet }
}

const invalid = (reason: string, cause?: unknown): AppError => new AppError('output_invalid', { details: { reason }, cause })

function refusal(error: unknown): unknown {
  const reason = error instanceof AppError ? REASONS[error.code] : undefined
  return reason === undefined ? error : invalid(reason, error)
}

/** Backends round lengths to whole groups of frames, and sides to blocks of 16 pixels or so. */
const MOST_OFF = { seconds: 1, share: 0.1 }

/** What came, where that is not about what was asked for. */
export function differences({ width, height, durationMs }: Judgement, { size, seconds }: Pick<RenderedShot, 'size' | 'seconds'>): readonly VideoWarning[] {
  const [wantedWidth, wantedHeight] = size.split('x').map(Number)
  const isOff = (is: number, wanted: number): boolean => Math.abs(is - wanted) > wanted * MOST_OFF.share
  const isOtherLength = Math.abs(durationMs / 1000 - seconds) > Math.max(MOST_OFF.seconds, seconds * MOST_OFF.share)
  return [
    ...(isOff(width, wantedWidth) || isOff(height, wantedHeight) ? [said(`It was asked for ${size} and made ${width}x${height}.`)] : []),
    ...(isOtherLength ? [said(`It was asked for ${seconds} s and made ${durationMs / 1000} s.`)] : []),
  ]
}

const said = (message: string): VideoWarning => ({ code: 'backend_said', message })
