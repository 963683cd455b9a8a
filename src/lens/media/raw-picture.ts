import { unsupported } from './sniff.ts'

interface Layout {
  /** Halvings of the chroma planes against the luma plane. */
  readonly shiftX: 0 | 1
  readonly shiftY: 0 | 1
  readonly bits: 8 | 10 | 12
}

const LAYOUTS: Readonly<Record<string, Layout>> = {
  I420: { shiftX: 1, shiftY: 1, bits: 8 }, I422: { shiftX: 1, shiftY: 0, bits: 8 }, I444: { shiftX: 0, shiftY: 0, bits: 8 },
  I420P10: { shiftX: 1, shiftY: 1, bits: 10 }, I422P10: { shiftX: 1, shiftY: 0, bits: 10 }, I444P10: { shiftX: 0, shiftY: 0, bits: 10 },
  I420P12: { shiftX: 1, shiftY: 1, bits: 12 }, I422P12: { shiftX: 1, shiftY: 0, bits: 12 }, I444P12: { shiftX: 0, shiftY: 0, bits: 12 },
}

export interface Plane {
  readonly samples: Uint8Array | Uint16Array
  /** Samples from one row to the next, and how many rows there really are. */
  readonly rowLength: number
  readonly rows: number
}

/** A decoded picture as the codec left it: planes of luma and two of chroma. */
export interface RawPicture extends Layout {
  readonly width: number
  readonly height: number
  readonly planes: readonly [luma: Plane, blueness: Plane, redness: Plane]
  readonly matrix: string | null
  readonly transfer: string | null
  readonly isFullRange: boolean
  readonly byteLength: number
}

/**
 * Copies the planes out of a frame. Not `copyTo({ format: 'RGBX' })`: that takes everything for BT.601 limited range, and 200,60,40 in
 * BT.709 came out as 187,44,40. What the pictures do not say of their colours is taken from `stated`, the container's word. Throws `media_unsupported` for layouts other than planar Y'CbCr.
 */
export async function copyPicture(frame: VideoFrame, stated: VideoColorSpaceInit = {}): Promise<RawPicture> {
  const layout = LAYOUTS[frame.format ?? '']
  if (!layout) throw unsupported(new Error(`frames of format ${frame.format}`))
  const bytes = new Uint8Array(frame.allocationSize())
  const [luma, blueness, redness] = planesOf(bytes, await frame.copyTo(bytes), layout)
  if (!luma || !blueness || !redness) throw unsupported(new Error(`frames of format ${frame.format} without chroma`))
  return {
    ...layout, width: frame.codedWidth, height: frame.codedHeight, planes: [luma, blueness, redness],
    matrix: frame.colorSpace.matrix ?? stated.matrix ?? null,
    transfer: frame.colorSpace.transfer ?? stated.transfer ?? null,
    isFullRange: frame.colorSpace.fullRange ?? stated.fullRange ?? false,
    byteLength: bytes.length,
  }
}

/** Of an odd-sized frame the last chroma row and column may be missing. */
function planesOf(bytes: Uint8Array, places: readonly PlaneLayout[], { bits }: Layout): readonly Plane[] {
  return places.map(({ offset, stride }, index) => {
    const end = places[index + 1]?.offset ?? bytes.length
    const samples = bits > 8 ? new Uint16Array(bytes.buffer, offset, (end - offset) >> 1) : bytes.subarray(offset, end)
    const rowLength = bits > 8 ? stride >> 1 : stride
    return { samples, rowLength, rows: Math.floor(samples.length / rowLength) }
  })
}
