import type { Frame } from '../frame.ts'
import { H264Encoder, type EncodeOptions } from './h264-encoder.ts'
import { toI420 } from './i420.ts'
import type { CodedVideo } from './remux.ts'

/** A second: these frames are looked at closely. */
const BITS_PER_PIXEL = 4

/** Frames of one size as H.264, for what a small MP4 cannot carry as it is. Odd sides lose their last row or column. */
export async function encodeFrames(frames: AsyncIterable<Frame>, options: EncodeOptions): Promise<CodedVideo> {
  using encoder = new H264Encoder({ bitsPerPixel: BITS_PER_PIXEL })
  let isFirst = true
  for await (const frame of frames) {
    await encoder.add(toI420(frame), { seconds: frame.seconds, isKey: isFirst })
    isFirst = false
  }
  return await encoder.finish(options)
}
