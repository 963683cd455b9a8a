import { MPEG_TS } from 'mediabunny'
import type { EncodedPacket, InputAudioTrack, InputVideoTrack } from 'mediabunny'
import { AppError } from '../../domain/errors.ts'
import type { TimeWindow } from '../../domain/window.ts'
import { checkBudget } from './budget.ts'
import { chooseWindow } from './choose-window.ts'
import type { ChooseOptions } from './choose-window.ts'
import { clipOf } from './clip.ts'
import { CodedPictures, squareSize } from './coded-pictures.ts'
import { codecName, containerName, openInput, pixelAspectOf, soundTrackOf, videoTrackOf } from './demuxer.ts'
import type { HeldBytes } from './held-bytes.ts'
import { fetchMovieTables } from './movie-tables.ts'
import type { OpenedWindow, WindowRequest } from './opened-window.ts'
import { readPackets } from './plan.ts'
import { knownDurationMs, planMovie } from './plan-movie.ts'
import type { CodedSound, CodedVideo } from './remux.ts'

const NO_TABLES = { tableBytes: 0, isFragmented: true }

export async function openMovie(bytes: HeldBytes, { container, window, signal }: WindowRequest): Promise<OpenedWindow> {
  const { tableBytes, isFragmented } = container === 'mp4' ? await fetchMovieTables(bytes) : NO_TABLES
  using input = openInput(bytes)
  // Where there are sample tables, sound gets a demuxer of its own: one for both would read on from one track's packets to the other's.
  using soundInput = isFragmented ? null : openInput(bytes)
  const videoTrack = await videoTrackOf(input)
  const soundTrack = await soundTrackOf(soundInput ?? input)
  const format = await input.getFormat()
  const originSeconds = format === MPEG_TS ? await input.getFirstTimestamp() : 0 // a recording starts at any time of day
  const movie = { videoTrack, soundTrack, originSeconds, hasTables: !isFragmented }
  const durationMs = await knownDurationMs(movie)
  const chosen = window ? null : await chooseIn(bytes, { durationMs, originSeconds, signal })
  const planned = await planMovie(movie, { asked: window, chosen, durationMs })
  const plans = planned.sound ? [planned.video, planned.sound] : [planned.video]
  const plannedBytes = plans.reduce((sum, { plan }) => sum + plan.byteLength, 0)
  checkBudget('bytes', plannedBytes)
  const [videoPackets, soundPackets] = await readPackets(plans, { bytes, hasTables: !isFragmented })

  const video = await codedVideo(videoTrack, videoPackets ?? [])
  const sound = soundTrack && soundPackets ? await codedSound(soundTrack, soundPackets) : null
  const pixelAspect = await pixelAspectOf(videoTrack)
  const orientation = { rotation: video.rotation, isMirrored: await videoTrack.getFlip() }
  const coded = { width: await videoTrack.getCodedWidth(), height: await videoTrack.getCodedHeight() }
  const { width, height } = squareSize(coded, { pixelAspect, longSide: Infinity })
  const isOnSide = orientation.rotation % 180 === 90
  const coding = { video, sound, originSeconds, pixelAspect, orientation, ...(signal && { signal }) }
  const pictures = new CodedPictures({ ...coding, span: planned.span })
  const clip = await clipOf({ ...coding, span: planned.clip })
  return {
    pictures,
    facts: {
      container: containerName(format), codec: codecName(video.codec),
      width: isOnSide ? height : width, height: isOnSide ? width : height,
      ...planned.window, durationMs: planned.durationMs, hasSound: sound !== null,
      packets: video.packets.length, floorBytes: tableBytes + plannedBytes, clip,
    },
  }
}

/** With a demuxer of its own, so that what it has read does not change what the window's packets are asked for. */
async function chooseIn(bytes: HeldBytes, options: Omit<ChooseOptions, 'bytes'>): Promise<TimeWindow> {
  using input = openInput(bytes)
  return await chooseWindow(await videoTrackOf(input), { bytes, ...options }) // before the demuxer is closed
}

async function codedVideo(track: InputVideoTrack, packets: readonly EncodedPacket[]): Promise<CodedVideo> {
  const [codec, config, rotation] = [await track.getCodec(), await track.getDecoderConfig(), await track.getRotation()]
  const [first] = packets
  if (!codec || !config || !first) throw new AppError('media_corrupt')
  // Leading pictures of an open group: what they refer to is not here.
  return { codec, config, rotation, packets: packets.filter(({ timestamp }) => timestamp >= first.timestamp) }
}

async function codedSound(track: InputAudioTrack, packets: readonly EncodedPacket[]): Promise<CodedSound | null> {
  const [codec, config] = [await track.getCodec(), await track.getDecoderConfig()]
  return codec && config ? { codec, config, packets: packets.filter(({ byteLength }) => byteLength > 0) } : null
}
