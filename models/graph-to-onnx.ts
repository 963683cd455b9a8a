import { readFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { z } from 'zod'
import { graphNode, OPERATIONS, readAttributes, type GraphNode } from './graph-operations.ts'
import { isConstant, TO_CHANNELS_FIRST, TO_CHANNELS_LAST, type Context, type Tensor } from './graph-tensor.ts'
import { OnnxGraph } from './onnx-writer.ts'
import type { ModelBuild } from './table.ts'
import { readWeights, weightsManifest, type Weights } from './tfjs-weights.ts'

type GraphBuild = Omit<Extract<ModelBuild, { kind: 'graph' }>, 'kind'>

const graphModel = z.object({ modelTopology: z.object({ node: z.array(graphNode) }), weightsManifest })

/**
 * ONNX bytes of a TensorFlow.js graph model (`model.json` and the weights beside it). The input is called `image`,
 * channels first. Only what the wanted outputs need is converted; an operation none of our models uses is an error.
 */
export function graphModelToOnnx(jsonPath: string, { imageShape, outputs, pooled = {} }: GraphBuild): Uint8Array {
  const model = graphModel.parse(JSON.parse(readFileSync(jsonPath, 'utf8')))
  const weights = readWeights(model.weightsManifest, dirname(jsonPath))
  const converter = new Converter(model.modelTopology.node, { weights, name: basename(jsonPath, '.json'), imageShape })
  return converter.convert({ outputs, pooled })
}

/**
 * TensorFlow keeps pictures as [batch, height, width, channels], ONNX convolutions want [batch, channels, height, width].
 * Each tensor may be known under both names, and a Transpose is emitted only when somebody asks for the one that does
 * not exist yet: a chain of convolutions stays channels-first from end to end.
 */
class Converter {
  readonly #nodes: ReadonlyMap<string, GraphNode>
  readonly #weights: Weights
  readonly #imageShape: readonly number[]
  readonly #graph: OnnxGraph
  readonly #tensors = new Map<string, Tensor>()

  constructor(nodes: readonly GraphNode[], { weights, name, imageShape }: { weights: Weights; name: string; imageShape: readonly number[] }) {
    this.#nodes = new Map(nodes.map((node) => [node.name, node]))
    this.#weights = weights
    this.#imageShape = imageShape
    this.#graph = new OnnxGraph(name)
  }

  convert({ outputs, pooled }: Required<Pick<GraphBuild, 'outputs' | 'pooled'>>): Uint8Array {
    for (const [name, reference] of Object.entries(outputs)) this.#graph.output(name, this.#plain(this.#tensor(reference)))
    for (const [name, reference] of Object.entries(pooled)) this.#graph.output(name, this.#average(this.#tensor(reference)))
    return this.#graph.encode()
  }

  /** Mean over height and width of a map that the original itself keeps channels-first. */
  #average(tensor: Tensor): string {
    return this.#graph.node('Flatten', [this.#graph.node('GlobalAveragePool', [this.#plain(tensor)])], { axis: 1 })
  }

  /** `name` or `name:output`. */
  #tensor(reference: string): Tensor {
    const [name = '', output = '0'] = reference.split(':')
    const key = `${name}:${output}`
    if (!this.#tensors.has(key)) this.#run(name)
    const tensor = this.#tensors.get(key)
    if (!tensor) throw new Error(`the graph has no tensor ${key}`)
    return tensor
  }

  #run(name: string): void {
    const node = this.#nodes.get(name)
    const convert = node && OPERATIONS[node.op]
    if (!convert) throw new Error(`unsupported operation ${node?.op} (${name})`)
    const inputs = (node.input ?? []).filter((input) => !input.startsWith('^')).map((input) => this.#tensor(input))
    const results = [convert(this.#context(node), inputs)].flat()
    results.forEach((tensor, index) => this.#tensors.set(`${name}:${index}`, tensor))
  }

  #plain(tensor: Tensor): string {
    tensor.plain ??= isConstant(tensor)
      ? this.#graph.constant(tensor.constant.data, tensor.constant.shape)
      : this.#graph.node('Transpose', [tensor.channelsFirst ?? ''], { perm: TO_CHANNELS_LAST })
    return tensor.plain
  }

  #channelsFirst(tensor: Tensor): string {
    tensor.channelsFirst ??= this.#graph.node('Transpose', [this.#plain(tensor)], { perm: TO_CHANNELS_FIRST })
    return tensor.channelsFirst
  }

  #context(node: GraphNode): Context {
    return {
      name: node.name, graph: this.#graph, weights: this.#weights, imageShape: this.#imageShape,
      attributes: readAttributes(node),
      plain: (tensor) => this.#plain(tensor),
      channelsFirst: (tensor) => this.#channelsFirst(tensor),
    }
  }
}
