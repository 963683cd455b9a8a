import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { verifyModels } from '../../models/check.ts'
import { createCharacters } from '../characters/character-service.ts'
import { openDatabase } from '../db/database.ts'
import { createKeys } from '../db/key-rows.ts'
import { createServer } from '../http/server.ts'
import { startLenses } from '../jail/lenses.ts'
import { createJobQueue } from '../jobs/job-queue.ts'
import { openFileSource } from '../net/file-source.ts'
import { parseSourceUrl } from '../net/source-url.ts'
import { openUrlSource } from '../net/url-source.ts'
import { createDiskObjects } from '../objects/disk-objects.ts'
import type { Log } from '../runtime/log.ts'
import { databaseFile, isLoopback, SettingsError, type Config } from './config.ts'
import { holdDataFolder } from './data-folder.ts'
import { authenticateBy } from './keys.ts'
import { createMetrics } from './metrics.ts'

export const MODELS_FOLDER = fileURLToPath(new URL('../../models/onnx', import.meta.url))

const unbuilt = new Proxy({}, { get: () => { throw new Error('not built') } }) as never

/** From a job's turn to its end, whatever the source and the lens do: their own deadlines are shorter. */
const JOB_DEADLINE_MS = 90_000
const DRAIN_MS = 15_000

/**
 * Builds everything once and passes it down. What is opened closes with the service, last opened first.
 * Rejects with `SettingsError`, `DataFolderUnusable`, `DatabaseUnusable`, `ModelsNotReady`.
 */
export async function compose(config: Config, { publicUrl, log }: { readonly publicUrl: string; readonly log: Log }): Promise<{ readonly server: FastifyInstance } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  stack.use(holdDataFolder(config.DATA_DIR))
  await verifyModels(MODELS_FOLDER)
  const [workFolder, uploadsFolder] = ['scratch', 'uploads'].map((name) => join(config.DATA_DIR, name))
  for (const folder of [workFolder, uploadsFolder]) await mkdir(folder, { recursive: true, mode: 0o700 })

  const db = await openDatabase({ file: databaseFile(config) })
  stack.defer(() => db.destroy())
  const keys = createKeys(db)
  const isOpen = config.API_KEYS.length === 0 && (await keys.list()).every(({ revokedAtMs }) => revokedAtMs !== null)
  if (isOpen && !isLoopback(config.HOST)) throw new SettingsError([`HOST: ${config.HOST} can be reached from outside; set API_KEYS, make a key with \`dramatis keys add\`, or listen on 127.0.0.1`])

  const metrics = createMetrics()
  const objects = createDiskObjects({ folder: join(config.DATA_DIR, 'objects') })
  const lenses = stack.use(await startLenses({ processes: config.LENS_PROCESSES, modelsFolder: MODELS_FOLDER, log }))
  const queue = createJobQueue({ concurrency: config.LENS_PROCESSES, mostWaiting: config.QUEUE_MAX, deadlineMs: JOB_DEADLINE_MS })
  metrics.watch({ queue, lenses })

  const fetchSettings = { allow: config.FETCH_ALLOW, dnsServers: config.FETCH_DNS_SERVERS, maxBytes: config.FETCH_MAX_BYTES }
  const characters = createCharacters({
    db, objects, lenses, queue, log,
    clock: Date.now,
    random: Math.random,
    openSource: (source, { signal, scratch }) => (source.type === 'url'
      ? openUrlSource(parseSourceUrl(source.url, config.FETCH_ALLOW), { settings: fetchSettings, scratchFolder: scratch, signal })
      : openFileSource(source.path)),
    onStep: metrics.observeStep,
    onEnd: metrics.observeEnd,
    settings: { humanPolicy: config.HUMAN_POLICY, crashAt: config.CRASH_AT, workFolder, uploadsFolder, drainMs: DRAIN_MS },
  })
  await characters.resume()

  let isDraining = false
  const server = await createServer({
    characters, videos: unbuilt, backends: unbuilt, events: unbuilt,
    authenticate: authenticateBy(config.API_KEYS, keys),
    parseSourceUrl: (text) => parseSourceUrl(text, config.FETCH_ALLOW).href,
    settings: { publicUrl, syncBudgetMs: config.SYNC_BUDGET_MS, uploadMaxBytes: config.UPLOAD_MAX_BYTES, isOpen, isMetricsPublic: config.METRICS_PUBLIC },
    scratchFolder: uploadsFolder,
    metrics: metrics.registry,
    readiness: () => ({
      isReady: !isDraining,
      facts: { jail: lenses.jail.kind, jail_summary: lenses.jail.summary, lenses_idle: lenses.stats.idle, queue_waiting: queue.waiting, draining: isDraining },
    }),
    log,
  })
  stack.defer(async () => {
    isDraining = true
    await Promise.all([characters.drain(), server.close()])
  })
  const opened = stack.move()
  return { server, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}
