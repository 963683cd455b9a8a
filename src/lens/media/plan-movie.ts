import type { InputAudioTrack, InputVideoTrack } from 'mediabunny'
import { AppError } from '../../domain/errors.ts'
import { fitWindow, WINDOW_MS } from '../../domain/window.ts'
import type { TimeWindow } from '../../domain/window.ts'
import { mostFrames } from './budget.ts'
import { planTrack } from './plan.ts'
import type { PlannedTrack, Span, TrackPlan } from './plan.ts'

/** Some video models ask for a clip of this length. */
const LEAST_CLIP_MS = 2000
/** Containers round durations; as much as this missing at the end is nothing. */
const END_SLACK_MS = 100
/** 3 s of sound are 150 packets; PCM comes in thousands. */
const MOST_SOUND_PACKETS = 50_000
/** Decoders of sound need a packet or two before they are right, and give the last one late: 25 ms in AAC, 96 ms in FLAC. */
const SOUND_MARGIN_SECONDS = 0.1

interface Movie {
  readonly videoTrack: InputVideoTrack
  readonly soundTrack: InputAudioTrack | null
  readonly originSeconds: number
  readonly hasTables: boolean
}

interface Wish {
  readonly asked: TimeWindow | null
  /** Used where nothing is asked for. */
  readonly chosen: TimeWindow | null
  readonly durationMs: number | null
}

export interface MoviePlan {
  readonly video: PlannedTrack
  readonly sound: PlannedTrack | null
  readonly window: TimeWindow & { readonly isClamped: boolean }
  readonly durationMs: number
  /** The window, and the clip that is at least as wide, on the container's clock. */
  readonly span: Span
  readonly clip: Span
}

/** Which packets a window needs, from the tables alone where there are some. Throws `media_too_large` or `timestamps_out_of_range`. */
export async function planMovie(movie: Movie, { asked, chosen, durationMs }: Wish): Promise<MoviePlan> {
  const { videoTrack, soundTrack, originSeconds, hasTables } = movie
  const wished = asked ?? chosen ?? { startMs: 0, endMs: WINDOW_MS.most }
  const mostPackets = mostFrames(await videoTrack.getCodedWidth(), await videoTrack.getCodedHeight())
  const onClock = ({ startMs, endMs }: TimeWindow): Span => ({ start: startMs / 1000 + originSeconds, end: endMs / 1000 + originSeconds })
  const planVideo = (clip: TimeWindow): Promise<TrackPlan | null> => planTrack(videoTrack, { ...onClock(clip), fromKeyFrame: true, hasTables, mostPackets })

  let clip: TimeWindow = { startMs: wished.startMs, endMs: Math.max(wished.endMs, wished.startMs + LEAST_CLIP_MS) }
  let plan = await planVideo(clip)
  if (!plan) throw new AppError('media_corrupt')
  const endsAtMs = endOf(plan, { originSeconds, durationMs })
  const window = asked ? fitWindow(asked, endsAtMs + END_SLACK_MS >= asked.endMs ? Math.max(endsAtMs, asked.endMs) : endsAtMs) : fitChosen(wished, endsAtMs)
  if (endsAtMs < clip.endMs) {
    clip = { startMs: Math.max(0, Math.min(clip.startMs, endsAtMs - LEAST_CLIP_MS)), endMs: Math.max(window.endMs, endsAtMs) }
    plan = await planVideo(clip) ?? plan
  }
  const { start, end } = onClock(clip)
  const sound = soundTrack && await planTrack(soundTrack, { start: start - SOUND_MARGIN_SECONDS, end: end + SOUND_MARGIN_SECONDS, fromKeyFrame: false, hasTables, mostPackets: MOST_SOUND_PACKETS })
  return {
    video: { track: videoTrack, plan }, sound: soundTrack && sound ? { track: soundTrack, plan: sound } : null,
    window, durationMs: Math.max(durationMs ?? endsAtMs, window.endMs), span: onClock(window), clip: { start, end },
  }
}

/** Matroska does not say how long the last picture is shown. */
function endOf({ endsAt }: TrackPlan, { originSeconds, durationMs }: { originSeconds: number; durationMs: number | null }): number {
  const endsAtMs = Math.round((endsAt - originSeconds) * 1000)
  return durationMs !== null && durationMs > endsAtMs && durationMs - endsAtMs <= END_SLACK_MS ? durationMs : endsAtMs
}

const fitChosen = (chosen: TimeWindow, endsAtMs: number) => ({ startMs: chosen.startMs, endMs: Math.max(chosen.startMs + 1, Math.min(chosen.endMs, endsAtMs)), isClamped: false })

/** What the tables add up to, or what the container states; null where only reading on would tell. */
export async function knownDurationMs({ videoTrack, hasTables, originSeconds }: Movie): Promise<number | null> {
  const seconds = hasTables ? await videoTrack.computeDuration({ metadataOnly: true }) : await videoTrack.getDurationFromMetadata()
  return seconds === null ? null : Math.max(0, Math.round((seconds - originSeconds) * 1000))
}
