import { EncodedPacketSink } from 'mediabunny'
import type { EncodedPacket, InputTrack } from 'mediabunny'
import { tooLarge } from './budget.ts'
import { NotFetchedYet } from './held-bytes.ts'
import type { HeldBytes } from './held-bytes.ts'

/** How many unwanted packets in a row end the search. Looking costs nothing in a sample table, but bytes in a stream. */
const REORDERED_PACKETS = { tables: 32, stream: 16 } as const
const CODECS_THAT_REORDER: ReadonlySet<string | null> = new Set(['avc', 'hevc'])
const TABLES_ONLY = { metadataOnly: true } as const

/** Seconds on the clock of the source's container. */
export interface Span { readonly start: number; readonly end: number }

export interface TrackPlan {
  /** Without their bytes, in decode order, from the covering key packet on. */
  readonly packets: readonly EncodedPacket[]
  /** Where the last of them ends; before the end of the span where the track ends early. */
  readonly endsAt: number
  readonly byteLength: number
}

export interface PlanOptions extends Span {
  readonly fromKeyFrame: boolean
  readonly hasTables: boolean
  readonly mostPackets: number
}

/** The packets of a track that a span needs, or null where the track has none. No media byte is read where there are sample tables. */
export async function planTrack(track: InputTrack, { start, end, fromKeyFrame, hasTables, mostPackets }: PlanOptions): Promise<TrackPlan | null> {
  const sink = new EncodedPacketSink(track)
  const patience = CODECS_THAT_REORDER.has(await track.getCodec()) ? REORDERED_PACKETS[hasTables ? 'tables' : 'stream'] : 0
  const covering = fromKeyFrame ? await sink.getKeyPacket(start, TABLES_ONLY) : await sink.getPacket(start, TABLES_ONLY)
  const first = covering ?? await sink.getFirstKeyPacket(TABLES_ONLY)
  const seen: EncodedPacket[] = []
  let needed = 0
  let latestKey = -Infinity
  for (let packet = first; packet && seen.length - needed <= patience; packet = await sink.getNextPacket(packet, TABLES_ONLY)) {
    if (packet.type === 'key' && packet.timestamp < latestKey) break // joined recordings: the clock begins anew, and the times with it
    if (packet.type === 'key') latestKey = packet.timestamp
    seen.push(packet)
    if (packet.timestamp < end) needed = seen.length // with B-frames a wanted packet can follow unwanted ones: those are needed too
    if (needed > mostPackets) throw tooLarge('frames', needed, mostPackets)
  }
  const packets = seen.slice(0, needed)
  if (packets.length === 0) return null
  return {
    packets,
    endsAt: packets.reduce((latest, { timestamp, duration }) => Math.max(latest, timestamp + duration), -Infinity),
    byteLength: packets.reduce((sum, { byteLength }) => sum + byteLength, 0),
  }
}

export interface PlannedTrack { readonly track: InputTrack; readonly plan: TrackPlan }

/**
 * Fetches the planned packets. Mediabunny does not tell where in the source a packet lies, but it asks for exactly those bytes: each
 * packet is asked for once while reads are refused, and the refused ranges are fetched together.
 */
export async function fetchPackets(tracks: readonly PlannedTrack[], bytes: HeldBytes): Promise<void> {
  const wanted = await bytes.refusing(async () => {
    for (const { track, plan } of tracks) {
      const sink = new EncodedPacketSink(track)
      for (const at of plan.packets.keys()) await withBytes(sink, plan, at).catch(dropNotFetchedYet)
    }
  })
  await bytes.fetch(wanted)
}

function dropNotFetchedYet(error: unknown): void {
  if (!(error instanceof NotFetchedYet)) throw error
}

/** The planned packets with their bytes; fewer where the source ends inside them. */
export async function readPackets({ track, plan }: PlannedTrack): Promise<readonly EncodedPacket[]> {
  const sink = new EncodedPacketSink(track)
  const packets: EncodedPacket[] = []
  for (const at of plan.packets.keys()) {
    const packet = await withBytes(sink, plan, at)
    if (!packet) break
    packets.push(packet)
  }
  return packets
}

/** By its neighbour, not by its time: times may repeat. */
function withBytes(sink: EncodedPacketSink, { packets }: TrackPlan, at: number): Promise<EncodedPacket | null> {
  const [first] = packets
  const previous = packets[at - 1]
  if (previous) return sink.getNextPacket(previous)
  return first ? sink.getPacket(first.timestamp) : Promise.resolve(null)
}
