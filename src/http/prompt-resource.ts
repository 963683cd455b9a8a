import type { CharacterId } from '../domain/identifier.ts'
import type { CastMember, RenderedReference, Segment } from '../domain/shot.ts'
import type { VideoPlan } from '../videos/videos.ts'
import { secondsOf } from './backend-resource.ts'
import type { PromptResource } from './schemas/prompt.ts'

/** `urlOf`: the address of a character's file. */
export function promptResourceOf({ prompt, rendered, capabilities, backend, model, warnings }: VideoPlan, urlOf: (id: CharacterId, file: string) => string | null): PromptResource {
  const { maxCharacters, promptMax, maxReferences, sizes, seconds } = capabilities
  return {
    object: 'prompt',
    segments: prompt.segments.map((segment) => segmentOf(segment, prompt.cast)),
    cast: prompt.cast.map(({ id, username, kind, revision }) => ({ id, username, kind, revision })),
    near_misses: prompt.nearMisses.map(({ start, text, reason }) => ({ start, text, reason })),
    compiled: {
      backend, model, prompt: rendered.prompt, size: rendered.size, seconds: rendered.seconds,
      references: rendered.references.map((reference) => referenceOf(reference, urlOf)),
    },
    warnings: warnings.map(({ code, message }) => ({ code, message })),
    limits: { characters: maxCharacters, prompt: promptMax, references: maxReferences, sizes: [...sizes], seconds: secondsOf(seconds) },
  }
}

function segmentOf(segment: Segment, cast: readonly CastMember[]): PromptResource['segments'][number] {
  const { start, end } = segment
  if ('text' in segment) return { text: segment.text, start, end }
  const { id, username } = cast[segment.cast]
  return { character: id, username, start, end }
}

function referenceOf(reference: RenderedReference, urlOf: (id: CharacterId, file: string) => string | null): PromptResource['compiled']['references'][number] {
  const { kind, n } = reference
  return reference.of === 'picture' ? { kind, n, character: null, url: null } : { kind, n, character: reference.character, url: urlOf(reference.character, reference.file.name) }
}
