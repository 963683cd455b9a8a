import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { verifyModels } from '../../models/check.ts'
import { createAnimatic } from '../backends/animatic.ts'
import { openBackends } from '../backends/open-backends.ts'
import type { Backends } from '../backends/backends.ts'
import { createCharacters, lensTimeout } from '../characters/character-service.ts'
import type { Characters } from '../characters/characters.ts'
import { openDatabase, type Database } from '../db/database.ts'
import { createIdempotencyKeys } from '../db/idempotency-keys.ts'
import { createKeys, type Keys } from '../db/key-rows.ts'
import { databaseNowMs } from '../db/lock.ts'
import { createLocalNotices, type Notices } from '../db/notices.ts'
import { createEvents } from '../events/event-service.ts'
import type { Events } from '../events/events.ts'
import { eventData } from '../http/event-data.ts'
import type { Idempotency } from '../http/idempotency-keys.ts'
import { createServer } from '../http/server.ts'
import { startLenses, type Lenses } from '../jail/lenses.ts'
import { createEmbeddedQueue } from '../jobs/embedded-queue.ts'
import { createErrands } from '../jobs/errand-service.ts'
import type { Errands } from '../jobs/errands.ts'
import type { JobQueue } from '../jobs/job-queue.ts'
import { createJobQueue } from '../jobs/place-queue.ts'
import { createGuardedPost } from '../net/guarded-post.ts'
import type { FetchSettings } from '../net/limits.ts'
import { parseSourceUrl } from '../net/source-url.ts'
import { createDiskObjects } from '../objects/disk-objects.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import { createPrompts } from '../prompts/prompt-service.ts'
import type { Log } from '../runtime/log.ts'
import { backendTimeout, createVideos } from '../videos/video-service.ts'
import type { Videos } from '../videos/videos.ts'
import { databaseFile, isLoopback, SettingsError, type Config } from './config.ts'
import { holdDataFolder } from './data-folder.ts'
import { authenticateBy } from './keys.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { createSourceOpener, type SourceOpener } from './source-opener.ts'

export const MODELS_FOLDER = fileURLToPath(new URL('../../models/onnx', import.meta.url))

/** From a job's turn to its end, whatever the source and the lens do: their own deadlines are shorter. */
const JOB_DEADLINE_MS = 90_000
const DRAIN_MS = 15_000
/** Following a video goes on at the next start, so its end is not waited for. */
const VIDEO_DRAIN_MS = 2000

/** What everything else stands on. */
interface Ground {
  readonly config: Config
  readonly log: Log
  readonly clock: () => number
  readonly db: Database
  readonly objects: ObjectStore
  readonly lenses: Lenses
  readonly events: Events
  readonly metrics: Metrics
  readonly openSource: SourceOpener
}

/**
 * Builds everything once and passes it down. What is opened closes with the service, last opened first.
 * Rejects with `SettingsError`, `DataFolderUnusable`, `DatabaseUnusable`, `ModelsNotReady`, `UnusableBackends`.
 */
export async function compose(config: Config, { publicUrl, log }: { readonly publicUrl: string; readonly log: Log }): Promise<{ readonly server: FastifyInstance } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  stack.use(holdDataFolder(config.DATA_DIR))
  await verifyModels(MODELS_FOLDER)
  await rm(foldersOf(config).work, { recursive: true, force: true }) // of a process that was killed
  for (const folder of Object.values(foldersOf(config))) await mkdir(folder, { recursive: true, mode: 0o700 })

  const db = await openDatabase({ file: databaseFile(config) })
  stack.defer(() => db.destroy())
  const keys = createKeys(db)
  const isOpen = await decideWhetherOpen(config, keys)

  const objects = createDiskObjects({ folder: join(config.DATA_DIR, 'objects') })
  const fetch = fetchSettings(config)
  const lenses = stack.use(await startLenses({ processes: config.LENS_PROCESSES, modelsFolder: MODELS_FOLDER, log }))
  const notices = stack.use(createLocalNotices())
  const events = createEvents({
    db, notices, log, clock: Date.now, sharedClock: databaseNowMs, random: Math.random, post: createGuardedPost(fetch),
    describe: (happening) => eventData(happening, { publicUrl }),
    settings: { allow: config.FETCH_ALLOW },
  })
  const metrics = createMetrics({ role: config.ROLE })
  const ground: Ground = { config, log, clock: Date.now, db, objects, lenses, events, metrics, openSource: createSourceOpener(fetch, objects, metrics.observeFetched) }
  const queue = createEmbeddedQueue({ concurrency: config.LENS_PROCESSES, mostWaiting: config.QUEUE_MAX, deadlineMs: JOB_DEADLINE_MS, onDeadline: lensTimeout, log })
  const errands = createErrands({ db, queue, notices, clock: Date.now, log })
  const characters = await composeCharacters(ground, { queue, errands, notices })
  const backends = await openBackends({ configured: config.BACKENDS, embedded: createAnimatic({ lenses }), fetch, clock: Date.now })
  const videos = composeVideos(ground, backends)
  const idempotency = stack.use(createIdempotencyKeys({ db, notices, log }))
  await idempotency.resume()
  await events.resume()
  await characters.resume()
  await videos.resume()

  let isDraining = false
  const readiness = async () => ({
    isReady: !isDraining,
    facts: { jail: lenses.jail.kind, jail_summary: lenses.jail.summary, lenses_idle: lenses.stats.idle, queue_waiting: (await queue.figures()).waiting, draining: isDraining },
  })
  const server = await composeServer(ground, { characters, videos, backends, idempotency, keys, isOpen, publicUrl, readiness })
  stack.defer(async () => {
    isDraining = true
    await Promise.all([characters.drain(), videos.drain(), server.close()])
    await errands.drain()
    await events.drain()
  })
  const opened = stack.move()
  return { server, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

const foldersOf = ({ DATA_DIR }: Config) => ({ work: join(DATA_DIR, 'scratch', 'characters'), videoWork: join(DATA_DIR, 'scratch', 'videos'), uploads: join(DATA_DIR, 'uploads') })

export const fetchSettings = (config: Config): FetchSettings => ({ allow: config.FETCH_ALLOW, dnsServers: config.FETCH_DNS_SERVERS, maxBytes: config.FETCH_MAX_BYTES })

/** Without any key everybody who reaches the service may use it, so only this machine may. Rejects with `SettingsError`. */
async function decideWhetherOpen(config: Config, keys: Keys): Promise<boolean> {
  const isOpen = config.API_KEYS.length === 0 && (await keys.list()).every(({ revokedAtMs }) => revokedAtMs !== null)
  if (isOpen && !isLoopback(config.HOST)) throw new SettingsError([`HOST: ${config.HOST} can be reached from outside; set API_KEYS, make a key with \`dramatis keys add\`, or listen on 127.0.0.1`])
  return isOpen
}

interface Jobs { readonly queue: JobQueue; readonly errands: Errands; readonly notices: Notices }

async function composeCharacters({ config, metrics, lenses, openSource, ...ground }: Ground, { queue, errands, notices }: Jobs): Promise<Characters> {
  metrics.watch({ queues: { lenses: queue }, lenses, events: ground.events })
  const characters = createCharacters({ ...ground, queue, errands, notices, settings: { isAlone: true, drainMs: DRAIN_MS } })
  const work = characters.work({
    lenses, openSource, random: Math.random, onStep: metrics.observeStep, onEnd: metrics.observeEnd,
    settings: { humanPolicy: config.HUMAN_POLICY, crashAt: config.CRASH_AT, workFolder: foldersOf(config).work },
  })
  await errands.forgetOld()
  await queue.work({ char: work.handler, errand: errands.handler(work.errands) })
  return characters
}

function composeVideos({ config, metrics, ...ground }: Ground, backends: Backends): Videos {
  const queue = createJobQueue({ concurrency: config.VIDEOS_AT_ONCE, mostWaiting: config.QUEUE_MAX, deadlineMs: config.VIDEO_DEADLINE_MS, onDeadline: backendTimeout })
  return createVideos({
    ...ground, queue, backends, prompts: createPrompts({ db: ground.db }), onStep: metrics.observeVideoStep, onEnd: metrics.observeVideoEnd,
    settings: { workFolder: foldersOf(config).videoWork, drainMs: VIDEO_DRAIN_MS, crashAt: config.CRASH_AT },
  })
}

interface Doors {
  readonly characters: Characters
  readonly videos: Videos
  readonly backends: Backends
  readonly idempotency: Idempotency
  readonly keys: Keys
  readonly isOpen: boolean
  readonly publicUrl: string
  readonly readiness: Parameters<typeof createServer>[0]['readiness']
}

const composeServer = ({ config, events, metrics, log }: Ground, { keys, isOpen, publicUrl, ...doors }: Doors): Promise<FastifyInstance> => createServer({
  ...doors, events, log,
  authenticate: authenticateBy(config.API_KEYS, keys),
  parseSourceUrl: (text) => parseSourceUrl(text, config.FETCH_ALLOW).href,
  settings: { publicUrl, syncBudgetMs: config.SYNC_BUDGET_MS, uploadMaxBytes: config.UPLOAD_MAX_BYTES, isOpen, isMetricsPublic: config.METRICS_PUBLIC },
  scratchFolder: foldersOf(config).uploads,
  metrics: metrics.registry,
})
