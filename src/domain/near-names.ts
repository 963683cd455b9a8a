import { foldUsername, skeletonOf } from './username.ts'

const MOST = 3
const MOST_EDITS = 2
/** Longer than any name. */
const MOST_UNITS = 160

/** Names that an unknown one may be a slip for, best first, at most three: what looks the same, then what begins alike, then what is two edits away. */
export function nearNames(unknown: string, names: readonly string[]): readonly string[] {
  const wanted = foldUsername(unknown.slice(0, MOST_UNITS))
  const skeleton = skeletonOf(wanted)
  const near = names.map((name) => ({ name, distance: distanceOf(wanted, name, skeleton) })).filter(({ distance }) => distance !== null)
  return near.sort((a, b) => Number(a.distance) - Number(b.distance)).slice(0, MOST).map(({ name }) => name)
}

const LOOKS_SAME = 0
const BEGINS_ALIKE = 1

function distanceOf(wanted: string, name: string, skeleton: string): number | null {
  if (skeletonOf(name) === skeleton) return LOOKS_SAME
  if (wanted.length > 1 && name.length > 1 && (name.startsWith(wanted) || wanted.startsWith(name))) return BEGINS_ALIKE
  const most = Math.min(MOST_EDITS, wanted.length >> 1) // of a short name little would be left
  const edits = editsBetween(wanted, name, most)
  return edits === null ? null : BEGINS_ALIKE + edits
}

/** How many letters to insert, delete or change; null when more than `most`. Looks only at the cells that near. */
function editsBetween(from: string, to: string, most: number): number | null {
  if (Math.abs(from.length - to.length) > most) return null
  let row = new Map(Array.from({ length: most + 1 }, (_, column) => [column, column]))
  for (let i = 1; i <= from.length; i++) {
    const next = new Map<number, number>()
    for (let j = Math.max(0, i - most); j <= Math.min(to.length, i + most); j++) {
      const changed = (row.get(j - 1) ?? Infinity) + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.set(j, Math.min(changed, (row.get(j) ?? Infinity) + 1, (next.get(j - 1) ?? Infinity) + 1))
    }
    if (Math.min(...next.values()) > most) return null
    row = next
  }
  const edits = row.get(to.length) ?? Infinity
  return edits <= most ? edits : null
}
