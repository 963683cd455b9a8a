import type { Capabilities } from './capabilities.ts'
import { AppError } from './errors.ts'
import { phrase } from './phrase.ts'
import { chooseReferences } from './reference-budget.ts'
import type { RenderedShot, Shot, VideoWarning } from './shot.ts'
import { writePrompt } from './write-prompt.ts'

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
export function renderShot(shot: Shot, can: Capabilities, { what, isChinese, known = {} }: RenderFacts): RenderedShot {
  refuseCast(shot, can, { what, people: known.people })
  refuseSize(shot, can, what)
  refuseSeconds(shot, can, what)
  const { references, firstFrame, warnings } = chooseReferences(shot, can, { what, ...(known.pictures && { takingPictures: known.pictures }) })
  const written = writePrompt(shot, references, { can, what, isChinese })
  refuseLength(written.prompt, can, what)
  const { size, seconds } = shot
  const seed = can.hasSeed ? shot.seed : null
  const negativePrompt = can.hasNegativePrompt ? shot.negativePrompt : null
  return { prompt: written.prompt, references, firstFrame, size, seconds, seed, negativePrompt, warnings: [...warnings, ...written.warnings, ...leftBehind(shot, can, what)] }
}

function refuseCast({ cast }: Shot, { maxCharacters, faces }: Capabilities, { what, people }: { readonly what: string; readonly people: readonly string[] | undefined }): void {
  if (cast.length > maxCharacters) throw new AppError('too_many_characters', { param: 'prompt', details: { what, limit: maxCharacters, asked: cast.length } })
  const refused = faces === 'refused' ? cast.filter(({ kind }) => kind === 'person') : []
  if (refused.length > 0) throw new AppError('faces_refused', { param: 'prompt', details: { what, names: refused.map(({ username }) => `@${username}`), ...(people?.length && { known: people }) } })
}

function refuseSize({ size }: Shot, { sizes }: Capabilities, what: string): void {
  if (sizes.includes(size)) return
  throw new AppError('invalid_parameter', { param: 'size', details: { reason: phrase(`${what} does not make ${size}`, `${what} 不支持 ${size}`), asked: size, allowed: sizes, nearest: nearestSize(size, sizes) } })
}

/** Of the shape that is most alike, and of those the one with the likest number of pixels. */
function nearestSize(size: string, sizes: readonly string[]): string {
  const asked = measure(size)
  const distance = (other: string): number => {
    const { shape, pixels } = measure(other)
    return 4 * Math.abs(Math.log(shape / asked.shape)) + Math.abs(Math.log(pixels / asked.pixels))
  }
  return sizes.toSorted((a, b) => distance(a) - distance(b))[0]
}

function measure(size: string): { readonly shape: number; readonly pixels: number } {
  const [width, height] = size.split('x').map(Number)
  return { shape: width / height, pixels: width * height }
}

function refuseSeconds({ seconds: asked }: Shot, { seconds: made }: Capabilities, what: string): void {
  const nearest = nearestSeconds(asked, made)
  if (nearest === asked) return
  const allowed = 'min' in made ? phrase(`a whole number from ${made.min} to ${made.max}`, `${made.min} 到 ${made.max} 的整数`) : made
  const limits = 'min' in made ? { min: made.min, max: made.max } : {}
  throw new AppError('invalid_parameter', { param: 'seconds', details: { reason: phrase(`${what} does not make ${asked} s`, `${what} 不支持 ${asked} 秒`), asked, allowed, ...limits, nearest } })
}

const nearestSeconds = (asked: number, made: Capabilities['seconds']): number =>
  ('min' in made ? Math.min(made.max, Math.max(made.min, Math.round(asked))) : made.toSorted((a, b) => Math.abs(a - asked) - Math.abs(b - asked))[0])

function refuseLength(prompt: string, { promptMax }: Capabilities, what: string): void {
  const asked = [...prompt].length
  if (asked > promptMax) throw new AppError('prompt_too_long', { param: 'prompt', details: { what, limit: promptMax, asked } })
}

const leftBehind = ({ seed, negativePrompt }: Shot, { hasSeed, hasNegativePrompt }: Capabilities, what: string): readonly VideoWarning[] => [
  ...(seed !== null && !hasSeed ? [{ code: 'seed_not_carried', message: `${what} takes no seed, so this one has no effect.` } as const] : []),
  ...(negativePrompt !== null && !hasNegativePrompt ? [{ code: 'negative_prompt_not_carried', message: `${what} takes no negative prompt, so this one has no effect.` } as const] : []),
]
