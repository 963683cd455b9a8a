import { z } from 'zod'
import { aiSdkConfig } from './ai-sdk/ai-sdk-config.ts'
import { comfyuiConfig } from './comfyui-config.ts'
import { openaiVideosConfig } from './openai-videos-config.ts'
import { openRouterConfig } from './openrouter.ts'

export const EMBEDDED = 'animatic'

/** Says where the embedded one stands among the others. */
const placeOfEmbedded = z.strictObject({ kind: z.literal(EMBEDDED) })

const KINDS = [openaiVideosConfig, comfyuiConfig, openRouterConfig, aiSdkConfig, placeOfEmbedded] as const

const backendConfig = z.discriminatedUnion('kind', KINDS, {
  error: ({ code }) => (code === 'invalid_union' ? `must be one of ${KINDS.map(({ shape }) => shape.kind.value).join(', ')}` : 'must be an object with a kind'),
})
export type BackendConfig = z.output<typeof backendConfig>

const MOST_BACKENDS = 50

/** What is wrong at which place of a list of backends. */
export interface BackendFault { readonly path: readonly PropertyKey[]; readonly message: string }

/** The backends of the settings, or everything that is wrong with them. */
export function parseBackendConfigs(list: unknown): { readonly configs: readonly BackendConfig[] } | { readonly faults: readonly BackendFault[] } {
  const { data, error } = z.array(backendConfig, 'must be a list of backends').max(MOST_BACKENDS).safeParse(list)
  const faults = [...error?.issues ?? [], ...takenNames(list)]
  return data === undefined || faults.length > 0 ? { faults } : { configs: data }
}

/** Looked for before anything else is right, so that one start tells all. */
function takenNames(list: unknown): readonly BackendFault[] {
  const entries: readonly unknown[] = Array.isArray(list) ? list : []
  const names = entries.map(nameOf)
  return names.flatMap((name, at) => {
    const isTaken = name === EMBEDDED ? !isEmbedded(entries[at]) || names.indexOf(name) < at : name !== null && names.indexOf(name) < at
    return isTaken ? [{ path: [at, 'name'], message: `${name} is the name of another one` }] : []
  })
}

const named = z.object({ name: z.string() })

const isEmbedded = (entry: unknown): boolean => placeOfEmbedded.safeParse(entry).success

const nameOf = (entry: unknown): string | null => (isEmbedded(entry) ? EMBEDDED : named.safeParse(entry).data?.name ?? null)
