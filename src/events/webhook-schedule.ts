const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000]

/** How long after the try before it each try is made. The last one is three days and four hours after the event. */
const DELAYS_MS = [0, 5 * SECOND, 5 * MINUTE, 30 * MINUTE, 2 * HOUR, 5 * HOUR, 10 * HOUR, 14 * HOUR, 20 * HOUR, 24 * HOUR] as const
/** Either way, so that those who failed together do not come back together. */
const JITTER = 0.1

/** When to try again after `attempts` failures; null: no more. `random` gives 0..1. */
export function nextAttemptAt(attempts: number, { nowMs, random }: { readonly nowMs: number; readonly random: () => number }): number | null {
  const delayMs = DELAYS_MS[attempts]
  return delayMs === undefined ? null : nowMs + Math.round(delayMs * (1 - JITTER + 2 * JITTER * random()))
}
