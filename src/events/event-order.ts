/** Milliseconds that never come twice and only grow: ids made from them sort by the order they were made in. */
export function growing(clock: () => number): () => number {
  let lastMs = 0
  return () => (lastMs = Math.max(clock(), lastMs + 1))
}
