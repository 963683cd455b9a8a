import type { SourceFacts } from '../domain/character.ts'
import type { Answers } from './lens-answers.ts'
import type { StoredSource } from './requests.ts'

/** What may be said about a source: of a URL the host alone, because signed links are secrets. */
export const sourceFacts = (source: StoredSource, { container, codec, width, height, durationMs }: Answers['window']): SourceFacts => ({
  type: source.type, host: source.type === 'url' ? new URL(source.url).hostname : null, container, codec, width, height, durationMs,
})
