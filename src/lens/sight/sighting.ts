import type { Box, Point } from '../../domain/geometry.ts'

interface Placed {
  readonly seconds: number
  /** Fractions of the upright frame. */
  readonly box: Box
  readonly score: number
  /** Spread of a Laplacian over the box: high on edges in focus, low on blur. */
  readonly sharpness: number
  /** Share of the box that is not drowned in black or white, 0..1. */
  readonly exposed: number
}

/** A verified face. */
export interface SeenFace extends Placed {
  readonly what: 'face'
  /** Fractions of the upright frame; order as in `Face`. */
  readonly points: readonly Point[]
  readonly eyesOpen: number
  readonly turned: number
  readonly tilted: number
  /** Share of the picture around the head that has the face's own colour: rises when a hand comes near. */
  readonly skinAround: number
  readonly identity: Float32Array
}

/** Something NanoDet has a name for. */
export interface SeenThing extends Placed {
  readonly what: 'thing'
  readonly name: string
  /** Where a head would be there is something face-like, though too small or turned to be verified. */
  readonly hasHead: boolean
}

/** The foreground of the mask. */
export interface SeenShape extends Placed { readonly what: 'shape' }

export type Seen = SeenFace | SeenThing | SeenShape
