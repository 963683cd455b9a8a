import { constantOf, floatsOf, image, numbersOf, TO_CHANNELS_FIRST, type Context, type NodeAttributes, type Operation, type Tensor } from './graph-tensor.ts'
import type { Attributes, OnnxGraph } from './onnx-writer.ts'
import { permute, type Weight } from './tfjs-weights.ts'

/** Height and width of a value that TensorFlow gives for [batch, height, width, channels]. */
const spatial = ([, height, width]: readonly number[]): readonly number[] => [height, width]

function padding(attributes: NodeAttributes): Attributes {
  const kind = attributes.text('padding')
  if (kind === 'SAME') return { auto_pad: 'SAME_UPPER' }
  if (kind === 'VALID') return { auto_pad: 'VALID' }
  const [, , top, bottom, left, right] = attributes.ints('explicit_paddings')
  return { pads: [top, left, bottom, right] }
}

export function convolution({ isDepthwise }: { readonly isDepthwise: boolean }): Operation {
  return ({ graph, attributes, channelsFirst }, [input, kernel, ...extra]) => {
    const [height, width, inChannels, multiplier] = constantOf(kernel).shape
    const weights = permute(constantOf(kernel), isDepthwise ? [2, 3, 0, 1] : [3, 2, 0, 1])
    const shape = isDepthwise ? [inChannels * multiplier, 1, height, width] : weights.shape
    const fused = attributes.texts('fused_ops')
    const bias = fused.includes('BiasAdd') ? [graph.constant(floatsOf(extra[0]))] : []
    const dilations = attributes.ints('dilations')
    const output = graph.node('Conv', [channelsFirst(input), graph.constant(weights.data, shape), ...bias], {
      kernel_shape: [height, width],
      strides: spatial(attributes.ints('strides')),
      dilations: dilations.length > 0 ? spatial(dilations) : [1, 1],
      group: isDepthwise ? inChannels : 1,
      ...padding(attributes),
    })
    const activations = fused.filter((name) => name !== 'BiasAdd')
    return image(activations.reduce((tensor, name) => fusedActivation({ graph, attributes }, name, { input: tensor, slopes: extra[1] }), output))
  }
}

interface Activated { readonly input: string; readonly slopes: Tensor | undefined }

function fusedActivation({ graph, attributes }: Pick<Context, 'graph' | 'attributes'>, name: string, { input, slopes }: Activated): string {
  switch (name) {
    case 'Prelu': return parametricRelu(graph, input, constantOf(slopes))
    case 'Relu6': return graph.node('Clip', [input, graph.scalar(0), graph.scalar(6)])
    case 'LeakyRelu': return graph.node('LeakyRelu', [input], { alpha: { float: attributes.float('leakyrelu_alpha', 0.2) } })
    default: return graph.node(name, [input])
  }
}

export const parametricRelu = (graph: OnnxGraph, input: string, { data }: Weight): string => graph.node('PRelu', [input, graph.constant(data, [data.length, 1, 1])])

export const transposedConvolution: Operation = ({ graph, attributes, channelsFirst }, [outputShape, kernel, input]) => {
  const weights = permute(constantOf(kernel), [3, 2, 0, 1])
  return image(graph.node('ConvTranspose', [channelsFirst(input), graph.constant(weights.data, weights.shape)], {
    kernel_shape: weights.shape.slice(2),
    strides: spatial(attributes.ints('strides')),
    output_shape: spatial(numbersOf(outputShape)),
    auto_pad: 'SAME_UPPER',
  }))
}

export function pooling(op: 'MaxPool' | 'AveragePool'): Operation {
  return ({ graph, attributes, channelsFirst }, [input]) => image(graph.node(op, [channelsFirst(input)], {
    kernel_shape: spatial(attributes.ints('ksize')),
    strides: spatial(attributes.ints('strides')),
    ...padding(attributes),
  }))
}

/** TensorFlow pads as [[before, after], …] by axis; ONNX as all the befores, then all the afters. */
export const pad: Operation = ({ graph, channelsFirst }, [input, amounts, fill]) => {
  const flat = numbersOf(amounts)
  const pads = [0, 1].flatMap((side) => TO_CHANNELS_FIRST.map((axis) => flat[2 * axis + side]))
  const [value] = fill ? numbersOf(fill) : [0]
  return image(graph.node('Pad', [channelsFirst(input), graph.constant(pads), graph.scalar(value)], { mode: 'constant' }))
}

export const resizeBilinear: Operation = ({ graph, attributes, channelsFirst }, [input, size]) => image(
  graph.node('Resize', [channelsFirst(input), '', '', graph.constant(numbersOf(size))], {
    mode: 'linear', coordinate_transformation_mode: samplingGrid(attributes), axes: [2, 3],
  }),
)

function samplingGrid(attributes: NodeAttributes): string {
  if (attributes.flag('align_corners')) return 'align_corners'
  return attributes.flag('half_pixel_centers') ? 'half_pixel' : 'asymmetric'
}
