import { z } from 'zod'
import { isLink, splitPath, type Graph } from './graph.ts'

const inputs = z.record(z.string(), z.array(z.unknown())).default({})

/** What ComfyUI says of its nodes: their inputs, and for a choice what can be chosen. */
export const objectInfo = z.record(z.string(), z.object({ input: z.object({ required: inputs, optional: inputs }) }))
export type ObjectInfo = z.output<typeof objectInfo>

/** Why ComfyUI would refuse this graph, in words for the operator. What is filled in for each video is not judged, but must be there to be filled. */
export function graphFaults(graph: Graph, info: ObjectInfo, filled: ReadonlySet<string>): readonly string[] {
  return Object.entries(graph).flatMap(([id, node]) => {
    if (!Object.hasOwn(info, node.class_type)) return [`it has no node ${node.class_type}`]
    const { required, optional } = info[node.class_type].input
    const known = { ...optional, ...required }
    const missing = Object.keys(required).filter((input) => !(input in node.inputs)).map((input) => `${node.class_type} wants ${input}`)
    const unknown = [...filled].map(splitPath).filter(({ node, input }) => node === id && !(input in known)).map(({ input }) => `${node.class_type} has no input ${input}`)
    const unfit = Object.entries(node.inputs).filter(([input, value]) => !filled.has(`${id}.${input}`) && !isLink(value) && !isChoice(known[input], value))
    return [...missing, ...unknown, ...unfit.map(([input, value]) => `${node.class_type} has no ${input} ${String(value)}`)]
  })
}

/** Old nodes list the choices in place of the type, new ones beside `COMBO`. */
function isChoice(spec: readonly unknown[] | undefined, value: unknown): boolean {
  const [type, details] = spec ?? []
  const choices = Array.isArray(type) ? type : type === 'COMBO' && hasOptions(details) ? details.options : null
  return choices === null || choices.includes(value)
}

const hasOptions = (details: unknown): details is { readonly options: readonly unknown[] } =>
  typeof details === 'object' && details !== null && 'options' in details && Array.isArray(details.options)
