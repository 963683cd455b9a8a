import { EncodedPacketSink } from 'mediabunny'
import type { EncodedPacket, InputVideoTrack } from 'mediabunny'
import { AppError } from '../../domain/errors.ts'
import type { ByteSource } from '../../runtime/byte-source.ts'
import type { Frame } from '../frame.ts'
import { tooLarge } from '../media/budget.ts'
import { squareSize } from '../media/coded-pictures.ts'
import { decode } from '../media/decode.ts'
import { codecName, containerName, openInput, pixelAspectOf, soundTrackOf, videoTrackOf } from '../media/demuxer.ts'
import { HeldBytes } from '../media/held-bytes.ts'
import { fetchMovieTables } from '../media/movie-tables.ts'
import { copyPicture } from '../media/raw-picture.ts'
import { HEAD_BYTES, sniff } from '../media/sniff.ts'
import { toRgb } from '../media/to-rgb.ts'
import { indexPackets, planFrames, type GroupPlan, type PacketIndex } from './plan-frames.ts'

const READS = ['MP4', 'MOV', 'WebM', 'MKV'] as const
const MOST = { seconds: 120, side: 4096, pixels: 4096 * 2304 } as const
/** About 5 s of CPU, or 964 frames of 1080p: 20 s of it at 30 a second are decoded from end to end where that is needed. */
const MOST_DECODED_PIXELS = 2e9
/** A file whose pictures end before this share of what it says of its length was cut. */
const LEAST_PRESENT = 0.75

export interface ProducedFacts {
  readonly container: string
  readonly codec: string
  /** Of the upright picture with square pixels. */
  readonly width: number
  readonly height: number
  readonly durationMs: number
  readonly hasSound: boolean
}

/** A whole video that a backend made. */
export interface ProducedVideo extends Disposable {
  readonly facts: ProducedFacts
  /**
   * At most `count` frames evenly spread from the first to the last, each with a long side of at most `longSide` pixels. Rejects with `media_corrupt` where the
   * beginning, the middle or the end gives none, and with `media_too_large` where too much would have to be decoded for them.
   */
  frames(options: { readonly count: number; readonly longSide: number }): AsyncIterable<Frame>
}

/** Rejects with `media_*`, or what the source rejects with. */
export async function openProduced(source: ByteSource): Promise<ProducedVideo> {
  const bytes = new HeldBytes(source)
  const container = source.size > 0 ? sniff(await bytes.read(0, Math.min(HEAD_BYTES, source.size))) : null
  if (container !== 'mp4' && container !== 'matroska') throw new AppError('media_unsupported', { details: { reads: [...READS] } })
  return translating(async () => {
    if (container === 'mp4') await fetchMovieTables(bytes)
    const input = openInput(bytes)
    const track = await videoTrackOf(input)
    const [codec, config] = [await track.getCodec(), await track.getDecoderConfig()]
    if (!codec || !config) throw new AppError('media_corrupt')
    const size = await checkedSize(track)
    const index = await indexPackets(track, MOST.seconds)
    const statedSeconds = await track.getDurationFromMetadata() ?? 0
    if (index.endsAt < statedSeconds * LEAST_PRESENT) throw new AppError('media_corrupt')
    const facts = { container: containerName(await input.getFormat()), codec: codecName(codec), ...size, durationMs: millisecondsOf(index), hasSound: await soundTrackOf(input) !== null }
    return { facts, frames: (options) => decodedFrames(track, index, { ...options, config }), [Symbol.dispose]: () => input.dispose() }
  })
}

const millisecondsOf = ({ startsAt, endsAt }: PacketIndex): number => Math.max(1, Math.round((endsAt - startsAt) * 1000))

async function checkedSize(track: InputVideoTrack): Promise<{ readonly width: number; readonly height: number }> {
  const coded = { width: await track.getCodedWidth(), height: await track.getCodedHeight() }
  checkSize(coded)
  const { width, height } = squareSize(coded, { pixelAspect: await pixelAspectOf(track), longSide: MOST.side })
  return await track.getRotation() % 180 === 90 ? { width: height, height: width } : { width, height }
}

function checkSize({ width, height }: { readonly width: number; readonly height: number }): void {
  if (width * height > MOST.pixels || Math.max(width, height) > MOST.side) throw tooLarge('pixels', width * height, MOST.pixels)
}

interface FrameOptions { readonly count: number; readonly longSide: number; readonly config: VideoDecoderConfig }

async function * decodedFrames(track: InputVideoTrack, index: PacketIndex, { count, longSide, config }: FrameOptions): AsyncGenerator<Frame> {
  const pixelAspect = await pixelAspectOf(track)
  const orientation = { rotation: await track.getRotation(), isMirrored: await track.getFlip() }
  const plan = planFrames(index, { count, mostDecoded: Math.floor(MOST_DECODED_PIXELS / (await track.getCodedWidth() * await track.getCodedHeight())) })
  const thirds = new Set<number>()
  for (const group of plan) {
    for await (const { picture, seconds } of decodedGroup(track, group, config)) {
      checkSize({ width: picture.codedWidth, height: picture.codedHeight }) // a header may lie about the size
      const raw = await copyPicture(picture, config.colorSpace)
      thirds.add(thirdOf(seconds, index))
      yield { ...toRgb(raw, { ...squareSize(raw, { pixelAspect, longSide }), orientation }), seconds: Math.max(0, seconds) }
    }
  }
  const planned = new Set(plan.flatMap(({ wanted }) => [...wanted].map((seconds) => thirdOf(seconds, index))))
  if (thirds.size < planned.size) throw new AppError('media_corrupt')
}

const thirdOf = (seconds: number, { startsAt, endsAt }: PacketIndex): number => Math.min(2, Math.floor((3 * (seconds - startsAt)) / (endsAt - startsAt)))

/** The wanted pictures of a group; fewer where it is damaged. */
async function * decodedGroup(track: InputVideoTrack, { packets, wanted }: GroupPlan, config: VideoDecoderConfig) {
  const read = await translating(() => withBytes(track, packets))
  try {
    const own = read.filter(({ timestamp }) => timestamp >= read[0].timestamp) // leading pictures of an open group need the one before
    for await (const timed of decode({ config, packets: own })) if (wanted.has(timed.seconds)) yield timed
  } catch (error) {
    if (error instanceof AppError) throw error
    // What came before the damage is as good as any; what is missing of the whole is looked at in the end.
  }
}

/** Rejects with `media_corrupt` where the source ends inside them. */
async function withBytes(track: InputVideoTrack, packets: readonly EncodedPacket[]): Promise<readonly EncodedPacket[]> {
  const sink = new EncodedPacketSink(track)
  const read: EncodedPacket[] = []
  for (const [at, planned] of packets.entries()) {
    // By its neighbour, not by its time: times may repeat.
    const packet = at === 0 ? await sink.getPacket(planned.timestamp) : await sink.getNextPacket(packets[at - 1])
    if (!packet || packet.byteLength < planned.byteLength) throw new AppError('media_corrupt')
    read.push(packet)
  }
  return read
}

/** What is thrown on the way and is not ours comes from a parser that met something it cannot read. */
async function translating<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof AppError ? error : new AppError('media_corrupt', { cause: error })
  }
}
