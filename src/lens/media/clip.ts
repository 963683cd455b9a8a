import type { AudioCodec, VideoCodec } from 'mediabunny'
import { CodedPictures } from './coded-pictures.ts'
import type { CodedWindow } from './coded-pictures.ts'
import { encodeFrames } from './encode.ts'
import { remuxToMp4 } from './remux.ts'

/** What players expect in an MP4. Other sound stays out of the clip, and is heard all the same; other pictures are encoded anew. */
const SOUND: ReadonlySet<AudioCodec> = new Set<AudioCodec>(['aac', 'mp3', 'opus', 'flac', 'ac3', 'eac3'])
const PICTURES: ReadonlySet<VideoCodec> = new Set<VideoCodec>(['avc', 'hevc', 'vp9', 'av1'])
const ENCODED = { perSecond: 60, longSide: 1920 } as const

/** The clip of a window's packets: a copy, or an encoding of the pictures where a copy would not play. */
export async function clipOf(window: CodedWindow): Promise<Uint8Array<ArrayBuffer>> {
  const { video, span: { start, end }, originSeconds } = window
  const sound = window.sound && SOUND.has(window.sound.codec) ? window.sound : null
  if (PICTURES.has(video.codec)) return remuxToMp4({ video, sound, start })
  const frames = new CodedPictures(window).frames(ENCODED)
  return remuxToMp4({ video: await encodeFrames(frames, { endSeconds: end - originSeconds, originSeconds }), sound, start })
}
