import type { Detection } from './characters.ts'
import type { PipelineDeps } from './create-character.ts'
import type { TimeWindow } from '../domain/window.ts'
import { openScratch } from '../runtime/scratch.ts'
import type { StoredSource } from './requests.ts'
import { sourceFacts } from './source-facts.ts'

export type DetectDeps = Pick<PipelineDeps, 'settings' | 'openSource' | 'lenses'>
export interface StoredDetectRequest { readonly source: StoredSource; readonly window: TimeWindow | null }

/** Looks and forgets. Rejects like the first steps of a create. */
export async function detectSubjects({ source: wanted, window: wish }: StoredDetectRequest, { settings, openSource, lenses, signal }: DetectDeps & { readonly signal: AbortSignal }): Promise<Detection> {
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
