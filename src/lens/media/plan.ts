import { EncodedPacketSink } from 'mediabunny'
import type { EncodedPacket, InputTrack } from 'mediabunny'
import { tooLarge } from './budget.ts'
import { NotFetchedYet } from './held-bytes.ts'
import type { ByteRange, HeldBytes } from './held-bytes.ts'

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

/** A packet that could be read at once, or what the demuxer asked for to read it. */
type Asked = { readonly packet: EncodedPacket } | { readonly ranges: readonly ByteRange[] }

/**
 * The planned packets of each track with their bytes, fetched together; fewer where the source ends inside them.
 * With sample tables each track must come from a demuxer of its own: see {@link locate}.
 */
export async function readPackets(tracks: readonly PlannedTrack[], { bytes, hasTables }: { readonly bytes: HeldBytes; readonly hasTables: boolean }): Promise<readonly (readonly EncodedPacket[])[]> {
  const reads = []
  for (const planned of tracks) {
    const asked = await askForPackets(planned, bytes)
    reads.push({ planned, asked, located: hasTables ? locate(asked, planned.plan, bytes.size) : null })
  }
  await bytes.fetch(reads.flatMap(({ asked, located }) => (located ?? asked).flatMap((each) => ('ranges' in each ? each.ranges : []))))
  return Promise.all(reads.map(({ planned, located }) => (located ? takePackets(planned.plan, located, bytes) : demuxPackets(planned))))
}

/** The demuxer does not tell where in the source a packet lies: so each is asked for once while reads are refused. */
async function askForPackets({ track, plan }: PlannedTrack, bytes: HeldBytes): Promise<readonly Asked[]> {
  const sink = new EncodedPacketSink(track)
  const asked: Asked[] = []
  for (const at of plan.packets.keys()) {
    let packet: EncodedPacket | null = null
    const ranges = await bytes.refusing(async () => { packet = await withBytes(sink, plan, at).catch(dropNotFetchedYet) })
    asked.push(packet ? { packet } : { ranges })
  }
  return asked
}

/**
 * Narrows what was asked for to where each packet lies; null where that cannot be told. The demuxer reads on from where an earlier read of
 * its own began, over gaps of up to 128 KiB; but what it asks for ends with the packet, as long as its packets follow each other in the file.
 */
function locate(asked: readonly Asked[], { packets }: TrackPlan, sourceSize: number): readonly Asked[] | null {
  let reached = 0
  const located: Asked[] = []
  for (const [i, each] of asked.entries()) {
    if ('ranges' in each) {
      const [range] = each.ranges
      const { byteLength } = packets[i]
      if (each.ranges.length !== 1 || !range || range.end <= reached || range.end - range.start < byteLength || range.end >= sourceSize) return null
      reached = range.end
      located.push({ ranges: [{ start: range.end - byteLength, end: range.end }] })
    } else {
      located.push(each)
    }
  }
  return located
}

const takePackets = ({ packets }: TrackPlan, located: readonly Asked[], bytes: HeldBytes): Promise<readonly EncodedPacket[]> => (
  Promise.all(located.map(async (each, i) => ('packet' in each ? each.packet : packets[i].clone({ data: await bytes.read(each.ranges[0].start, each.ranges[0].end) }))))
)

function dropNotFetchedYet(error: unknown): null {
  if (error instanceof NotFetchedYet) return null
  throw error
}

async function demuxPackets({ track, plan }: PlannedTrack): Promise<readonly EncodedPacket[]> {
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
