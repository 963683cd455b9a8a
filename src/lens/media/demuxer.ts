import { CustomSource, Input, MATROSKA, MP4, MPEG_TS, QTFF, WEBM } from 'mediabunny'
import type { InputAudioTrack, InputFormat, InputVideoTrack } from 'mediabunny'
import { AppError } from '../../domain/errors.ts'
import { checkBudget } from './budget.ts'
import type { HeldBytes } from './held-bytes.ts'
import { unsupported } from './sniff.ts'

/** Listed one by one: "all formats" would also read playlists, which make a demuxer open files and addresses itself. */
const FORMATS = [MP4, QTFF, MATROSKA, WEBM, MPEG_TS]
const NAMES: ReadonlyMap<InputFormat, string> = new Map<InputFormat, string>([[MP4, 'mp4'], [QTFF, 'mov'], [MATROSKA, 'mkv'], [WEBM, 'webm'], [MPEG_TS, 'mpeg-ts']])

export const containerName = (format: InputFormat): string => NAMES.get(format) ?? format.name
export const codecName = (codec: string): string => (codec === 'avc' ? 'h264' : codec)

export const openInput = (bytes: HeldBytes): Input => (
  new Input({ source: new CustomSource({ getSize: () => bytes.size, read: (start, end) => bytes.read(start, end) }), formats: FORMATS })
)

/** Rejects with `media_corrupt`, `media_no_video`, `media_unsupported`, `media_too_large`. */
export async function videoTrackOf(input: Input): Promise<InputVideoTrack> {
  if (!await input.canRead()) throw unsupported()
  const tracks = await input.getTracks()
  checkBudget('tracks', tracks.length)
  const video = await input.getPrimaryVideoTrack()
  if (!video) throw new AppError(tracks.length === 0 ? 'media_corrupt' : 'media_no_video')
  if (!await video.getCodec() || !await video.canDecode()) throw unsupported()
  return video
}

export async function soundTrackOf(input: Input): Promise<InputAudioTrack | null> {
  const sound = await input.getPrimaryAudioTrack()
  return sound && await sound.getCodec() ? sound : null
}

/** Width of a pixel over its height. */
export async function pixelAspectOf(track: InputVideoTrack): Promise<number> {
  const { num, den } = await track.getPixelAspectRatio()
  return num > 0 && den > 0 ? num / den : 1
}
