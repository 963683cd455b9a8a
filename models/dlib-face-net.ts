import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { OnnxGraph } from './onnx-writer.ts'
import { permute, readWeights, weightNamed, weightsManifest, type Weight, type Weights } from './tfjs-weights.ts'

const MEAN_RGB = Float32Array.of(122.782, 117.001, 104.298)
const INPUT_PIXELS = 150
const FIRST_CHANNELS = 32
const BLOCKS = [
  'conv32_1', 'conv32_2', 'conv32_3',
  'conv64_down', 'conv64_1', 'conv64_2', 'conv64_3',
  'conv128_down', 'conv128_1', 'conv128_2',
  'conv256_down', 'conv256_1', 'conv256_2', 'conv256_down_out',
] as const

interface Step { readonly stride: number; readonly isPadded: boolean }
const SAME_SIZE: Step = { stride: 1, isPadded: true }
const HALVING: Step = { stride: 2, isPadded: false }

/**
 * dlib's face recognition ResNet v1 as ONNX bytes. The package ships the weights without a graph, so the 29
 * convolutions are laid out here; the scale and shift after each are folded into its weights.
 *
 * Input `rgb` [N, 3, 150, 150], 0..255. Output `embedding` [N, 128]: its length is not 1 and carries meaning.
 * dlib divides pixels by 256, the JavaScript port that ships the weights by 255: dlib's way is kept.
 */
export function dlibFaceNetToOnnx(manifestPath: string): Uint8Array {
  const manifest = weightsManifest.parse(JSON.parse(readFileSync(manifestPath, 'utf8')))
  return new FaceNet(readWeights(manifest, dirname(manifestPath))).encode()
}

/** Side of a map after a window that moves by two, without padding. */
const reduced = (size: number, window: number): number => Math.floor((size - window) / 2) + 1

class FaceNet {
  readonly #graph = new OnnxGraph('dlib_face_recognition_resnet')
  readonly #weights: Weights
  #channels = FIRST_CHANNELS
  #size = reduced(reduced(INPUT_PIXELS, 7), 3)

  constructor(weights: Weights) { this.#weights = weights }

  encode(): Uint8Array {
    const graph = this.#graph
    const rgb = graph.input('rgb', ['N', 3, INPUT_PIXELS, INPUT_PIXELS])
    const centred = graph.node('Sub', [rgb, graph.constant(MEAN_RGB, [3, 1, 1])])
    let map = graph.node('Div', [centred, graph.scalar(256)])
    map = this.#relu(this.#convolve(map, 'conv32_down', HALVING))
    map = graph.node('MaxPool', [map], { kernel_shape: [3, 3], strides: [2, 2] })
    for (const name of BLOCKS) map = name.includes('down') ? this.#downBlock(map, name) : this.#block(map, name)
    const pooled = graph.node('Flatten', [graph.node('GlobalAveragePool', [map])], { axis: 1 })
    const { shape, data } = this.#weight('fc')
    graph.output('embedding', graph.node('MatMul', [pooled, graph.constant(data, shape)]))
    return graph.encode()
  }

  #weight(name: string): Weight { return weightNamed(this.#weights, name) }
  #relu(map: string): string { return this.#graph.node('Relu', [map]) }

  #convolve(map: string, name: string, { stride, isPadded }: Step): string {
    const scale = this.#weight(`${name}/scale/weights`).data
    const shift = this.#weight(`${name}/scale/biases`).data
    const kernel = permute(this.#weight(`${name}/conv/filters`), [3, 2, 0, 1])
    const perOutput = kernel.data.length / kernel.shape[0]
    const weights = kernel.data.map((value, i) => value * scale[Math.floor(i / perOutput)])
    const bias = Float32Array.from(this.#weight(`${name}/conv/bias`).data, (value, i) => value * scale[i] + shift[i])
    const side = kernel.shape[2]
    const margin = isPadded ? side >> 1 : 0
    return this.#graph.node('Conv', [map, this.#graph.constant(weights, kernel.shape), this.#graph.constant(bias)], {
      kernel_shape: [side, side], strides: [stride, stride], pads: [margin, margin, margin, margin],
    })
  }

  #residual(map: string, name: string, first: Step): string {
    return this.#convolve(this.#relu(this.#convolve(map, `${name}/conv1`, first)), `${name}/conv2`, SAME_SIZE)
  }

  #block(map: string, name: string): string {
    return this.#relu(this.#graph.node('Add', [this.#residual(map, name, SAME_SIZE), map]))
  }

  /** Halves the map. The branches may end one pixel apart and with fewer channels: the smaller is filled up with zeros. */
  #downBlock(map: string, name: string): string {
    const graph = this.#graph
    let branch = this.#residual(map, name, HALVING)
    let shortcut = graph.node('AveragePool', [map], { kernel_shape: [2, 2], strides: [2, 2] })
    const channels = this.#weight(`${name}/conv2/conv/filters`).shape[3]
    const shortcutSize = reduced(this.#size, 2)
    if (reduced(this.#size, 3) < shortcutSize) branch = this.#padEnd(branch, [0, 0, 1, 1])
    if (channels > this.#channels) shortcut = this.#padEnd(shortcut, [0, channels - this.#channels, 0, 0])
    this.#size = shortcutSize
    this.#channels = channels
    return this.#relu(graph.node('Add', [shortcut, branch]))
  }

  #padEnd(map: string, amounts: readonly number[]): string {
    return this.#graph.node('Pad', [map, this.#graph.constant([0, 0, 0, 0, ...amounts]), this.#graph.scalar(0)])
  }
}
