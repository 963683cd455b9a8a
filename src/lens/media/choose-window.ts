import { EncodedPacketSink } from 'mediabunny'
import type { EncodedPacket, InputVideoTrack } from 'mediabunny'
import { WINDOW_MS } from '../../domain/window.ts'
import type { TimeWindow } from '../../domain/window.ts'
import { decode } from './decode.ts'
import type { HeldBytes } from './held-bytes.ts'
import { readPackets } from './plan.ts'
import type { PlannedTrack } from './plan.ts'
import { copyPicture } from './raw-picture.ts'
import type { RawPicture } from './raw-picture.ts'

const SEARCHED_MS = 60_000
const CANDIDATES = 8
const MOST_CANDIDATE_BYTES = 8 * 1024 * 1024
const TABLES_ONLY = { metadataOnly: true } as const
/** Detail is looked for in every so many-th pixel of a row, and in every so many-th row. */
const LOOK_EVERY = 4

export interface ChooseOptions {
  readonly bytes: HeldBytes
  /** Null where the source has no index, and looking for key frames would mean reading it all. */
  readonly durationMs: number | null
  readonly originSeconds: number
  readonly signal: AbortSignal | undefined
}

/**
 * Where to look when nobody said: of eight key frames spread over the first minute, the one with the most detail for the number of key
 * frames that follow within the window, as encoders put those where the shot changes. Only these key frames are read and decoded.
 */
export async function chooseWindow(track: InputVideoTrack, { bytes, durationMs, originSeconds, signal }: ChooseOptions): Promise<TimeWindow> {
  const fallback = { startMs: 0, endMs: Math.min(durationMs ?? WINDOW_MS.most, WINDOW_MS.most) }
  const latestMs = Math.min(SEARCHED_MS, durationMs ?? 0) - WINDOW_MS.most
  const config = await track.getDecoderConfig()
  if (latestMs <= 0 || !config) return fallback
  const keys = await keyPackets(track, { latestMs, originSeconds })
  const candidates = keys.map((key): PlannedTrack => ({ track, plan: { packets: [key], endsAt: key.timestamp, byteLength: key.byteLength } }))
  const read = await readPackets(candidates, { bytes, hasTables: false })
  let best = { score: 0, startMs: 0 }
  for (const [i, candidate] of candidates.entries()) {
    const packets = read[i] ?? []
    const startMs = Math.ceil(((packets[0]?.timestamp ?? 0) - originSeconds) * 1000)
    for await (const { picture } of decode({ config, packets, ...(signal && { signal }) })) {
      const changes = await keyPacketsWithin(track, candidate)
      const score = detail(await copyPicture(picture)) / (1 + changes)
      if (score > best.score) best = { score, startMs: Math.max(0, startMs) }
    }
  }
  return best.score > 0 ? { startMs: best.startMs, endMs: best.startMs + WINDOW_MS.most } : fallback
}

async function keyPackets(track: InputVideoTrack, { latestMs, originSeconds }: { latestMs: number; originSeconds: number }): Promise<readonly EncodedPacket[]> {
  const sink = new EncodedPacketSink(track)
  const found = new Map<number, EncodedPacket>()
  let byteLength = 0
  for (let i = 0; i < CANDIDATES && byteLength < MOST_CANDIDATE_BYTES; i++) {
    const key = await sink.getKeyPacket((latestMs * i) / (CANDIDATES - 1) / 1000 + originSeconds, TABLES_ONLY)
    if (!key || found.has(key.timestamp)) continue
    found.set(key.timestamp, key)
    byteLength += key.byteLength
  }
  return [...found.values()]
}

async function keyPacketsWithin(track: InputVideoTrack, { plan: { packets: [first], endsAt } }: PlannedTrack): Promise<number> {
  const sink = new EncodedPacketSink(track)
  let count = 0
  for (let packet = first ? await sink.getNextKeyPacket(first, TABLES_ONLY) : null; packet && packet.timestamp < endsAt + WINDOW_MS.most / 1000; count++) {
    packet = await sink.getNextKeyPacket(packet, TABLES_ONLY)
  }
  return count
}

/** Mean difference of neighbouring pixels: next to nothing for black, blurred and faded pictures. */
function detail({ planes: [{ samples, rowLength }], width, height, bits }: RawPicture): number {
  let sum = 0
  let count = 0
  for (let y = 0; y + 1 < height; y += LOOK_EVERY) {
    for (let x = 0; x + 1 < width; x += LOOK_EVERY) {
      const at = y * rowLength + x
      sum += Math.abs(samples[at] - samples[at + 1]) + Math.abs(samples[at] - samples[at + rowLength])
      count++
    }
  }
  return sum / Math.max(1, count) / (1 << (bits - 8))
}
