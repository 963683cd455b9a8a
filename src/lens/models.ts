import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import * as ort from 'onnxruntime-node'
import { MODELS, type ModelEntry, type ModelId } from '../../models/table.ts'

/** The inputs or outputs of one run. */
export type Values = Readonly<Record<string, Float32Array>>

interface Input { readonly data: Float32Array | BigInt64Array; readonly shape: readonly number[] }

/** The models of the table, loaded and checked. One job at a time may use them. */
export interface Models {
  /** Where their files lie, and the font of captions. */
  readonly folder: string
  /** Id of the model to the sha256 of its file. */
  readonly sha256: Readonly<Record<ModelId, string>>
  /** Runs one model on named inputs; gives its named outputs. */
  run(id: ModelId, inputs: Readonly<Record<string, Input>>): Promise<Values>
  /** Runs one of the picture models, whose only input is one `[3, size, size]`; `draw` overwrites what the last run left there. */
  runOnImage(id: ModelId, draw: (tensor: Float32Array) => void): Promise<Values>
  /** Runs each model once, so that the first job does not pay for it. */
  warmUp(): Promise<void>
}

/**
 * One thread a session: two are 1.3-1.9 times faster on an idle machine and 3-5 times slower on a busy one, and jobs run
 * side by side instead. The arena for activations cost 16 MB and gained nothing.
 */
const SESSION: ort.InferenceSession.SessionOptions = {
  intraOpNumThreads: 1, interOpNumThreads: 1, logSeverityLevel: 3, enableCpuMemArena: false,
}

/** Rejects, naming the file, when one is missing or is not the one in the table. */
export async function loadModels(folder: string): Promise<Models> {
  const loaded = await Promise.all(MODELS.map(async (entry) => [entry.id, await loadSession(folder, entry)] as const))
  const sessions = new Map<ModelId, ort.InferenceSession>(loaded)
  const sessionOf = (id: ModelId): ort.InferenceSession => {
    const session = sessions.get(id)
    if (!session) throw new Error(`there is no model ${id}`)
    return session
  }
  // One for all runs: a new one each time kept the garbage collector busy for a tenth of a job.
  const images = new Map(MODELS.flatMap(({ id, input: { size: [width, height] } }) => (height ? [[id, imageOf(width, height)] as const] : [])))
  const run: Models['run'] = async (id, inputs) => {
    const feeds = Object.entries(inputs).map(([name, { data, shape }]) => [name, tensorOf(data, shape)])
    const results = await sessionOf(id).run(Object.fromEntries(feeds))
    return Object.fromEntries(Object.entries(results).map(([name, { data }]) => [name, floats(data, id)]))
  }
  const models: Models = {
    folder,
    sha256: hashesOf(MODELS),
    run,
    runOnImage: (id, draw) => {
      const image = images.get(id)
      if (!image) throw new Error(`${id} is no model of pictures`)
      draw(image.data)
      return run(id, { [sessionOf(id).inputNames[0]]: image })
    },
    warmUp: async () => {
      for (const id of images.keys()) await models.runOnImage(id, () => {})
    },
  }
  return models
}

/** The name of the vectors that a model makes: vectors of different names are never compared. */
export function modelVector(id: ModelId): string {
  const vector = MODELS.find((entry) => entry.id === id)?.vector
  if (!vector) throw new Error(`${id} makes no vectors`)
  return vector.id
}

const tensorOf = (data: Float32Array | BigInt64Array, shape: readonly number[]): ort.Tensor => (
  data instanceof Float32Array ? new ort.Tensor('float32', data, shape) : new ort.Tensor('int64', data, shape)
)

const imageOf = (width: number, height: number) => ({ data: new Float32Array(3 * width * height), shape: [1, 3, height, width] })

function floats(data: unknown, id: ModelId): Float32Array {
  if (!(data instanceof Float32Array)) throw new Error(`${id} did not give floats`)
  return data
}

/** Hashed and loaded from the file: through a buffer of ours the process peaked 30 MB higher. */
async function loadSession(folder: string, { file, sha256 }: ModelEntry): Promise<ort.InferenceSession> {
  const path = join(folder, file)
  const found = await hashOf(path).catch((cause: unknown) => { throw new Error(`The model ${path} cannot be read; make it with \`npm run models\`.`, { cause }) })
  if (found !== sha256) throw new Error(`The model ${path} is not the one in models/table.ts; make it again with \`npm run models\`.`)
  return ort.InferenceSession.create(path, SESSION)
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return hash.digest('hex')
}

function hashesOf(entries: readonly ModelEntry[]): Record<ModelId, string> {
  return Object.fromEntries(entries.map(({ id, sha256 }) => [id, sha256])) as Record<ModelId, string>
}
