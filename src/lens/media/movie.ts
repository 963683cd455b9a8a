import { CustomSource, Input, MATROSKA, MP4, MPEG_TS, QTFF, WEBM } from 'mediabunny'
import type { InputAudioTrack, InputFormat, InputVideoTrack } from 'mediabunny'
import { AppError } from '../../domain/errors.ts'
import { checkBudget } from './budget.ts'
import { chooseWindow } from './choose-window.ts'
import { clipOf } from './clip.ts'
import { CodedPictures, squareSize } from './coded-pictures.ts'
import type { HeldBytes } from './held-bytes.ts'
import { fetchMovieTables } from './movie-tables.ts'
import type { OpenedWindow, WindowRequest } from './opened-window.ts'
import { fetchPackets, readPackets } from './plan.ts'
import type { PlannedTrack } from './plan.ts'
import { knownDurationMs, planMovie } from './plan-movie.ts'
import type { CodedSound, CodedVideo } from './remux.ts'
import { unsupported } from './sniff.ts'

/** Listed one by one: "all formats" would also read playlists, which make a demuxer open files and addresses itself. */
const FORMATS = [MP4, QTFF, MATROSKA, WEBM, MPEG_TS]
const NAMES: ReadonlyMap<InputFormat, string> = new Map<InputFormat, string>([[MP4, 'mp4'], [QTFF, 'mov'], [MATROSKA, 'mkv'], [WEBM, 'webm'], [MPEG_TS, 'mpeg-ts']])
const NO_TABLES = { tableBytes: 0, isFragmented: true }

export async function openMovie(bytes: HeldBytes, { container, window, signal }: WindowRequest): Promise<OpenedWindow> {
  const { tableBytes, isFragmented } = container === 'mp4' ? await fetchMovieTables(bytes) : NO_TABLES
  using input = new Input({ source: new CustomSource({ getSize: () => bytes.size, read: (start, end) => bytes.read(start, end) }), formats: FORMATS })
  const { video: videoTrack, sound: soundTrack } = await tracksOf(input)
  const format = await input.getFormat()
  const originSeconds = format === MPEG_TS ? await input.getFirstTimestamp() : 0 // a recording starts at any time of day
  const movie = { videoTrack, soundTrack, originSeconds, hasTables: !isFragmented }
  const durationMs = await knownDurationMs(movie)
  const chosen = window ? null : await chooseWindow(videoTrack, { bytes, durationMs, originSeconds, signal })
  const planned = await planMovie(movie, { asked: window, chosen, durationMs })
  const plans = planned.sound ? [planned.video, planned.sound] : [planned.video]
  const plannedBytes = plans.reduce((sum, { plan }) => sum + plan.byteLength, 0)
  checkBudget('bytes', plannedBytes)
  await fetchPackets(plans, bytes)

  const video = await readVideo(videoTrack, planned.video)
  const sound = soundTrack && planned.sound && await readSound(soundTrack, planned.sound)
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
      container: NAMES.get(format) ?? format.name, codec: video.codec === 'avc' ? 'h264' : video.codec,
      width: isOnSide ? height : width, height: isOnSide ? width : height,
      ...planned.window, durationMs: planned.durationMs, hasSound: sound !== null,
      packets: video.packets.length, floorBytes: tableBytes + plannedBytes, clip,
    },
  }
}

async function tracksOf(input: Input): Promise<{ video: InputVideoTrack; sound: InputAudioTrack | null }> {
  if (!await input.canRead()) throw unsupported()
  const tracks = await input.getTracks()
  checkBudget('tracks', tracks.length)
  const video = await input.getPrimaryVideoTrack()
  if (!video) throw new AppError(tracks.length === 0 ? 'media_corrupt' : 'media_no_video')
  if (!await video.getCodec() || !await video.canDecode()) throw unsupported()
  const sound = await input.getPrimaryAudioTrack()
  return { video, sound: sound && await sound.getCodec() ? sound : null }
}

async function readVideo(track: InputVideoTrack, planned: PlannedTrack): Promise<CodedVideo> {
  const [codec, config, rotation, packets] = [await track.getCodec(), await track.getDecoderConfig(), await track.getRotation(), await readPackets(planned)]
  const [first] = packets
  if (!codec || !config || !first) throw new AppError('media_corrupt')
  // Leading pictures of an open group: what they refer to is not here.
  return { codec, config, rotation, packets: packets.filter(({ timestamp }) => timestamp >= first.timestamp) }
}

async function readSound(track: InputAudioTrack, planned: PlannedTrack): Promise<CodedSound | null> {
  const [codec, config] = [await track.getCodec(), await track.getDecoderConfig()]
  if (!codec || !config) return null
  return { codec, config, packets: (await readPackets(planned)).filter(({ byteLength }) => byteLength > 0) }
}

async function pixelAspectOf(track: InputVideoTrack): Promise<number> {
  const { num, den } = await track.getPixelAspectRatio()
  return num > 0 && den > 0 ? num / den : 1
}
