import type { Picture } from '../frame.ts'

/** Luma, then blueness and redness at half the width and height, rows without gaps: BT.709, limited range. Both sides are even. */
export interface I420 { readonly width: number; readonly height: number; readonly data: Uint8Array<ArrayBuffer> }

/** Of 8 bit RGB; rounded by whoever stores it as an integer. */
export const lumaOf = (red: number, green: number, blue: number): number => 16.5 + 0.1826 * red + 0.6142 * green + 0.062 * blue
export const bluenessOf = (red: number, green: number, blue: number): number => 128.5 - 0.1006 * red - 0.3386 * green + 0.4392 * blue
export const rednessOf = (red: number, green: number, blue: number): number => 128.5 + 0.4392 * red - 0.3989 * green - 0.0403 * blue

/** Odd sides lose their last row or column. */
export function toI420({ width: fullWidth, height: fullHeight, data: rgb }: Picture): I420 {
  const [width, height] = [Math.max(2, fullWidth & ~1), Math.max(2, fullHeight & ~1)]
  const data = new Uint8Array((width * height * 3) / 2)
  const [blueness, redness] = [width * height, width * height * 1.25]
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = (Math.min(y, fullHeight - 1) * fullWidth + Math.min(x, fullWidth - 1)) * 3
      data[y * width + x] = lumaOf(rgb[at], rgb[at + 1], rgb[at + 2])
      if ((x | y) & 1) continue
      const chroma = (y >> 1) * (width >> 1) + (x >> 1)
      data[blueness + chroma] = bluenessOf(rgb[at], rgb[at + 1], rgb[at + 2])
      data[redness + chroma] = rednessOf(rgb[at], rgb[at + 1], rgb[at + 2])
    }
  }
  return { width, height, data }
}
