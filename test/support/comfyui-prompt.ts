import comfyNodes from '../fixtures/comfyui-object-info.json' with { type: 'json' }

export type PromptGraph = Readonly<Record<string, { readonly class_type: string; readonly inputs: Readonly<Record<string, unknown>> }>>

type Spec = readonly unknown[]
interface Node { readonly input: { readonly required: Readonly<Record<string, Spec>>; readonly optional?: Readonly<Record<string, Spec>> }; readonly output: readonly string[]; readonly output_node: boolean }
interface Limits { readonly min?: number; readonly max?: number; readonly step?: number; readonly default?: number; readonly options?: readonly unknown[] }

const NODES = comfyNodes as unknown as Readonly<Record<string, Node>> // its lists of choices have a type of their own each

/** What the nodes of the graph do not take, or null. Unlike ComfyUI itself this refuses inputs that no node has. */
export function promptFault(graph: PromptGraph, uploaded: ReadonlyMap<string, unknown>): string | null {
  const nodes = Object.entries(graph)
  const unknown = nodes.find(([, { class_type }]) => NODES[class_type] === undefined)
  if (unknown !== undefined) return `Cannot execute because node ${unknown[1].class_type} does not exist.`
  if (!nodes.some(([, { class_type }]) => NODES[class_type].output_node)) return 'Prompt has no outputs'
  for (const [id, { class_type, inputs }] of nodes) {
    const { required, optional = {} } = NODES[class_type].input
    const missing = Object.keys(required).find((name) => !(name in inputs))
    if (missing !== undefined) return `Required input is missing: ${id}.${missing}`
    for (const [name, value] of Object.entries(inputs)) {
      const spec = required[name] ?? optional[name]
      // `format.codec` belongs to `format`, where that is a choice with inputs of its own.
      if (spec === undefined && required[name.split('.')[0]] !== undefined) continue
      const fault = spec === undefined ? 'is no input of it' : inputFault(value, spec, { graph, uploaded: name === 'image' ? uploaded : null })
      if (fault !== null) return `${id} (${class_type}) ${name} ${fault}`
    }
  }
  return null
}

interface Around { readonly graph: PromptGraph; readonly uploaded: ReadonlyMap<string, unknown> | null }

function inputFault(value: unknown, [type, details]: Spec, { graph, uploaded }: Around): string | null {
  const limits: Limits = typeof details === 'object' && details !== null ? details : {}
  if (Array.isArray(value)) return linkFault(value, type, graph)
  if (uploaded !== null && Array.isArray(type)) return uploaded.has(String(value)) ? null : `- Custom validation failed for node: image - Invalid image file: ${String(value)}`
  const options = Array.isArray(type) ? type : limits.options
  if (options !== undefined) return options.includes(value) ? null : `: Value not in list: '${String(value)}'`
  if (type === 'STRING') return typeof value === 'string' ? null : 'is no text'
  if (type === 'INT' || type === 'FLOAT') return numberFault(value, type, limits)
  return 'must be a link'
}

function linkFault([from, output]: readonly unknown[], type: unknown, graph: PromptGraph): string | null {
  const node = graph[String(from)]
  if (node === undefined) return `is linked to nothing: ${String(from)}`
  const given = NODES[node.class_type]?.output[Number(output)]
  return given === type ? null : `: Return type mismatch: ${String(given)}, ${String(type)}`
}

function numberFault(value: unknown, type: 'INT' | 'FLOAT', { min = -Infinity, max = Infinity, step, default: start = 0 }: Limits): string | null {
  if (typeof value !== 'number' || (type === 'INT' && !Number.isInteger(value))) return 'is no number of its kind'
  if (value < min || value > max) return `is not within ${min} and ${max}`
  return type === 'INT' && step !== undefined && (value - start) % step !== 0 ? `is not a step of ${step}` : null
}
