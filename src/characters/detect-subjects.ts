import type { Detection, DetectRequest } from './characters.ts'
import type { PipelineDeps } from './create-character.ts'
import { openScratch } from '../runtime/scratch.ts'
import { sourceFacts } from './source-facts.ts'

/** Looks and forgets. Rejects like the first steps of a create. */
export async function detectSubjects({ source: wanted, window: wish }: DetectRequest, { settings, openSource, lenses, signal }: Pick<PipelineDeps, 'settings' | 'openSource' | 'lenses'> & { readonly signal: AbortSignal }): Promise<Detection> {
  await using scratch = await openScratch(settings.workFolder)
  await using source = await openSource(wanted, { signal, scratch: scratch.path })
  await using lens = await lenses.open(source, { signal })
  const window = await lens.call('window', { window: wish })
  const { subjects, reasons } = await lens.call('see', {})
  const { pictures } = subjects.length > 0 ? await lens.call('thumbnails', {}) : { pictures: [] }
  const { startMs, endMs, isClamped } = window
  return {
    window: { startMs, endMs, isClamped, chosenBy: wish ? 'caller' : 'service' },
    source: sourceFacts(wanted, window),
    subjects: subjects.map((subject, index) => ({ subject, thumbnail: pictures[index] })),
    reasons,
  }
}
