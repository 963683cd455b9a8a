import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { MEDIA_KINDS, type Capabilities } from '../domain/capabilities.ts'
import { parseGraph, hasInput, withInputs, type Graph } from './comfyui/graph.ts'
import { graphMap, mapFaults, slotsOf, type GraphMap } from './comfyui/graph-map.ts'
import { KNOWN_GRAPH_NAMES, KNOWN_GRAPHS } from './comfyui/known-graphs.ts'
import { capabilitiesConfig, modelId, serviceFields } from './service-config.ts'

const model = z.strictObject({
  id: modelId,
  preset: z.enum(KNOWN_GRAPH_NAMES).optional(),
  /** Path of a graph in API format, and where things go in it. */
  graph: z.string().min(1).optional(),
  map: graphMap.optional(),
  /** Other values in the graph, by `NODE.INPUT`: names of model files, steps. */
  inputs: z.record(z.string().regex(/^[^.\s]+\.\S+$/, 'must be NODE.INPUT'), z.union([z.string(), z.number(), z.boolean()])).default({}),
  capabilities: capabilitiesConfig.default({}),
}).refine(({ preset, graph, map }) => (preset === undefined ? graph !== undefined && map !== undefined : graph === undefined && map === undefined), 'needs either a preset, or a graph and its map')
type ComfyUiModelConfig = Readonly<z.output<typeof model>>

/** A ComfyUI. `url` is where its pages are. */
export const comfyuiConfig = z.strictObject({ ...serviceFields, kind: z.literal('comfyui'), models: z.array(model).min(1) })
export type ComfyUiConfig = Readonly<z.output<typeof comfyuiConfig>>

export interface ComfyUiModel { readonly id: string; readonly graph: Graph; readonly map: GraphMap; readonly capabilities: Capabilities }

const MIMES = {
  image: ['image/png', 'image/jpeg', 'image/webp'],
  video: ['video/mp4'],
  audio: ['audio/wav', 'audio/mpeg'],
} as const

/** Reads and checks the graph. Rejects with everything that is wrong with it, in words for the operator. */
export async function loadModel(config: ComfyUiModelConfig): Promise<ComfyUiModel> {
  const { file, map, inputs, known } = sourceOf(config)
  const bare = await readGraph(file)
  const values = { ...inputs, ...config.inputs }
  const capabilities = { ...known, ...config.capabilities }
  const faults = [
    ...mapFaults(bare, map),
    ...Object.keys(config.inputs).filter((path) => !hasInput(bare, path)).map((path) => `inputs: the graph has no input ${path}`),
    ...slotFaults(map, capabilities),
  ]
  if (faults.length > 0) throw new Error(faults.join('; '))
  return { id: config.id, graph: withInputs(bare, values), map, capabilities }
}

interface GraphSource { readonly file: URL | string; readonly map: GraphMap; readonly inputs: Readonly<Record<string, string>>; readonly known: Capabilities }

function sourceOf({ preset, graph, map }: ComfyUiModelConfig): GraphSource {
  if (preset !== undefined) {
    const { capabilities, ...source } = KNOWN_GRAPHS[preset]
    return { ...source, known: capabilities }
  }
  if (graph === undefined || map === undefined) throw new Error('there is no graph')
  return { file: graph, map, inputs: {}, known: assumedOf(map) }
}

async function readGraph(file: URL | string): Promise<Graph> {
  try {
    return parseGraph(await readFile(file, 'utf8'))
  } catch (error) {
    throw new Error(`graph ${String(file)} cannot be used: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}

/** What a graph can do, by what its map has places for. */
function assumedOf(map: GraphMap): Capabilities {
  const kinds = MEDIA_KINDS.filter((kind) => slotsOf(map, kind).length > 0)
  return {
    maxCharacters: map.references.length,
    maxReferences: kinds.reduce((sum, kind) => sum + slotsOf(map, kind).length, 0),
    perCharacter: 1,
    kinds: Object.fromEntries(kinds.map((kind) => [kind, { max: slotsOf(map, kind).length, mimes: MIMES[kind] }])),
    prefer: 'image',
    imageForm: 'as-is',
    label: 'describe',
    hasPreamble: false,
    firstFrame: map.firstFrame === undefined ? 'none' : 'with references',
    sizes: ['832x480', '480x832'],
    seconds: { min: 1, max: 5 },
    promptMax: 32_000,
    faces: 'ok',
    hasSeed: map.seed !== undefined,
    hasNegativePrompt: map.negative !== undefined,
    operations: [],
  }
}

function slotFaults(map: GraphMap, { kinds, firstFrame, hasSeed, hasNegativePrompt }: Capabilities): readonly string[] {
  const short = MEDIA_KINDS.filter((kind) => (kinds[kind]?.max ?? 0) > slotsOf(map, kind).length).map((kind) => `capabilities.kinds.${kind}: the map has places for ${slotsOf(map, kind).length}`)
  const claims = { firstFrame: [firstFrame !== 'none', map.firstFrame], seed: [hasSeed, map.seed], negative: [hasNegativePrompt, map.negative] } as const
  const unbacked = Object.entries(claims).filter(([, [isClaimed, path]]) => isClaimed && path === undefined).map(([name]) => `capabilities: the map has no ${name}`)
  return [...short, ...unbacked]
}
