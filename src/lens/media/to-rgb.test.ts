import { describe, expect, test } from 'vitest'
import type { Plane, RawPicture } from './raw-picture.ts'
import { toRgb } from './to-rgb.ts'
import type { Orientation } from './to-rgb.ts'

const UPRIGHT = { rotation: 0, isMirrored: false } as const

function plane(width: number, height: number, value: (x: number, y: number) => number, isDeep = false): Plane {
  const rowLength = width
  const samples = isDeep ? new Uint16Array(rowLength * height) : new Uint8Array(rowLength * height)
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) samples[y * rowLength + x] = value(x, y)
  return { samples, rowLength, rows: height }
}

/** One colour all over. */
function flat([luma, blueness, redness]: readonly [number, number, number], facts: Partial<RawPicture> = {}): RawPicture {
  const { width = 8, height = 6, shiftX = 1, shiftY = 1, bits = 8 } = facts
  const [chromaWidth, chromaHeight] = [width >> shiftX, height >> shiftY]
  return {
    width, height, shiftX, shiftY, bits, matrix: 'bt709', transfer: 'bt709', isFullRange: false, byteLength: 0,
    planes: [plane(width, height, () => luma, bits > 8), plane(chromaWidth, chromaHeight, () => blueness, bits > 8), plane(chromaWidth, chromaHeight, () => redness, bits > 8)],
    ...facts,
  }
}

const firstPixel = (raw: RawPicture): readonly number[] => Array.from(toRgb(raw, { width: 4, height: 3, orientation: UPRIGHT }).data.slice(0, 3))

/** The largest difference. */
const distance = (actual: ArrayLike<number>, expected: readonly number[]): number => Math.max(...expected.map((value, i) => Math.abs((actual[i] ?? Number.NaN) - value)))

function ramp(width: number, height: number): RawPicture {
  const grey = flat([0, 128, 128], { width, height, shiftX: 0, shiftY: 0 })
  return { ...grey, planes: [plane(width, height, (x, y) => 16 + x * 10 + y * 40), grey.planes[1], grey.planes[2]] }
}

function tensOf(raw: RawPicture, orientation: Orientation): number[][] {
  const { width, height, data } = toRgb(raw, { width: raw.width, height: raw.height, orientation })
  return Array.from({ length: height }, (_, y) => Array.from({ length: width }, (_, x) => Math.round(((data[(y * width + x) * 3] ?? 0) * 219) / 255 / 10)))
}

describe('colours', () => {
  // Worked out by hand from the matrices of BT.709 and BT.601.
  test.each([
    ['BT.709', [92, 105, 190], {}, [200, 60, 40]],
    ['BT.601', [102, 98, 191], { matrix: 'smpte170m' }, [200, 60, 40]],
    ['BT.601 by default below 720 lines', [102, 98, 191], { matrix: null }, [200, 60, 40]],
    ['BT.709 in full range', [88, 102, 199], { isFullRange: true }, [200, 60, 40]],
    ['black', [16, 128, 128], {}, [0, 0, 0]],
    ['white', [235, 128, 128], {}, [255, 255, 255]],
    ['beyond white', [255, 128, 128], {}, [255, 255, 255]],
    ['10 bits', [92 * 4, 105 * 4, 190 * 4], { bits: 10 }, [200, 60, 40]],
    ['4:4:4', [92, 105, 190], { shiftX: 0, shiftY: 0 }, [200, 60, 40]],
    ['4:2:2', [92, 105, 190], { shiftY: 0 }, [200, 60, 40]],
  ] as const)('%s', (_, ycc, facts, rgb) => {
    expect(distance(firstPixel(flat(ycc, facts)), rgb)).toBeLessThanOrEqual(2)
  })

  test('of HDR come out neither grey nor burnt', () => {
    const hdr = { bits: 10, matrix: 'bt2020-ncl' } as const
    const grey = (luma: number, transfer: string): readonly number[] => firstPixel(flat([luma, 512, 512], { ...hdr, transfer }))
    // 203 nits is a signal of 0.58 in PQ and 0.75 in HLG: white, with some room above it.
    for (const [transfer, white] of [['pq', 64 + 0.58 * 876], ['hlg', 64 + 0.75 * 876]] as const) {
      expect(distance(grey(Math.round(white), transfer), [245, 245, 245])).toBeLessThanOrEqual(4)
      expect(distance(grey(64, transfer), [0, 0, 0])).toBeLessThanOrEqual(1)
      expect(distance(grey(940, transfer), [255, 255, 255])).toBeLessThanOrEqual(1)
      const [dim = 0, bright = 0] = [grey(400, transfer)[0], grey(500, transfer)[0]]
      expect(dim).toBeLessThan(bright)
      expect(grey(Math.round(white), 'bt709')[0]).toBeLessThan(210)
    }
  })
})

describe('places', () => {
  // Rows of a picture 3 wide and 2 high, in tens.
  const straight = [[0, 1, 2], [4, 5, 6]]

  test.each([
    [0, false, straight],
    [90, false, [[4, 0], [5, 1], [6, 2]]],
    [180, false, [[6, 5, 4], [2, 1, 0]]],
    [270, false, [[2, 6], [1, 5], [0, 4]]],
    [0, true, [[2, 1, 0], [6, 5, 4]]],
    [90, true, [[0, 4], [1, 5], [2, 6]]],
  ] as const)('turned by %i, mirrored: %s', (rotation, isMirrored, expected) => {
    expect(tensOf(ramp(3, 2), { rotation, isMirrored })).toEqual(expected)
  })

  test('of an odd size whose last chroma is missing', () => {
    const { data } = toRgb(flat([92, 105, 190], { width: 7, height: 5 }), { width: 7, height: 5, orientation: UPRIGHT })
    expect(distance(data.slice(-3), [200, 60, 40])).toBeLessThanOrEqual(2)
  })

  test('are averaged when the picture is made smaller', () => {
    const stripes: RawPicture = { ...flat([0, 128, 128], { width: 8, height: 6 }), planes: [plane(8, 6, (x) => (x % 2 ? 235 : 16)), plane(4, 3, () => 128), plane(4, 3, () => 128)] }
    expect(distance(toRgb(stripes, { width: 4, height: 3, orientation: UPRIGHT }).data, Array.from({ length: 36 }, () => 128))).toBeLessThanOrEqual(1)
  })
})
