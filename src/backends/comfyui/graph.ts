import { z } from 'zod'

/** A link is `[node, output]`; everything else is a value. */
const graphSchema = z.record(z.string().min(1), z.looseObject({ class_type: z.string().min(1), inputs: z.record(z.string(), z.json()) }))

/** What ComfyUI runs, in its API format: nodes by id. */
export type Graph = z.output<typeof graphSchema>
export type InputValue = string | number | boolean

const MOST_FAULTS = 3

/** Throws where it is something else, in words for the operator. */
export function parseGraph(text: string): Graph {
  const content: unknown = JSON.parse(text)
  if (typeof content === 'object' && content !== null && 'nodes' in content && 'links' in content) throw new Error('this is a saved workflow; export it in API format')
  const { data, error } = graphSchema.safeParse(content)
  if (data === undefined) throw new Error(error.issues.slice(0, MOST_FAULTS).map(({ path, message }) => `${path.join('.')}: ${message}`).join('; '))
  return data
}

/** Of `NODE.INPUT`: a node's id has no dot, an input's name may. */
export function splitPath(path: string): { readonly node: string; readonly input: string } {
  const dot = path.indexOf('.')
  return { node: path.slice(0, dot), input: path.slice(dot + 1) }
}

export function hasInput(graph: Graph, path: string): boolean {
  const { node, input } = splitPath(path)
  return Object.hasOwn(graph, node) && Object.hasOwn(graph[node].inputs, input)
}

/** A copy with these values at these paths, which must be there. */
export function withInputs(graph: Graph, values: Readonly<Record<string, InputValue>>): Graph {
  const filled = structuredClone(graph)
  for (const [path, value] of Object.entries(values)) {
    const { node, input } = splitPath(path)
    filled[node].inputs[input] = value
  }
  return filled
}

/** A copy without these nodes and the links from them: a node that loads a reference has nothing to load where a request has fewer. */
export function withoutNodes(graph: Graph, nodes: ReadonlySet<string>): Graph {
  const kept = Object.entries(graph).filter(([id]) => !nodes.has(id))
  return Object.fromEntries(kept.map(([id, node]) => [id, { ...node, inputs: Object.fromEntries(Object.entries(node.inputs).filter(([, value]) => !isLinkFrom(nodes, value))) }]))
}

export const isLink = (value: unknown): value is readonly [string, number] => Array.isArray(value) && value.length === 2 && typeof value[0] === 'string' && typeof value[1] === 'number'

const isLinkFrom = (nodes: ReadonlySet<string>, value: unknown): boolean => isLink(value) && nodes.has(value[0])
