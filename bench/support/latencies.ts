import { rounded } from './report.ts'

/** The value that this share of them does not exceed; 0 for none. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0
}

export const spreadOf = (latenciesMs: readonly number[]): Readonly<Record<string, number>> => ({
  count: latenciesMs.length,
  'p50 ms': rounded(percentile(latenciesMs, 0.5), 1),
  'p99 ms': rounded(percentile(latenciesMs, 0.99), 1),
  'p99.9 ms': rounded(percentile(latenciesMs, 0.999), 1),
  'most ms': rounded(percentile(latenciesMs, 1), 1),
})
