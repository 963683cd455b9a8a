/** The candidate that takes the fewest edits to reach, if it is near enough to be a slip of the hand. */
export function nearest(word: string, candidates: readonly string[]): string | null {
  const most = Math.max(1, Math.floor(word.length / 3))
  const distances = candidates.map((candidate) => ({ candidate, edits: edits(word, candidate) }))
  const best = distances.sort((a, b) => a.edits - b.edits)[0]
  return best !== undefined && best.edits <= most ? best.candidate : null
}

function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (let i = 1; i <= from.length; i++) {
    const next = [i]
    for (let j = 1; j <= to.length; j++) next[j] = Math.min(next[j - 1] + 1, row[j] + 1, row[j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1))
    row = next
  }
  return row[to.length]
}
