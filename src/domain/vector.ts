export type Vector = Float32Array | readonly number[]

/** Euclidean distance. */
export function distance(a: Vector, b: Vector): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2
  return Math.sqrt(sum)
}

export function mean(vectors: readonly Vector[]): Float32Array {
  const sum = new Float32Array(vectors[0].length)
  for (const vector of vectors) for (let i = 0; i < sum.length; i++) sum[i] += vector[i] / vectors.length
  return sum
}

/** The same direction with length 1. */
export function unit(vector: Vector): Float32Array {
  const length = Math.hypot(...vector) || 1
  return Float32Array.from(vector, (value) => value / length)
}

/** 1 for the same direction, whatever the lengths; 0 where one has no length. */
export function cosine(a: Vector, b: Vector): number {
  let product = 0
  for (let i = 0; i < a.length; i++) product += a[i] * b[i]
  return product / (Math.hypot(...a) * Math.hypot(...b) || Infinity)
}
