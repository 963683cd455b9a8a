import type { Capabilities } from './capabilities.ts'
import type { RenderedShot, Shot } from './shot.ts'

export interface RenderFacts {
  /** The backend and model, for messages. */
  readonly what: string
  /** The language of the prompt, for labels that have two. */
  readonly isChinese: boolean
  /** Names of backends that would take what this one refuses. */
  readonly known?: { readonly people?: readonly string[]; readonly pictures?: readonly string[] }
}

/**
 * A shot as one model receives it: its text with every mention written out, its references in the order of the cast, what it cannot carry as warnings.
 * Throws `too_many_characters`, `faces_refused`, `invalid_parameter` (size, seconds), `reference_unsupported`, `prompt_too_long`; the details hold the limit, and the nearest value that would pass.
 */
export function renderShot(_shot: Shot, _can: Capabilities, { what }: RenderFacts): RenderedShot {
  throw new Error(`${what} cannot be rendered for yet`)
}
