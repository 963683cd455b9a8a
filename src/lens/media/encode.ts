import '@napi-rs/webcodecs/polyfill'
import { EncodedPacket } from 'mediabunny'
import { AppError } from '../../domain/errors.ts'
import type { Frame } from '../frame.ts'
import type { CodedVideo } from './remux.ts'

const MICROSECONDS = 1_000_000
const MOST_FRAMES_QUEUED = 8
const POLL_MS = 2
/** High profile, up to 4096 x 2304. */
const CODEC = 'avc1.640033'
/** Bits a second for each pixel, and for the smallest pictures: plainly above what the eye finds fault with. */
const BITS_PER_PIXEL = 4
const LEAST_BITRATE = 500_000
const BT709 = { matrix: 'bt709', primaries: 'bt709', transfer: 'bt709', fullRange: false } as const

export interface EncodeOptions {
  /** When the last picture ends, on the clock of the frames; each of the others is shown until the next. */
  readonly endSeconds: number
  /** What to add to the frames' times. */
  readonly originSeconds: number
}

/** Frames of one size as H.264, for what a small MP4 cannot carry as it is. Odd sides lose their last row or column. */
export async function encodeFrames(frames: AsyncIterable<Frame>, { endSeconds, originSeconds }: EncodeOptions): Promise<CodedVideo> {
  const chunks: EncodedPacket[] = []
  let config: VideoDecoderConfig | undefined
  let failure: unknown = null
  const encoder = new VideoEncoder({
    output: (chunk, metadata) => {
      chunks.push(EncodedPacket.fromEncodedChunk(chunk))
      config ??= metadata?.decoderConfig
    },
    error: (error) => { failure = error },
  })
  const keepAlive = setInterval(() => {}, 1000) // an encoder at work does not keep Node alive
  const times: number[] = []
  try {
    for await (const frame of frames) {
      times.push(frame.seconds)
      await encode(encoder, frame, times.length === 1)
    }
    if (times.length > 0) await encoder.flush()
  } finally {
    clearInterval(keepAlive)
    if (encoder.state !== 'closed') encoder.close()
  }
  if (failure || !config) throw new AppError('media_corrupt', { cause: failure })
  // By rank: the encoder gives back microseconds and no durations.
  const packets = chunks.map((packet, i) => packet.clone({ timestamp: (times[i] ?? 0) + originSeconds, duration: Math.max(0, (times[i + 1] ?? endSeconds) - (times[i] ?? 0)) }))
  return { codec: 'avc', config, rotation: 0, packets }
}

async function encode(encoder: VideoEncoder, frame: Frame, isFirst: boolean): Promise<void> {
  const { width, height, data } = toI420(frame)
  const bitrate = Math.max(LEAST_BITRATE, width * height * BITS_PER_PIXEL)
  if (isFirst) encoder.configure({ codec: CODEC, width, height, bitrate, hardwareAcceleration: 'prefer-software' })
  const picture = new VideoFrame(data, { format: 'I420', codedWidth: width, codedHeight: height, timestamp: Math.round(frame.seconds * MICROSECONDS), colorSpace: BT709 })
  encoder.encode(picture, { keyFrame: isFirst })
  picture.close()
  while (encoder.encodeQueueSize > MOST_FRAMES_QUEUED) await new Promise((resolve) => { setTimeout(resolve, POLL_MS) })
}

/** BT.709, limited range. */
function toI420({ width: fullWidth, height: fullHeight, data: rgb }: Frame): { width: number; height: number; data: Uint8Array<ArrayBuffer> } {
  const [width, height] = [Math.max(2, fullWidth & ~1), Math.max(2, fullHeight & ~1)]
  const data = new Uint8Array((width * height * 3) / 2)
  const [blueness, redness] = [width * height, width * height * 1.25]
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (Math.min(y, fullHeight - 1) * fullWidth + Math.min(x, fullWidth - 1)) * 3
      data[y * width + x] = 16.5 + 0.1826 * rgb[at] + 0.6142 * rgb[at + 1] + 0.062 * rgb[at + 2]
      if ((x | y) & 1) continue
      const chroma = (y >> 1) * (width >> 1) + (x >> 1)
      data[blueness + chroma] = 128.5 - 0.1006 * rgb[at] - 0.3386 * rgb[at + 1] + 0.4392 * rgb[at + 2]
      data[redness + chroma] = 128.5 + 0.4392 * rgb[at] - 0.3989 * rgb[at + 1] - 0.0403 * rgb[at + 2]
    }
  }
  return { width, height, data }
}
