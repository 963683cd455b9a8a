import type { Backends } from '../backends/backends.ts'
import type { Video } from '../domain/video.ts'

const LEAST_MS = 700
const MOST_MS = 5000
/** Where the backend is no longer among the settings. */
const USUAL_MS = 2000

/** When an unfinished video is worth asking for again: the official SDKs wait so long. */
export function pollHeadersOf({ backend, state }: Video, { all }: Pick<Backends, 'all'>): Readonly<Record<string, string>> {
  if (state.at === 'completed' || state.at === 'failed') return {}
  const { pollMs } = all.find(({ name }) => name === backend) ?? { pollMs: USUAL_MS }
  return { 'openai-poll-after-ms': String(Math.min(MOST_MS, Math.max(LEAST_MS, Math.round(pollMs)))) }
}
