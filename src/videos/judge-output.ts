import type { ErrorCode } from '../domain/error-table.ts'
import { AppError } from '../domain/errors.ts'
import { phrase, type Phrase } from '../domain/phrase.ts'
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

const REASONS: Partial<Readonly<Record<ErrorCode, Phrase>>> = {
  media_unsupported: phrase('it is not a video', '它不是视频'),
  media_corrupt: phrase('no frame of it can be decoded', '无法解码任何画面'),
  media_encrypted: phrase('it is encrypted', '它已加密'),
  media_no_video: phrase('it has no pictures', '没有视频画面'),
  media_too_large: phrase('it is larger than can be read here', '超出可读取的大小'),
  source_incomplete: phrase('it ends too early', '数据提前结束'),
}
const EXTENSIONS: Readonly<Record<string, string>> = { mp4: 'mp4', mov: 'mov', webm: 'webm', mkv: 'mkv', 'mpeg-ts': 'ts', gif: 'gif', webp: 'webp' }

/** Whether it is a video at all. Rejects with `output_invalid`, which says what it is instead. */
export async function judgeOutput(source: ByteSource, { lenses, deadlineMs, signal }: Judging): Promise<Judgement> {
  const seen = await onLens(source, (lens) => lens.call('inspect', {}), { lenses, deadlineMs, signal, onDeaths: (cause) => invalid(phrase('reading it failed twice', '连续两次读取失败'), cause) })
    .catch((error) => { throw refusal(error) })
  const extension = EXTENSIONS[seen.container]
  if (extension === undefined) throw invalid(phrase(`${seen.container} is no container of videos`, `${seen.container} 不是视频容器`))
  const { width, height, durationMs, thumbnail, spritesheet } = seen
  return { extension, width, height, durationMs, thumbnail, spritesheet }
}

const invalid = (reason: Phrase, cause?: unknown): AppError => new AppError('output_invalid', { details: { reason }, cause })

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
