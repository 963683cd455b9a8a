import { z } from 'zod'
import { MEDIA_KINDS, type MediaKind } from '../../domain/capabilities.ts'
import type { RenderedShot } from '../../domain/shot.ts'
import { hasInput, splitPath, withInputs, withoutNodes, type Graph, type InputValue } from './graph.ts'

const path = z.string().regex(/^[^.\s]+\.\S+$/, 'must be NODE.INPUT')
const slots = z.array(path).max(64).default([])

/** Where the parts of a shot go in a graph. */
export const graphMap = z.strictObject({
  prompt: path,
  negative: path.optional(),
  /** Inputs that take the name of an uploaded picture, in the order of the references. */
  references: slots,
  videos: slots,
  audios: slots,
  firstFrame: path.optional(),
  width: path.optional(),
  height: path.optional(),
  /** In frames, one more than a multiple of `frameStep`. */
  frames: path.optional(),
  seconds: path.optional(),
  fps: z.number().positive().max(240).default(16),
  frameStep: z.int().min(1).max(64).default(4),
  seed: path.optional(),
  /** Begins the name of the file that is saved. */
  prefix: path.optional(),
  /** The node that saves the video. */
  output: z.string().min(1),
})
export type GraphMap = Readonly<z.output<typeof graphMap>>

const SLOTS = { image: 'references', video: 'videos', audio: 'audios' } as const satisfies Readonly<Record<MediaKind, keyof GraphMap>>
export const slotsOf = (map: GraphMap, kind: MediaKind): readonly string[] => map[SLOTS[kind]]

/** Every path of the map with its name there. */
function namedPaths(map: GraphMap): readonly (readonly [name: string, path: string])[] {
  const { prompt, negative, firstFrame, width, height, frames, seconds, seed, prefix } = map
  const single = Object.entries({ prompt, negative, firstFrame, width, height, frames, seconds, seed, prefix })
  const listed = Object.values(SLOTS).flatMap((name) => map[name].map((path, at) => [`${name}[${at}]`, path] as const))
  return [...single.flatMap(([name, path]) => (path === undefined ? [] : [[name, path] as const])), ...listed]
}

export const pathsOf = (map: GraphMap): ReadonlySet<string> => new Set(namedPaths(map).map(([, path]) => path))

/** What of the map is not in the graph, in words for the operator. */
export function mapFaults(graph: Graph, map: GraphMap): readonly string[] {
  const missing = namedPaths(map).filter(([, path]) => !hasInput(graph, path)).map(([name, path]) => `map.${name}: the graph has no input ${path}`)
  return Object.hasOwn(graph, map.output) ? missing : [...missing, `map.output: the graph has no node ${map.output}`]
}

/** Names of uploaded files, by the slots they fill. */
export interface Uploads { readonly firstFrame: string | null; readonly references: readonly { readonly kind: MediaKind; readonly n: number; readonly name: string }[] }

interface Filling { readonly shot: RenderedShot; readonly uploads: Uploads; readonly seed: number; readonly prefix: string }

/** The graph of one shot. */
export function fillGraph(graph: Graph, map: GraphMap, filling: Filling): Graph {
  const files = fileValues(map, filling.uploads)
  const unused = [...MEDIA_KINDS.flatMap((kind) => slotsOf(map, kind)), ...optional(map.firstFrame)].filter((path) => !(path in files))
  const values = { ...files, ...shotValues(map, filling) }
  return withoutNodes(withInputs(graph, values), new Set(unused.map((path) => splitPath(path).node)))
}

const optional = (path: string | undefined): readonly string[] => (path === undefined ? [] : [path])

function fileValues(map: GraphMap, { firstFrame, references }: Uploads): Readonly<Record<string, string>> {
  const placed = references.map(({ kind, n, name }) => [slotsOf(map, kind)[n - 1], name] as const)
  return Object.fromEntries([...placed, ...(firstFrame === null ? [] : optional(map.firstFrame).map((path) => [path, firstFrame] as const))])
}

function shotValues(map: GraphMap, { shot, seed, prefix }: Filling): Readonly<Record<string, InputValue>> {
  const [width, height] = shot.size.split('x').map(Number)
  const values: readonly (readonly [string | undefined, InputValue | null])[] = [
    [map.prompt, shot.prompt], [map.negative, shot.negativePrompt], [map.width, width], [map.height, height], [map.frames, frameCount(shot.seconds, map)],
    [map.seconds, shot.seconds], [map.seed, seed], [map.prefix, prefix],
  ]
  return Object.fromEntries(values.flatMap(([path, value]) => (path === undefined || value === null ? [] : [[path, value]])))
}

/** Video models count in steps from a first frame: Wan's lengths are 4n + 1. */
const frameCount = (seconds: number, { fps, frameStep }: GraphMap): number => Math.round((seconds * fps) / frameStep) * frameStep + 1
