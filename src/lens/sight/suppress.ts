import { overlap, type Box } from '../../domain/geometry.ts'

/** Of boxes that overlap by `limit` or more only the one with the best score; best first. */
export function keepBest<Found extends { readonly score: number; readonly box: Box }>(found: readonly Found[], limit: number): readonly Found[] {
  const kept: Found[] = []
  for (const candidate of found.toSorted((a, b) => b.score - a.score)) {
    if (kept.every((other) => overlap(other.box, candidate.box) < limit)) kept.push(candidate)
  }
  return kept
}
