import '@napi-rs/webcodecs/polyfill'
import type { EncodedPacket } from 'mediabunny'
import { collectGarbage } from './collect-garbage.ts'

/** Decoded frames that may be under way: a decoder that is fed faster than it is read keeps everything. */
const BYTES_UNDER_WAY = 96 * 1024 * 1024
const FRAMES_UNDER_WAY = { least: 4, most: 8 } as const
/** A decoder with many threads may want more packets than that before it gives its first frame. */
const STALL_MS = 20

export interface DecodeOptions {
  readonly config: VideoDecoderConfig
  /** In decode order, from a key packet on. */
  readonly packets: readonly EncodedPacket[]
  readonly signal?: AbortSignal
}

export interface TimedPicture { readonly picture: VideoFrame; readonly seconds: number }

/**
 * Pictures in the order they are shown, with the times of their packets; each is closed when the next is asked for.
 * Rejects with what the decoder reports.
 */
export async function * decode({ config, packets, signal }: DecodeOptions): AsyncGenerator<TimedPicture> {
  await using decoder = new PacketDecoder(config, packets)
  for (;;) {
    signal?.throwIfAborted()
    const next = await decoder.next()
    if (!next) return
    try {
      yield next
    } finally {
      next.picture.close()
    }
  }
}

class PacketDecoder implements AsyncDisposable {
  readonly #packets: readonly EncodedPacket[]
  readonly #decoder: VideoDecoder
  readonly #arrived: VideoFrame[] = []
  /** Of packets sent whose pictures have not come yet, earliest first. */
  readonly #times: number[] = []
  #sent = 0
  #failure: unknown = null
  #flush: 'not yet' | 'running' | 'done' = 'not yet'
  #limit: number = FRAMES_UNDER_WAY.most
  #uncollected = 0
  #isStalled = false
  #wake = (): void => {}

  constructor(config: VideoDecoderConfig, packets: readonly EncodedPacket[]) {
    this.#packets = packets
    this.#decoder = new VideoDecoder({
      output: (picture) => { this.#arrived.push(picture); this.#wake() },
      error: (error) => { this.#failure = error; this.#wake() },
    })
    this.#decoder.configure({ ...config, hardwareAcceleration: 'prefer-software' })
  }

  async next(): Promise<TimedPicture | null> {
    for (;;) {
      const picture = this.#arrived.shift()
      if (picture) return this.#timed(picture)
      if (this.#failure) throw this.#failure
      if (this.#flush === 'done') return null
      const packet = this.#packets[this.#sent]
      if (packet && (this.#times.length < this.#limit || this.#isStalled)) this.#send(packet)
      else if (!packet && this.#flush === 'not yet') this.#startFlush()
      else this.#isStalled = !await this.#arrival()
    }
  }

  /**
   * The decoder gives pictures in the order they are shown but stamps them in the order they were decoded, which is wrong with every
   * B-frame: each gets the earliest time that was sent and not used instead.
   */
  #timed(picture: VideoFrame): TimedPicture {
    const bytes = picture.allocationSize()
    this.#limit = Math.max(FRAMES_UNDER_WAY.least, Math.min(FRAMES_UNDER_WAY.most, Math.floor(BYTES_UNDER_WAY / bytes)))
    if (++this.#uncollected >= this.#limit) {
      collectGarbage()
      this.#uncollected = 0
    }
    return { picture, seconds: this.#times.shift() ?? Number.NaN }
  }

  #send(packet: EncodedPacket): void {
    insert(this.#times, packet.timestamp)
    this.#decoder.decode(packet.toEncodedVideoChunk())
    this.#sent++
    this.#isStalled = false
  }

  #startFlush(): void {
    this.#flush = 'running'
    // A failure comes through `error`.
    this.#decoder.flush().catch(() => {}).finally(() => { this.#flush = 'done'; this.#wake() })
  }

  /** False when nothing came for a while. The timer also keeps Node alive: a decoder at work does not. */
  #arrival(): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, STALL_MS, false)
      this.#wake = () => { clearTimeout(timer); resolve(true) }
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const picture of this.#arrived) picture.close()
    if (this.#decoder.state !== 'closed') this.#decoder.close()
    collectGarbage()
  }
}

function insert(sorted: number[], value: number): void {
  let at = sorted.length
  while (at > 0 && (sorted[at - 1] ?? 0) > value) at--
  sorted.splice(at, 0, value)
}
