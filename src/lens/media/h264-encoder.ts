import '@napi-rs/webcodecs/polyfill'
import { EncodedPacket } from 'mediabunny'
import { AppError } from '../../domain/errors.ts'
import { collectGarbage } from './collect-garbage.ts'
import type { I420 } from './i420.ts'
import type { CodedVideo } from './remux.ts'

const MICROSECONDS = 1_000_000
const MOST_FRAMES_QUEUED = 8
const POLL_MS = 2
/** Of pictures that were encoded: eight of 1080p. */
const MOST_UNFREED_BYTES = 24 * 1024 * 1024
/** High profile, up to 4096 x 2304. */
const CODEC = 'avc1.640033'
/** For the smallest pictures. */
const LEAST_BITRATE = 500_000
const BT709 = { matrix: 'bt709', primaries: 'bt709', transfer: 'bt709', fullRange: false } as const

export interface EncodeOptions {
  /** When the last picture ends, on the clock of the pictures; each of the others is shown until the next. */
  readonly endSeconds: number
  /** What to add to the pictures' times. */
  readonly originSeconds: number
}

/** Pictures of one size to H.264, as many at a time as the caller has. What the library reports becomes `media_corrupt`. */
export class H264Encoder implements Disposable {
  readonly #packets: EncodedPacket[] = []
  readonly #times: number[] = []
  readonly #encoder = new VideoEncoder({
    output: (chunk, metadata) => {
      this.#packets.push(EncodedPacket.fromEncodedChunk(chunk))
      this.#config ??= metadata?.decoderConfig
    },
    error: (error) => { this.#failure = error },
  })
  readonly #bitsPerPixel: number
  #config: VideoDecoderConfig | undefined
  #failure: unknown = null
  #unfreedBytes = 0

  /** Bits a second for each pixel: 4 are plainly above what the eye finds fault with, whatever is shown. */
  constructor({ bitsPerPixel }: { readonly bitsPerPixel: number }) { this.#bitsPerPixel = bitsPerPixel }

  /** Resolves when there is room for the next. The bytes are copied. */
  async add({ width, height, data }: I420, { seconds, isKey }: { readonly seconds: number; readonly isKey: boolean }): Promise<void> {
    const bitrate = Math.max(LEAST_BITRATE, width * height * this.#bitsPerPixel)
    if (this.#times.length === 0) this.#encoder.configure({ codec: CODEC, width, height, bitrate, hardwareAcceleration: 'prefer-software' })
    this.#times.push(seconds)
    const picture = new VideoFrame(data, { format: 'I420', codedWidth: width, codedHeight: height, timestamp: Math.round(seconds * MICROSECONDS), colorSpace: BT709 })
    this.#encoder.encode(picture, { keyFrame: isKey })
    picture.close()
    this.#unfreedBytes += data.length
    if (this.#unfreedBytes >= MOST_UNFREED_BYTES) {
      collectGarbage()
      this.#unfreedBytes = 0
    }
    while (this.#encoder.encodeQueueSize > MOST_FRAMES_QUEUED && !this.#failure) await new Promise((resolve) => { setTimeout(resolve, POLL_MS) })
  }

  /** Once, after the last picture. */
  async finish({ endSeconds, originSeconds }: EncodeOptions): Promise<CodedVideo> {
    const keepAlive = setInterval(() => {}, 1000) // an encoder at work does not keep Node alive
    try {
      if (this.#times.length > 0) await this.#encoder.flush()
    } finally {
      clearInterval(keepAlive)
    }
    if (this.#failure || !this.#config) throw new AppError('media_corrupt', { cause: this.#failure })
    // By rank: the encoder gives back microseconds and no durations.
    const times = this.#times
    const packets = this.#packets.map((packet, i) => packet.clone({ timestamp: (times[i] ?? 0) + originSeconds, duration: Math.max(0, (times[i + 1] ?? endSeconds) - (times[i] ?? 0)) }))
    return { codec: 'avc', config: this.#config, rotation: 0, packets }
  }

  [Symbol.dispose](): void {
    if (this.#encoder.state !== 'closed') this.#encoder.close()
    collectGarbage()
  }
}
