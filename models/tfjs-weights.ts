import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'

/** The list of tensors in a TensorFlow.js model; their bytes lie back to back in the files of `paths`. */
export const weightsManifest = z.array(z.object({
  paths: z.array(z.string()),
  weights: z.array(z.object({
    name: z.string(),
    shape: z.array(z.int().min(0)),
    dtype: z.enum(['float32', 'int32']),
    quantization: z.union([
      z.object({ dtype: z.enum(['uint8', 'uint16']), scale: z.number(), min: z.number() }),
      z.object({ dtype: z.literal('float16') }),
    ]).optional(),
  })),
}))
type WeightsManifest = z.infer<typeof weightsManifest>
type WeightSpec = WeightsManifest[number]['weights'][number]

export interface Weight<Data = Float32Array | Int32Array> { readonly shape: readonly number[]; readonly data: Data }
export type Weights = ReadonlyMap<string, Weight>

const BYTES_PER_ELEMENT = { float32: 4, int32: 4, float16: 2, uint16: 2, uint8: 1 } as const
const elements = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1)

/** All weights by name, as floats or integers whatever they were stored as. */
export function readWeights(manifest: WeightsManifest, folder: string): Weights {
  const weights = new Map<string, Weight>()
  for (const group of manifest) {
    const bytes = Buffer.concat(group.paths.map((path) => readFileSync(join(folder, path))))
    let offset = 0
    for (const spec of group.weights) {
      const length = elements(spec.shape) * BYTES_PER_ELEMENT[spec.quantization?.dtype ?? spec.dtype]
      // A copy: typed arrays want aligned bytes.
      const data = decode(spec, Uint8Array.from(bytes.subarray(offset, offset + length)).buffer)
      weights.set(spec.name, { shape: spec.shape, data })
      offset += length
    }
  }
  return weights
}

function decode(spec: WeightSpec, bytes: ArrayBuffer): Float32Array | Int32Array {
  if (!spec.quantization) return spec.dtype === 'int32' ? new Int32Array(bytes) : new Float32Array(bytes)
  const values = dequantise(spec.quantization, bytes)
  return spec.dtype === 'int32' ? Int32Array.from(values, Math.round) : values
}

function dequantise(quantization: NonNullable<WeightSpec['quantization']>, bytes: ArrayBuffer): Float32Array {
  if (quantization.dtype === 'float16') return Float32Array.from(new Float16Array(bytes))
  const { dtype, scale, min } = quantization
  const stored: Iterable<number> = dtype === 'uint8' ? new Uint8Array(bytes) : new Uint16Array(bytes)
  return Float32Array.from(stored, (value) => value * scale + min)
}

/** The same tensor, as floats, with its axes in another order. */
export function permute({ shape, data }: Weight, order: readonly number[]): Weight<Float32Array> {
  const strides = shape.map((_, axis) => elements(shape.slice(axis + 1)))
  const newShape = order.map((axis) => shape[axis])
  const index = newShape.map(() => 0)
  const out = new Float32Array(data.length)
  for (let i = 0; i < out.length; i++) {
    out[i] = data[index.reduce((sum, position, axis) => sum + position * strides[order[axis]], 0)]
    for (let axis = index.length - 1; axis >= 0 && ++index[axis] === newShape[axis]; axis--) index[axis] = 0
  }
  return { shape: newShape, data: out }
}

export function weightNamed(weights: Weights, name: string): Weight {
  const weight = weights.get(name)
  if (!weight) throw new Error(`the model has no weight ${name}`)
  return weight
}
