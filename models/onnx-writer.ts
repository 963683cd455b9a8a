/** The small part of the ONNX file format that a convolution net needs; field numbers are those of onnx/onnx.proto. */

const ELEMENT = { float: 1, int64: 7 } as const
const WIRE = { varint: 0, bytes: 2, fixed32: 5 } as const
const ATTRIBUTE = { float: 1, int: 2, string: 3, ints: 7 } as const
const OPSET = 18
const IR_VERSION = 8
/** Part of every file's pinned sha256. */
const PRODUCER = 'models/build.mjs'

type Element = (typeof ELEMENT)[keyof typeof ELEMENT]
/** A named size ("N") is left open. */
type Shape = readonly (number | string)[]
/** A float is written `{ float: 0.1 }`: JavaScript cannot tell 1 from 1.0. */
type Attribute = number | string | readonly number[] | { readonly float: number }
export type Attributes = Readonly<Record<string, Attribute>>
/** Floats, or the integers of shapes, axes and paddings. */
export type ConstantData = Float32Array | Int32Array | readonly number[]

interface Node { readonly op: string; readonly inputs: readonly string[]; readonly outputs: readonly string[]; readonly attributes: Attributes }
interface Constant { readonly shape: readonly number[]; readonly values: Float32Array | BigInt64Array; readonly type: Element }
interface Value { readonly name: string; readonly type: Element; readonly shape?: Shape }

class Message {
  readonly #parts: Uint8Array[] = []

  #varint(value: number): void {
    let rest = BigInt.asUintN(64, BigInt(value))
    const bytes: number[] = []
    do {
      const low = Number(rest & 127n)
      rest >>= 7n
      bytes.push(rest ? low | 128 : low)
    } while (rest)
    this.#parts.push(Uint8Array.from(bytes))
  }

  int(field: number, value: number): this {
    this.#varint((field << 3) | WIRE.varint)
    this.#varint(value)
    return this
  }

  float(field: number, value: number): this {
    this.#varint((field << 3) | WIRE.fixed32)
    this.#parts.push(new Uint8Array(Float32Array.of(value).buffer))
    return this
  }

  bytes(field: number, bytes: Uint8Array): this {
    this.#varint((field << 3) | WIRE.bytes)
    this.#varint(bytes.length)
    this.#parts.push(bytes)
    return this
  }

  text(field: number, text: string): this { return this.bytes(field, new TextEncoder().encode(text)) }
  message(field: number, message: Message): this { return this.bytes(field, message.encode()) }
  encode(): Uint8Array { return new Uint8Array(Buffer.concat(this.#parts)) }
}

/** One ONNX graph under construction. A tensor is known by its name; methods return the names they made. */
export class OnnxGraph {
  readonly #name: string
  readonly #nodes: Node[] = []
  readonly #constants = new Map<string, Constant>()
  readonly #inputs: Value[] = []
  readonly #outputs: Value[] = []
  #count = 0

  constructor(name: string) { this.#name = name }

  #fresh(prefix: string): string { return `${prefix}_${this.#count++}` }

  input(name: string, shape: Shape): string {
    this.#inputs.push({ name, shape, type: ELEMENT.float })
    return name
  }

  constant(data: ConstantData, shape: readonly number[] = [data.length]): string {
    const isFloat = data instanceof Float32Array
    const name = this.#fresh(isFloat ? 'w' : 'i')
    this.#constants.set(name, isFloat
      ? { shape, values: data, type: ELEMENT.float }
      : { shape, values: BigInt64Array.from(data, BigInt), type: ELEMENT.int64 })
    return name
  }

  scalar(value: number): string { return this.constant(Float32Array.of(value), []) }

  node(op: string, inputs: readonly string[], attributes: Attributes = {}): string {
    const [output = ''] = this.nodes(op, inputs, attributes, 1)
    return output
  }

  nodes(op: string, inputs: readonly string[], attributes: Attributes, outputCount: number): readonly string[] {
    const outputs = Array.from({ length: outputCount }, () => this.#fresh(op))
    this.#nodes.push({ op, inputs, outputs, attributes })
    return outputs
  }

  output(name: string, tensor: string): void {
    this.#nodes.push({ op: 'Identity', inputs: [tensor], outputs: [name], attributes: {} })
    this.#outputs.push({ name, type: ELEMENT.float })
  }

  /** The whole model's bytes. Constants nobody uses are left out. */
  encode(): Uint8Array {
    const graph = new Message()
    for (const node of this.#nodes) graph.message(1, encodeNode(node))
    graph.text(2, this.#name)
    const used = new Set(this.#nodes.flatMap((node) => node.inputs))
    for (const [name, constant] of this.#constants) if (used.has(name)) graph.message(5, encodeConstant(name, constant))
    for (const input of this.#inputs) graph.message(11, encodeValue(input))
    for (const output of this.#outputs) graph.message(12, encodeValue(output))
    const opset = new Message().text(1, '').int(2, OPSET)
    return new Message().int(1, IR_VERSION).text(2, PRODUCER).message(7, graph).message(8, opset).encode()
  }
}

function encodeNode({ op, inputs, outputs, attributes }: Node): Message {
  const message = new Message()
  for (const input of inputs) message.text(1, input)
  for (const output of outputs) message.text(2, output)
  message.text(4, op)
  for (const [name, value] of Object.entries(attributes)) message.message(5, encodeAttribute(name, value))
  return message
}

function encodeAttribute(name: string, value: Attribute): Message {
  const message = new Message().text(1, name)
  if (typeof value === 'string') return message.text(4, value).int(20, ATTRIBUTE.string)
  if (typeof value === 'number') return message.int(3, value).int(20, ATTRIBUTE.int)
  if ('float' in value) return message.float(2, value.float).int(20, ATTRIBUTE.float)
  for (const each of value) message.int(8, each)
  return message.int(20, ATTRIBUTE.ints)
}

function encodeConstant(name: string, { shape, values, type }: Constant): Message {
  const message = new Message()
  for (const size of shape) message.int(1, size)
  return message.int(2, type).text(8, name).bytes(9, new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
}

function encodeValue({ name, type, shape }: Value): Message {
  const tensor = new Message().int(1, type)
  if (shape) {
    const dimensions = new Message()
    for (const size of shape) dimensions.message(1, typeof size === 'string' ? new Message().text(2, size) : new Message().int(1, size))
    tensor.message(2, dimensions)
  }
  return new Message().text(1, name).message(2, new Message().message(1, tensor))
}
