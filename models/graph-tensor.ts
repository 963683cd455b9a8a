import type { OnnxGraph } from './onnx-writer.ts'
import type { Weight, Weights } from './tfjs-weights.ts'

export const TO_CHANNELS_FIRST = [0, 3, 1, 2] as const
export const TO_CHANNELS_LAST = [0, 2, 3, 1] as const

/** A tensor of the graph: a constant, or the ONNX names it has so far. At least one of the three is there. */
export interface Tensor {
  readonly constant?: Weight
  readonly rank: number
  /** In TensorFlow's own order of axes. */
  plain?: string
  channelsFirst?: string
}

/** A picture or a map of it, as ONNX likes it. */
export const image = (channelsFirst: string): Tensor => ({ channelsFirst, rank: 4 })
export const isConstant = (tensor: Tensor): tensor is Tensor & { readonly constant: Weight } => tensor.constant !== undefined

export function constantOf(tensor: Tensor | undefined): Weight {
  if (!tensor || !isConstant(tensor)) throw new Error('a constant was expected here')
  return tensor.constant
}
export const numbersOf = (tensor: Tensor | undefined): number[] => Array.from(constantOf(tensor).data)

export function floatsOf(tensor: Tensor | undefined): Float32Array {
  const { data } = constantOf(tensor)
  return data instanceof Float32Array ? data : Float32Array.from(data)
}

/** The attributes of one node of the graph. */
export interface NodeAttributes {
  ints(name: string): readonly number[]
  float(name: string, otherwise: number): number
  flag(name: string): boolean
  text(name: string): string
  texts(name: string): readonly string[]
  shape(name: string): readonly number[]
}

/** What the conversion of one operation works with. */
export interface Context {
  readonly name: string
  readonly graph: OnnxGraph
  readonly weights: Weights
  readonly imageShape: readonly number[]
  readonly attributes: NodeAttributes
  /** The tensor's name in that order of axes; emits a Transpose when it is not known there yet. */
  plain(tensor: Tensor): string
  channelsFirst(tensor: Tensor): string
}

export type Operation = (context: Context, inputs: readonly Tensor[]) => Tensor | readonly Tensor[]
