import type { FetchSettings } from '../net/limits.ts'
import { openAiSdk } from './ai-sdk.ts'
import { EMBEDDED, type BackendConfig } from './backend-config.ts'
import type { Backend } from './backend.ts'
import type { Backends } from './backends.ts'
import { createComfyUi } from './comfyui.ts'
import { createOpenAiVideos } from './openai-videos.ts'
import { createOpenRouter } from './openrouter.ts'
import { createBackends } from './registry.ts'
import { UnusableBackend, UnusableBackends } from './unusable-backend.ts'

export interface OpenBackends {
  /** As the settings list them. */
  readonly configured: readonly BackendConfig[]
  /** The one that is always there: last, unless the settings place it. */
  readonly embedded: Backend
  /** For videos that a vendor keeps elsewhere. */
  readonly fetch: FetchSettings
  readonly clock: () => number
}

/** Builds every backend. Rejects with {@link UnusableBackends} that lists what is wrong with any of them. */
export async function openBackends({ configured, embedded, fetch, clock }: OpenBackends): Promise<Backends> {
  const isPlaced = configured.some(({ kind }) => kind === EMBEDDED)
  const inOrder: readonly BackendConfig[] = isPlaced ? configured : [...configured, { kind: EMBEDDED }]
  const outcomes = await Promise.allSettled(inOrder.map((config) => open(config, { embedded, fetch })))
  const problems = outcomes.flatMap((outcome, at) => (outcome.status === 'rejected' ? [problem(outcome.reason, at)] : []))
  const [first, ...others] = outcomes.flatMap((outcome) => (outcome.status === 'fulfilled' ? [outcome.value] : []))
  if (problems.length > 0) throw new UnusableBackends(problems)
  return createBackends([first, ...others], { clock })
}

async function open(config: BackendConfig, { embedded, fetch }: Pick<OpenBackends, 'embedded' | 'fetch'>): Promise<Backend> {
  switch (config.kind) {
    case 'openai-videos': return createOpenAiVideos(config, { fetch })
    case 'comfyui': return await createComfyUi(config)
    case 'openrouter': return createOpenRouter(config)
    case 'ai-sdk': return await openAiSdk(config, { fetch })
    case 'animatic': return embedded
  }
}

function problem(error: unknown, at: number): string {
  if (!(error instanceof UnusableBackend)) throw error
  return `BACKENDS[${at}].${error.path}: ${error.message}`
}
