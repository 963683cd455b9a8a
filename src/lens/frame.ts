/** An upright picture: RGB bytes, rows without gaps, square pixels, sRGB. */
export interface Picture { readonly width: number; readonly height: number; readonly data: Uint8Array | Uint8ClampedArray }

/** A picture and when it is shown, in seconds of the source. */
export interface Frame extends Picture { readonly seconds: number }

/** The window, ready to be decoded: a copied mini clip, or the pictures of an animation. */
export interface WindowPictures {
  /** Frames at about `perSecond`, each with a long side of at most `longSide` pixels, in the order they are shown. */
  frames(options: { readonly perSecond: number; readonly longSide: number }): AsyncIterable<Frame>
  /** The frames shown at exactly these times (as {@link frames} gave them), full size, in the order they are shown. */
  framesAt(seconds: readonly number[]): AsyncIterable<Frame>
  /** The window's sound as 16 kHz mono floats, -1..1; null where there is none or it cannot be decoded. */
  sound(): Promise<Float32Array | null>
}
