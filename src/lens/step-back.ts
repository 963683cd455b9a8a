import { writeFileSync } from 'node:fs'
import { setPriority } from 'node:os'

const LOWER = 10

/**
 * A lens is ready to work for a second at full speed; the service has to answer in milliseconds. Where both want the same processor the service goes first.
 * Linux may share processors out between sessions before it looks at priorities, so the session of the lens steps back as well.
 */
export function stepBack(): void {
  setPriority(LOWER)
  try {
    writeFileSync('/proc/self/autogroup', String(LOWER))
  } catch {
    // There are no such groups here, or they are out of reach.
  }
}
