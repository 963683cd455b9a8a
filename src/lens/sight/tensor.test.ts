import { describe, expect, test } from 'vitest'
import { painted } from '../../../test/fixtures/painted.ts'
import { drawTensor, letterbox, resize, wholeOf } from './tensor.ts'
import { similarityBetween, warpTensor } from './warp.ts'

const BYTES = { mean: [0, 0, 0], deviation: [1, 1, 1], order: 'rgb' } as const
const plane = (tensor: Float32Array, channel: number): readonly number[] => [...tensor.subarray((channel * tensor.length) / 3, ((channel + 1) * tensor.length) / 3)]

describe('resize', () => {
  test('averages what becomes smaller', () => {
    const checked = painted(4, 2, [0, 100, 200], [{ box: [0, 0, 2, 1], colour: [40, 100, 0] }])
    expect([...resize(checked, wholeOf(checked), { width: 2, height: 1 })]).toEqual([20, 100, 100, 0, 100, 200])
  })

  test('blends what becomes larger', () => {
    const step = painted(2, 1, [0, 0, 0], [{ box: [1, 0, 2, 1], colour: [100, 100, 100] }])
    expect([...resize(step, wholeOf(step), { width: 4, height: 1 })].filter((_, i) => i % 3 === 0)).toEqual([0, 25, 75, 100])
  })

  test('takes a region alone', () => {
    const picture = painted(8, 8, [1, 1, 1], [{ box: [4, 4, 8, 8], colour: [77, 77, 77] }])
    expect(new Set(resize(picture, [4, 4, 8, 8], { width: 2, height: 2 }))).toEqual(new Set([77]))
  })
})

describe('a tensor', () => {
  test('is channels first, scaled, and black around the picture whatever was there', () => {
    const tensor = new Float32Array(48).fill(9)
    drawTensor(tensor, painted(4, 2, [10, 20, 30]), { region: [0, 0, 4, 2], place: [0, 1, 4, 3], size: 4, scale: { ...BYTES, mean: [10, 10, 10], deviation: [2, 2, 2] } })
    expect(plane(tensor, 0)).toEqual([...Array(4).fill(-5), ...Array(8).fill(0), ...Array(4).fill(-5)])
    expect(plane(tensor, 2)).toEqual([...Array(4).fill(-5), ...Array(8).fill(10), ...Array(4).fill(-5)])
  })

  test('turns the colours round for a model that wants blue first, each with its own mean', () => {
    const tensor = new Float32Array(3)
    drawTensor(tensor, painted(1, 1, [10, 20, 30]), { region: [0, 0, 1, 1], place: [0, 0, 1, 1], size: 1, scale: { mean: [1, 2, 3], deviation: [1, 1, 1], order: 'bgr' } })
    expect([...tensor]).toEqual([29, 18, 7])
  })
})

test('a letterbox knows its way back to the picture', () => {
  const { place, toPicture } = letterbox([100, 50, 500, 250], 256, 'centre')
  expect(place).toEqual([0, 64, 256, 192])
  expect(toPicture(0, 64)).toEqual([100, 50])
  expect(toPicture(256, 192)).toEqual([500, 250])
})

describe('warp', () => {
  const points = [[30, 40], [60, 38], [45, 55], [46, 70]] as const

  test('the similarity between points and their turned, scaled, shifted copies is that turn', () => {
    const [a, b, tx, ty] = [0.8, -0.6, 12, 5]
    const found = similarityBetween(points, points.map(([x, y]) => [a * x - b * y + tx, b * x + a * y + ty]))
    expect([found.a, found.b, found.tx, found.ty]).toEqual([a, b, tx, ty].map((value) => expect.closeTo(value)))
  })

  test('a quarter turn brings the right edge to the bottom', () => {
    const tensor = new Float32Array(27)
    warpTensor(tensor, painted(3, 3, [0, 0, 0], [{ box: [2, 0, 3, 3], colour: [90, 90, 90] }]), { similarity: { a: 0, b: 1, tx: 2, ty: 0 }, size: 3, divisor: 1 })
    expect(plane(tensor, 0)).toEqual([0, 0, 0, 0, 0, 0, 90, 90, 90])
  })

  test('outside the picture its border goes on', () => {
    const tensor = new Float32Array(48)
    warpTensor(tensor, painted(2, 2, [50, 50, 50]), { similarity: { a: 1, b: 0, tx: 2, ty: 2 }, size: 4, divisor: 50 })
    expect(new Set(tensor)).toEqual(new Set([1]))
  })
})
