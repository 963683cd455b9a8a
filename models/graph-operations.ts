import { z } from 'zod'
import { convolution, pad, parametricRelu, pooling, resizeBilinear, transposedConvolution } from './graph-convolutions.ts'
import { constantOf, image, isConstant, numbersOf, TO_CHANNELS_FIRST, TO_CHANNELS_LAST, type Context, type NodeAttributes, type Operation, type Tensor } from './graph-tensor.ts'
import { permute, weightNamed, type Weight } from './tfjs-weights.ts'

const number = z.union([z.number(), z.string()]).transform(Number)
const attribute = z.object({
  f: z.number().optional(),
  b: z.boolean().optional(),
  /** Base64. */
  s: z.string().optional(),
  list: z.object({ i: z.array(number).optional(), s: z.array(z.string()).optional() }).optional(),
  shape: z.object({ dim: z.array(z.object({ size: number })).optional() }).optional(),
})
export const graphNode = z.object({ name: z.string(), op: z.string(), input: z.array(z.string()).optional(), attr: z.record(z.string(), attribute).optional() })
export type GraphNode = z.infer<typeof graphNode>

const decodeBase64 = (text = ''): string => Buffer.from(text, 'base64').toString()

export function readAttributes(node: GraphNode): NodeAttributes {
  const at = (name: string) => node.attr?.[name]
  return {
    ints: (name) => at(name)?.list?.i ?? [],
    float: (name, otherwise) => at(name)?.f ?? otherwise,
    flag: (name) => at(name)?.b === true,
    text: (name) => decodeBase64(at(name)?.s),
    texts: (name) => (at(name)?.list?.s ?? []).map(decodeBase64),
    shape: (name) => (at(name)?.shape?.dim ?? []).map(({ size }) => size),
  }
}

/** Works on whichever order of axes exists: element by element it makes no difference. */
function elementwise(build: (context: Context, input: string) => string): Operation {
  return (context, [tensor]) => (tensor.channelsFirst
    ? image(build(context, tensor.channelsFirst))
    : { rank: tensor.rank, plain: build(context, context.plain(tensor)) })
}

/** Changing the order of axes costs nothing: the tensor just changes the name it is known by. */
const transpose: Operation = ({ graph, plain, channelsFirst }, [input, axes]) => {
  const order = numbersOf(axes)
  if (String(order) === String(TO_CHANNELS_LAST)) return image(plain(input))
  if (String(order) === String(TO_CHANNELS_FIRST)) return { plain: channelsFirst(input), rank: 4 }
  return { plain: graph.node('Transpose', [plain(input)], { perm: order }), rank: order.length }
}

/** Where an axis counted channels-last stands channels-first. */
const axisChannelsFirst = (axis: number): number => TO_CHANNELS_FIRST.findIndex((each) => each === (axis < 0 ? axis + 4 : axis))

const concatenate: Operation = ({ graph, plain, channelsFirst }, tensors) => {
  const inputs = tensors.slice(0, -1)
  const [axis] = numbersOf(tensors.at(-1))
  if (inputs.every((input) => input.channelsFirst)) {
    return image(graph.node('Concat', inputs.map(channelsFirst), { axis: axisChannelsFirst(axis) }))
  }
  return { plain: graph.node('Concat', inputs.map(plain), { axis }), rank: inputs[0].rank }
}

const split: Operation = ({ graph, plain, channelsFirst }, [input, sizes, axisTensor]) => {
  const [axis] = numbersOf(axisTensor)
  const parts = numbersOf(sizes)
  const isImage = input.rank === 4 && input.channelsFirst !== undefined
  const source = isImage ? channelsFirst(input) : plain(input)
  const names = graph.nodes('Split', [source, graph.constant(parts)], { axis: isImage ? axisChannelsFirst(axis) : axis }, parts.length)
  return names.map((name): Tensor => (isImage ? image(name) : { plain: name, rank: input.rank }))
}

/** A constant, shaped so that it broadcasts over a channels-first picture. */
function broadcastable({ graph }: Context, { shape, data }: Weight): string {
  if (data.length === 1) return graph.constant(data, [])
  if (shape.length === 1) return graph.constant(data, [shape[0], 1, 1])
  const moved = permute({ shape, data }, shape.length === 4 ? TO_CHANNELS_FIRST : [2, 0, 1])
  return graph.constant(moved.data, moved.shape)
}

function arithmetic(op: 'Add' | 'Mul'): Operation {
  return (context, [left, right]) => {
    const { graph, plain, channelsFirst } = context
    if (op === 'Add' && isConstant(left) && isConstant(right)) return sumOfConstants(left.constant, right.constant)
    if (left.channelsFirst || right.channelsFirst) {
      const operand = (tensor: Tensor) => (isConstant(tensor) ? broadcastable(context, tensor.constant) : channelsFirst(tensor))
      return image(graph.node(op, [operand(left), operand(right)]))
    }
    return { plain: graph.node(op, [plain(left), plain(right)]), rank: Math.max(left.rank, right.rank) }
  }
}

/** NanoDet computes the shapes of its reshapes by a SparseToDense and an Add; both are folded into constants. */
const sumOfConstants = (left: Weight, right: Weight): Tensor => ({
  constant: { shape: left.shape, data: left.data.map((value, i) => value + right.data[i]) }, rank: left.shape.length,
})

const sparseToDense: Operation = (_context, [indices, shape, values, otherwise]) => {
  const [size] = numbersOf(shape)
  const data = new Int32Array(size).fill(numbersOf(otherwise)[0])
  const filled = numbersOf(values)
  numbersOf(indices).forEach((position, i) => { data[position] = filled[i] ?? filled[0] })
  return { constant: { shape: [size], data }, rank: 1 }
}

const placeholder: Operation = ({ graph, attributes, imageShape }) => {
  const isChannelsFirst = attributes.shape('shape')[1] === 3
  const name = graph.input('image', imageShape)
  return isChannelsFirst ? { plain: name, rank: 4 } : image(name)
}

const constant: Operation = ({ name, weights }) => {
  const weight = weightNamed(weights, name)
  return { constant: weight, rank: weight.shape.length }
}

const reshape: Operation = ({ graph, plain }, [input, shape]) => {
  const sizes = numbersOf(shape)
  return { plain: graph.node('Reshape', [plain(input), graph.constant(sizes)]), rank: sizes.length }
}

/** Exactly the operations of the models in the table. */
export const OPERATIONS: Readonly<Record<string, Operation>> = {
  Const: constant,
  Placeholder: placeholder,
  Identity: (_context, [input]) => input,
  Conv2D: convolution({ isDepthwise: false }),
  _FusedConv2D: convolution({ isDepthwise: false }),
  DepthwiseConv2dNative: convolution({ isDepthwise: true }),
  Conv2DBackpropInput: transposedConvolution,
  MaxPool: pooling('MaxPool'),
  AvgPool: pooling('AveragePool'),
  Pad: pad,
  PadV2: pad,
  Relu: elementwise(({ graph }, input) => graph.node('Relu', [input])),
  Relu6: elementwise(({ graph }, input) => graph.node('Clip', [input, graph.scalar(0), graph.scalar(6)])),
  LeakyRelu: elementwise(({ graph, attributes }, input) => graph.node('LeakyRelu', [input], { alpha: { float: attributes.float('alpha', 0.2) } })),
  Sigmoid: elementwise(({ graph }, input) => graph.node('Sigmoid', [input])),
  Prelu: ({ graph, channelsFirst }, [input, slopes]) => image(parametricRelu(graph, channelsFirst(input), constantOf(slopes))),
  Add: arithmetic('Add'),
  AddV2: arithmetic('Add'),
  Mul: arithmetic('Mul'),
  AddN: ({ graph, channelsFirst }, inputs) => image(graph.node('Sum', inputs.map(channelsFirst))),
  Reshape: reshape,
  Transpose: transpose,
  ConcatV2: concatenate,
  SplitV: split,
  ResizeBilinear: resizeBilinear,
  SparseToDense: sparseToDense,
}
