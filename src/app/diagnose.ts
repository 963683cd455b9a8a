import { statfs } from 'node:fs/promises'
import { BUILT_FILES } from '../../models/table.ts'
import { findModelFaults } from '../../models/check.ts'
import { createAnimatic } from '../backends/animatic.ts'
import { openBackends } from '../backends/open-backends.ts'
import { startLenses } from '../jail/lenses.ts'
import { createLog } from '../runtime/log.ts'
import { fetchSettings, MODELS_FOLDER } from './compose.ts'
import { isLoopback, readConfig } from './config.ts'
import { holdDataFolder } from './data-folder.ts'
import { openKeys } from './keys.ts'
import { repairConfigured, type RepairWishes } from './library.ts'

/** One thing that was tried on this machine. `weak`: it works, and could be better. */
export interface Finding { readonly what: string; readonly is: 'well' | 'weak' | 'broken'; readonly says: string; readonly mend?: string }

const PROBE_MS = 5000
const GiB = 1024 ** 3
const LITTLE_SPACE_BYTES = 2 * GiB

/** Tries each part for real, in order, and goes on whatever it finds. */
export async function* diagnose(wishes: RepairWishes): AsyncGenerator<Finding> {
  yield { what: 'Node', is: 'well', says: `${process.version} on ${process.platform}-${process.arch}` }
  const checks = { settings, models, 'data folder': dataFolder, jail, backends, service }
  for (const [what, check] of Object.entries(checks)) {
    const finding = await check().catch((error: unknown) => ({ is: 'broken' as const, says: error instanceof Error ? error.message : String(error) }))
    yield { what, ...finding }
  }
  try {
    yield* repairConfigured(wishes)
  } catch (error) {
    yield { what: 'library', is: 'broken', says: error instanceof Error ? error.message : String(error) }
  }
}

type Check = Promise<Omit<Finding, 'what'>>

async function settings(): Check {
  const config = readConfig()
  await using store = await openKeys(config)
  const made = (await store.keys.list()).filter(({ revokedAtMs }) => revokedAtMs === null).length
  const isOpen = config.API_KEYS.length === 0 && made === 0
  if (isOpen && !isLoopback(config.HOST)) return { is: 'broken', says: `${config.HOST} can be reached from outside and there is no key`, mend: 'set API_KEYS, run `dramatis keys add --account NAME`, or set HOST=127.0.0.1' }
  return { is: 'well', says: isOpen ? 'no keys: open to this machine' : `${config.API_KEYS.length} keys in API_KEYS, ${made} made on the command line` }
}

async function models(): Check {
  const faults = await findModelFaults(MODELS_FOLDER)
  if (faults.length) return { is: 'broken', says: faults.map(({ model, is }) => `${model.file} is ${is}`).join(', '), mend: 'npm run models' }
  return { is: 'well', says: `${BUILT_FILES.length} files with the right hashes` }
}

async function dataFolder(): Check {
  const { DATA_DIR } = readConfig()
  const isServing = await isServiceUp()
  if (!isServing) holdDataFolder(DATA_DIR)[Symbol.dispose]()
  const { bavail, bsize } = await statfs(DATA_DIR)
  const free = `${(bavail * bsize / GiB).toFixed(1)} GiB free in ${DATA_DIR}`
  return bavail * bsize < LITTLE_SPACE_BYTES ? { is: 'weak', says: free, mend: 'make room, or set DATA_DIR to another disk' } : { is: 'well', says: free }
}

async function jail(): Check {
  const started = performance.now()
  await using lenses = await startLenses({ processes: 1, modelsFolder: MODELS_FOLDER, log: createLog({ level: 'silent' }) })
  const { kind, summary, reachable } = lenses.jail
  const says = `${summary} (a lens is ready in ${((performance.now() - started) / 1000).toFixed(1)} s)`
  if (reachable.length === 0) return { is: 'well', says }
  const mend = process.platform === 'linux'
    ? `a video that breaks the decoder could reach: ${reachable.join(', ')}. Install bubblewrap (Debian: apt-get install bubblewrap), and allow user namespaces where it is installed already`
    : 'run it on Linux: there is no jail here'
  return { is: kind === 'none' ? 'broken' : 'weak', says, mend }
}

async function backends(): Check {
  const config = readConfig()
  if (config.BACKENDS.length === 0) return { is: 'well', says: 'only the embedded preview; docs/backends.md says how to add what generates' }
  await using lenses = await startLenses({ processes: 1, modelsFolder: MODELS_FOLDER, log: createLog({ level: 'silent' }) })
  const { all, health } = await openBackends({ configured: config.BACKENDS, embedded: createAnimatic({ lenses }), fetch: fetchSettings(config), clock: Date.now })
  const probed = await Promise.all(all.map(async (backend) => ({ name: backend.name, ...await health(backend, { signal: AbortSignal.timeout(PROBE_MS) }) })))
  const says = probed.map(({ name, says }) => `${name}: ${says}`).join(' ')
  return probed.every(({ isHealthy }) => isHealthy) ? { is: 'well', says } : { is: 'weak', says, mend: 'start what does not answer, or mend its entry in BACKENDS' }
}

async function service(): Check {
  const { HOST, PORT } = readConfig()
  return await isServiceUp()
    ? { is: 'well', says: `answers at http://${HOST}:${PORT}/` }
    : { is: 'well', says: `not running at http://${HOST}:${PORT}/; start it with \`npm start\`` }
}

async function isServiceUp(): Promise<boolean> {
  const { HOST, PORT } = readConfig()
  return fetch(`http://${HOST}:${PORT}/healthz`).then((response) => response.ok, () => false)
}
