import type { Picture } from '../frame.ts'

/** Steps of brightness, and of each of the two axes of colour: shade changes more with the light than hue does. */
const STEPS = { light: 4, colour: 8 } as const
/** Beyond this far from grey is one step. */
const MOST_COLOUR = 80
export const COLOURS = STEPS.light * STEPS.colour ** 2

/**
 * Roots of the shares that each colour has in the wanted pixels, named by their number: a vector of length 1. A pixel counts for the colours it lies between.
 */
export function colourShares({ data }: Picture, isWanted: (at: number) => boolean): Float32Array {
  const shares = new Float32Array(COLOURS)
  let total = 0
  for (let at = 0; at < data.length / 3; at++) {
    if (!isWanted(at)) continue
    addPixel(shares, data[at * 3], data[at * 3 + 1], data[at * 3 + 2])
    total++
  }
  return shares.map((share) => Math.sqrt(share / (total || 1)))
}

// oxlint-disable-next-line max-params -- an object here costs more than the pixel
function addPixel(shares: Float32Array, red: number, green: number, blue: number): void {
  const light = 0.299 * red + 0.587 * green + 0.114 * blue
  for (const [lightStep, lightShare] of between(light / 256, STEPS.light)) {
    for (const [blueStep, blueShare] of between(0.5 + (0.564 * (blue - light)) / (2 * MOST_COLOUR), STEPS.colour)) {
      for (const [redStep, redShare] of between(0.5 + (0.713 * (red - light)) / (2 * MOST_COLOUR), STEPS.colour)) {
        shares[(lightStep * STEPS.colour + blueStep) * STEPS.colour + redStep] += lightShare * blueShare * redShare
      }
    }
  }
}

/** The two steps whose middles a value of 0..1 lies between, and how near it is to each. */
function between(value: number, steps: number): readonly (readonly [step: number, share: number])[] {
  const place = Math.max(0, Math.min(steps - 1, value * steps - 0.5))
  const step = Math.min(steps - 2, Math.floor(place))
  return [[step, 1 - (place - step)], [step + 1, place - step]]
}
