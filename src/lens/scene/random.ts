/** Numbers from 0 up to 1, the same ones for the same seed. */
export type Random = () => number

/** Mulberry32: enough for placing pictures, nothing else. */
export function randomFrom(seed: number): Random {
  let state = Math.imul(seed ^ Math.floor(seed / 2 ** 32), 0x9e3779b1)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export const between = (random: Random, least: number, most: number): number => least + random() * (most - least)
