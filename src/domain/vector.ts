export type Vector = Float32Array | readonly number[]

/** Euclidean distance. */
export function distance(a: Vector, b: Vector): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i] - b[i]) ** 2
  return Math.sqrt(sum)
}

function dot(a: Vector, b: Vector): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i]
  return sum
}

/** Cosine similarity, -1..1; 0 when either has no length. */
export const cosine = (a: Vector, b: Vector): number => dot(a, b) / (Math.sqrt(dot(a, a) * dot(b, b)) || 1)

export function mean(vectors: readonly Vector[]): Float32Array {
  const sum = new Float32Array(vectors[0].length)
  for (const vector of vectors) for (let i = 0; i < sum.length; i++) sum[i] += vector[i] / vectors.length
  return sum
}

/** The vector nearest to all the others. */
export function medoid<V extends Vector>(vectors: readonly V[]): V {
  const strangeness = vectors.map((vector) => vectors.reduce((sum, other) => sum + distance(vector, other), 0))
  return vectors[strangeness.indexOf(Math.min(...strangeness))]
}

/** The same direction with length 1. */
export function unit(vector: Vector): Float32Array {
  const length = Math.sqrt(dot(vector, vector)) || 1
  return Float32Array.from(vector, (value) => value / length)
}
