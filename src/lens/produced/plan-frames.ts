import { EncodedPacketSink } from 'mediabunny'
import type { EncodedPacket, InputVideoTrack } from 'mediabunny'
import { AppError } from '../../domain/errors.ts'
import { tooLarge } from '../media/budget.ts'
import { TIME_SLACK_SECONDS } from '../media/pace.ts'

/** 120 s at 120 a second, and some. */
const MOST_PACKETS = 15_000
const TABLES_ONLY = { metadataOnly: true } as const

/** A key packet and those up to the next, in decode order and without their bytes. */
type Group = readonly EncodedPacket[]

/** The pictures of a video, in seconds on the clock of its container. */
export interface PacketIndex {
  readonly groups: readonly Group[]
  readonly startsAt: number
  readonly endsAt: number
}

/** What of one group is decoded for the pictures wanted of it, by their times. */
export interface GroupPlan { readonly packets: Group; readonly wanted: ReadonlySet<number> }

/** Rejects with `media_corrupt` where there are no pictures, or no length, and with `media_too_large`. */
export async function indexPackets(track: InputVideoTrack, mostSeconds: number): Promise<PacketIndex> {
  const sink = new EncodedPacketSink(track)
  const groups: EncodedPacket[][] = []
  let count = 0
  for (let packet = await sink.getFirstKeyPacket(TABLES_ONLY); packet; packet = await sink.getNextPacket(packet, TABLES_ONLY)) {
    if (++count > MOST_PACKETS) throw tooLarge('frames', count, MOST_PACKETS)
    const group = groups.at(-1)
    if (!group || packet.type === 'key') groups.push([packet])
    else group.push(packet)
  }
  const packets = groups.flatMap(shownOf)
  if (packets.length === 0) throw new AppError('media_corrupt')
  const startsAt = packets.reduce((least, { timestamp }) => Math.min(least, timestamp), Infinity)
  const endsAt = packets.reduce((most, { timestamp, duration }) => Math.max(most, timestamp + duration), -Infinity)
  if (!(endsAt > startsAt)) throw new AppError('media_corrupt')
  const mostHere = Math.floor((mostSeconds * packets.length) / (endsAt - startsAt))
  if (endsAt - startsAt > mostSeconds) throw tooLarge('frames', packets.length, mostHere)
  return { groups, startsAt, endsAt }
}

/** Without what an edit list cuts away in front, which has times below zero, and the leading pictures of an open group, which need the group before. */
const shownOf = (group: Group): Group => group.filter(({ timestamp, duration }) => timestamp + duration > 0 && timestamp >= group[0].timestamp)

/**
 * Which packets to decode for `count` pictures spread evenly from the first to the last. Where that would be more than `mostDecoded`, each
 * gives way to the key picture before it; throws `media_too_large` where those do not tell the beginning, the middle and the end apart.
 */
export function planFrames({ groups, startsAt, endsAt }: PacketIndex, { count, mostDecoded }: { readonly count: number; readonly mostDecoded: number }): readonly GroupPlan[] {
  const shown = groups.flatMap((packets) => shownOf(packets).map((packet) => ({ packets, packet }))).toSorted((a, b) => a.packet.timestamp - b.packet.timestamp)
  const last = shown.length - 1
  const steps = Math.min(count, shown.length)
  const chosen = Array.from({ length: steps }, (_, i) => {
    const ideal = startsAt + ((endsAt - startsAt) * i) / Math.max(1, steps - 1)
    const after = shown.findIndex(({ packet }) => packet.timestamp > ideal + TIME_SLACK_SECONDS)
    return shown[after < 0 ? last : Math.max(0, after - 1)]
  })
  const plans = plansOf(chosen)
  const cost = plans.reduce((sum, { packets }) => sum + packets.length, 0)
  if (cost <= mostDecoded) return plans
  const keys = plansOf(chosen.map(({ packets }) => ({ packets, packet: packets[0] })))
  if (keys.length < LEAST_KEYS) throw tooLarge('frames', cost, mostDecoded)
  return keys
}

const LEAST_KEYS = 3

function plansOf(chosen: readonly { readonly packets: Group; readonly packet: EncodedPacket }[]): readonly GroupPlan[] {
  const wanted = new Map<Group, Set<number>>()
  for (const { packets, packet } of chosen) wanted.set(packets, (wanted.get(packets) ?? new Set()).add(packet.timestamp))
  return [...wanted].map(([packets, times]) => {
    const latest = Math.max(...times)
    return { packets: packets.slice(0, packets.findLastIndex(({ timestamp }) => timestamp <= latest) + 1), wanted: times }
  })
}
