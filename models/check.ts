import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { BUILT_FILES, type BuiltFile } from './table.ts'

export interface ModelFault { readonly model: BuiltFile; readonly is: 'missing' | 'altered' }

/** The models in this folder are not the pinned ones. The message names the files and the command that mends them. */
export class ModelsNotReady extends Error {
  override readonly name = 'ModelsNotReady'
  readonly faults: readonly ModelFault[]

  constructor(folder: string, faults: readonly ModelFault[]) {
    super(`${faults.map(({ model, is }) => `${model.file} is ${is}`).join(', ')} in ${folder}: run \`npm run models\``)
    this.faults = faults
  }
}

/** Reads every model's file, and the font's (52 MB, about 0.1 s). Rejects with {@link ModelsNotReady}. */
export async function verifyModels(folder: string): Promise<void> {
  const faults = await findModelFaults(folder)
  if (faults.length > 0) throw new ModelsNotReady(folder, faults)
}

export async function findModelFaults(folder: string): Promise<readonly ModelFault[]> {
  const faults = await Promise.all(BUILT_FILES.map(async (model): Promise<ModelFault | null> => {
    const actual = await sha256(join(folder, model.file)).catch(ignoreMissing)
    if (actual === model.sha256) return null
    return { model, is: actual === null ? 'missing' : 'altered' }
  }))
  return faults.filter((fault) => fault !== null)
}

function ignoreMissing(error: unknown): null {
  if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
  throw error
}

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path), hash)
  return hash.digest('hex')
}
