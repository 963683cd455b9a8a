import type { Picture } from '../frame.ts'

/** Steps of brightness, and of each of the two axes of colour: shade changes more with the light than hue does. */
const STEPS = { light: 4, colour: 8 } as const
/** Beyond this far from grey is one step. */
const MOST_COLOUR = 80
const COLOURS = STEPS.light * STEPS.colour ** 2

/** Every second pixel of every second row tells the same. */
const STRIDE = 2

/**
 * Roots of the shares that each colour has in the wanted pixels, named by their number: a vector of length 1. A pixel counts for the colours it lies between.
 */
export function colourShares({ width, height, data }: Picture, isWanted: (at: number) => boolean): Float32Array {
  const shares = new Float32Array(COLOURS)
  let total = 0
  for (let y = 0; y < height; y += STRIDE) {
    for (let x = 0; x < width; x += STRIDE) {
      const at = y * width + x
      if (!isWanted(at)) continue
      addPixel(shares, data[at * 3], data[at * 3 + 1], data[at * 3 + 2])
      total++
    }
  }
  return shares.map((share) => Math.sqrt(share / (total || 1)))
}

// oxlint-disable-next-line max-params -- an object here costs more than the pixel
function addPixel(shares: Float32Array, red: number, green: number, blue: number): void {
  const light = 0.299 * red + 0.587 * green + 0.114 * blue
  const lightPlace = placeOf(light / 256, STEPS.light)
  const bluePlace = placeOf(0.5 + (0.564 * (blue - light)) / (2 * MOST_COLOUR), STEPS.colour)
  const redPlace = placeOf(0.5 + (0.713 * (red - light)) / (2 * MOST_COLOUR), STEPS.colour)
  // The two steps on each axis whose middles the pixel lies between, by how near it is to each.
  for (let corner = 0; corner < 8; corner++) {
    const lightStep = Math.floor(lightPlace) + (corner & 1)
    const blueStep = Math.floor(bluePlace) + ((corner >> 1) & 1)
    const redStep = Math.floor(redPlace) + (corner >> 2)
    const share = (1 - Math.abs(lightPlace - lightStep)) * (1 - Math.abs(bluePlace - blueStep)) * (1 - Math.abs(redPlace - redStep))
    if (share > 0) shares[(lightStep * STEPS.colour + blueStep) * STEPS.colour + redStep] += share
  }
}

const placeOf = (value: number, steps: number): number => Math.max(0, Math.min(steps - 1, value * steps - 0.5))
