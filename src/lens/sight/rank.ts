import type { Kind } from '../../domain/character.ts'
import { areaOf, centreOf } from '../../domain/geometry.ts'
import type { Track } from './tracks.ts'

/** Matters only when a window holds several kinds of subject; judged by looking at a few clips. */
const PRIOR: Readonly<Record<Kind, number>> = { person: 1, animal: 0.9, cartoon: 0.9, object: 0.5 }

/** How much a subject is what the window is about: seen often, large, in the middle, sharp. */
export function rankOf(track: Track, { kind, looked }: { readonly kind: Kind; readonly looked: number }): number {
  const average = (of: (sighting: Track[number]) => number): number => track.reduce((sum, sighting) => sum + of(sighting), 0) / track.length
  const area = average(({ box }) => areaOf(box))
  const centred = average(({ box }) => {
    const [x, y] = centreOf(box)
    return 1 - Math.min(1, 1.2 * Math.hypot(x - 0.5, y - 0.5))
  })
  const sharpness = average((sighting) => sighting.sharpness)
  return (track.length / looked) * (Math.sqrt(area) + 0.15) * (0.4 + centred) * Math.log10(10 + sharpness) * PRIOR[kind]
}
