import type { Capabilities } from '../domain/capabilities.ts'

const PREFERRED = { portrait: '720x1280', landscape: '1280x720' } as const
const DEFAULT_SECONDS = 4

type Orientation = keyof typeof PREFERRED

/** The size that a model makes when none is asked for; null where it makes none of that orientation. */
export function chooseSize({ sizes }: Capabilities, orientation: Orientation | null): string | null {
  const preferred = PREFERRED[orientation ?? 'portrait']
  if (sizes.includes(preferred)) return preferred
  const fitting = orientation === null ? sizes : sizes.filter((size) => isOriented(size, orientation))
  return fitting[0] ?? null
}

function isOriented(size: string, orientation: Orientation): boolean {
  const [width, height] = size.split('x').map(Number)
  return orientation === 'portrait' ? height > width : width > height
}

/** The length nearest to the wished one that a model makes. */
export function chooseSeconds({ seconds }: Capabilities, wished: number = DEFAULT_SECONDS): number {
  if ('min' in seconds) return Math.min(Math.max(Math.round(wished), seconds.min), seconds.max)
  return seconds.toSorted((a, b) => Math.abs(a - wished) - Math.abs(b - wished) || a - b)[0] ?? wished
}
