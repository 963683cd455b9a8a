import { EncodedPacket } from 'mediabunny'
import { expect, test } from 'vitest'
import { planFrames, type PacketIndex } from './plan-frames.ts'

const packet = (type: 'key' | 'delta', timestamp: number) => new EncodedPacket(new Uint8Array(), type, timestamp, 1)
/** A picture a second, so many to a group. */
const index = (seconds: number, perGroup: number): PacketIndex => ({
  startsAt: 0, endsAt: seconds,
  groups: Array.from({ length: seconds / perGroup }, (_, group) => Array.from({ length: perGroup }, (_, i) => packet(i === 0 ? 'key' : 'delta', group * perGroup + i))),
})
const timesOf = (plan: ReturnType<typeof planFrames>) => plan.flatMap(({ wanted }) => [...wanted])
const costOf = (plan: ReturnType<typeof planFrames>) => plan.reduce((sum, { packets }) => sum + packets.length, 0)

test('of each group no more is decoded than is wanted of it', () => {
  const plan = planFrames(index(100, 10), { count: 5, mostDecoded: 100 })
  expect(timesOf(plan)).toEqual([0, 25, 50, 75, 99])
  expect(costOf(plan)).toBe(1 + 6 + 1 + 6 + 10)
})

test('where that is too much the key pictures stand in', () => {
  const plan = planFrames(index(100, 10), { count: 5, mostDecoded: 23 })
  expect([timesOf(plan), costOf(plan)]).toEqual([[0, 20, 50, 70, 90], 5])
})

test('too few key pictures do not show all parts of a video', () => {
  expect(() => planFrames(index(100, 50), { count: 5, mostDecoded: 70 })).toThrow(expect.objectContaining({ code: 'media_too_large', details: { what: 'frames', asked: 76, most: 70 } }))
})

test('what an edit list cuts away, and leading pictures, are not shown', () => {
  const groups = [[packet('key', -2), packet('delta', -1), packet('delta', 0)], [packet('key', 3), packet('delta', 1), packet('delta', 2), packet('delta', 4)]]
  expect(timesOf(planFrames({ groups, startsAt: 0, endsAt: 5 }, { count: 9, mostDecoded: 9 }))).toEqual([0, 4])
})
