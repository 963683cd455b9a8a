import '@napi-rs/webcodecs/polyfill'
import { BufferTarget, EncodedPacket, EncodedVideoPacketSource, Mp4OutputFormat, Output } from 'mediabunny'
import type { Frame } from '../frame.ts'

const MICROSECONDS = 1_000_000
const MOST_FRAMES_QUEUED = 8
const POLL_MS = 2
const CODEC = 'avc1.640033'
/** Bits a second and pixel: plainly above what the eye finds fault with at 2 to 30 pictures a second. */
const BITS_PER_PIXEL = 4

/** Pictures as an H.264 MP4 that starts at `startSeconds`, each shown until the next. All must be of one size. */
export async function encodeToMp4(frames: AsyncIterable<Frame>, { startSeconds, endSeconds }: { startSeconds: number; endSeconds: number }): Promise<Uint8Array<ArrayBuffer>> {
  const target = new BufferTarget()
  const output = new Output({ format: new Mp4OutputFormat({ fastStart: 'in-memory' }), target })
  const source = new EncodedVideoPacketSource('avc')
  output.addVideoTrack(source)
  await output.start()
  let failure: unknown = null
  const added: Promise<void>[] = []
  const encoder = new VideoEncoder({
    output: (chunk, metadata) => { added.push(source.add(EncodedPacket.fromEncodedChunk(chunk), metadata)) },
    error: (error) => { failure = error },
  })
  const keepAlive = setInterval(() => {}, 1000) // an encoder at work does not keep Node alive
  try {
    let previous: { picture: VideoFrameBufferInit; data: Uint8Array } | null = null
    for await (const frame of frames) {
      const timestamp = Math.round((frame.seconds - startSeconds) * MICROSECONDS)
      if (previous) await encode(encoder, previous, timestamp)
      previous = toI420(frame, timestamp)
    }
    if (previous) await encode(encoder, previous, Math.round((endSeconds - startSeconds) * MICROSECONDS))
    await encoder.flush()
    if (failure) throw failure
    await Promise.all(added)
    await output.finalize()
  } finally {
    clearInterval(keepAlive)
    if (encoder.state !== 'closed') encoder.close()
  }
  return new Uint8Array(target.buffer ?? new ArrayBuffer(0))
}

async function encode(encoder: VideoEncoder, { picture, data }: { picture: VideoFrameBufferInit; data: Uint8Array }, untilMicroseconds: number): Promise<void> {
  const { codedWidth: width, codedHeight: height } = picture
  if (encoder.state === 'unconfigured') encoder.configure({ codec: CODEC, width, height, bitrate: Math.max(500_000, width * height * BITS_PER_PIXEL), hardwareAcceleration: 'prefer-software' })
  const frame = new VideoFrame(data, { ...picture, duration: Math.max(1, untilMicroseconds - picture.timestamp) })
  encoder.encode(frame, { keyFrame: picture.timestamp === 0 })
  frame.close()
  while (encoder.encodeQueueSize > MOST_FRAMES_QUEUED) await new Promise((resolve) => { setTimeout(resolve, POLL_MS) })
}

/** BT.709 limited range; sides are made even by dropping the last row or column. */
function toI420({ width: fullWidth, height: fullHeight, data: rgb }: Frame, timestamp: number): { picture: VideoFrameBufferInit; data: Uint8Array } {
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
  const colorSpace = { matrix: 'bt709', primaries: 'bt709', transfer: 'bt709', fullRange: false } as const
  return { picture: { format: 'I420', codedWidth: width, codedHeight: height, timestamp, colorSpace }, data }
}
