import { describe, expect, test } from 'vitest'
import { toI420, type I420 } from '../media/i420.ts'
import { layOver, toLayer } from './layer.ts'

const SIDE = 16
const RED = [200, 40, 30, 255] as const
const grey = (): I420 => toI420({ width: SIDE, height: SIDE, data: new Uint8Array(SIDE * SIDE * 3).fill(100) })
const square = (side: number, [red, green, blue, alpha]: readonly [number, number, number, number]) => (
  { width: side, height: side, data: Uint8Array.from({ length: side * side * 4 }, (_, at) => [red, green, blue, alpha][at % 4]) }
)
const redPlanes = toI420({ width: 2, height: 2, data: Uint8Array.from({ length: 12 }, (_, at) => RED[at % 3]) }).data

const lumaAt = ({ data }: I420, x: number, y: number): number => data[y * SIDE + x]
const chromaAt = ({ data }: I420, x: number, y: number): readonly number[] => [SIDE * SIDE, SIDE * SIDE * 1.25].map((plane) => data[plane + (y >> 1) * (SIDE / 2) + (x >> 1)])

describe('a square laid over grey', () => {
  test('has its own colours, and leaves what is beside it', () => {
    const frame = grey()
    layOver(frame, toLayer(square(6, RED)), { left: 4, top: 4 })
    expect([lumaAt(frame, 4, 4), ...chromaAt(frame, 4, 4)]).toEqual([redPlanes[0], redPlanes[4], redPlanes[5]])
    expect(lumaAt(frame, 9, 9)).toBe(redPlanes[0])
    for (const [x, y] of [[3, 6], [10, 6], [6, 3], [6, 10]]) expect(lumaAt(frame, x, y)).toBe(lumaAt(grey(), x, y))
  })

  test('half covers it where it is half transparent', () => {
    const frame = grey()
    layOver(frame, toLayer(square(6, [200, 40, 30, 128])), { left: 4, top: 4 })
    expect(Math.abs(lumaAt(frame, 6, 6) - (redPlanes[0] + lumaAt(grey(), 0, 0)) / 2)).toBeLessThanOrEqual(1)
    expect(Math.abs(chromaAt(frame, 6, 6)[1] - (redPlanes[5] + 128) / 2)).toBeLessThanOrEqual(1)
  })

  test('between two pixels covers both in part', () => {
    const frame = grey()
    layOver(frame, toLayer(square(6, RED)), { left: 4.5, top: 4 })
    const half = (redPlanes[0] + lumaAt(grey(), 0, 0)) / 2
    expect(Math.abs(lumaAt(frame, 4, 6) - half)).toBeLessThanOrEqual(1)
    expect(Math.abs(lumaAt(frame, 10, 6) - half)).toBeLessThanOrEqual(1)
    expect(Math.abs(lumaAt(frame, 6, 6) - redPlanes[0])).toBeLessThanOrEqual(1)
  })

  test.each([[-3, -3], [13.25, 13.75], [-3.5, 6], [40, 2], [2, -40]])('at %f, %f is cut off at the edges', (left, top) => {
    const frame = grey()
    layOver(frame, toLayer(square(6, RED)), { left, top })
    const touched = Array.from({ length: SIDE * SIDE }, (_, at) => [at % SIDE, Math.floor(at / SIDE)] as const).filter(([x, y]) => lumaAt(frame, x, y) !== lumaAt(grey(), x, y))
    for (const [x, y] of touched) expect([x > left - 1, x < left + 6, y > top - 1, y < top + 6]).toEqual([true, true, true, true])
    expect(touched.length > 0).toBe(left < SIDE && top > -6)
  })
})
