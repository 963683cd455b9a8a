import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { verifyModels } from '../../models/check.ts'
import { createAnimatic } from '../backends/animatic.ts'
import { openBackends } from '../backends/open-backends.ts'
import type { Backends } from '../backends/backends.ts'
import { createCharacters, type CharacterService } from '../characters/character-service.ts'
import { createIdempotencyKeys } from '../db/idempotency-keys.ts'
import { createKeys, type Keys } from '../db/key-rows.ts'
import { databaseNowMs } from '../db/lock.ts'
import { createEvents } from '../events/event-service.ts'
import type { Events } from '../events/events.ts'
import { AppError } from '../domain/errors.ts'
import { eventData } from '../http/event-data.ts'
import { createServer, createServiceServer } from '../http/server.ts'
import { startLenses, type Lenses } from '../jail/lenses.ts'
import { createErrands } from '../jobs/errand-service.ts'
import type { Errands } from '../jobs/errands.ts'
import { movedAway } from '../library/moved-note.ts'
import { createGuardedPost } from '../net/guarded-post.ts'
import type { FetchSettings } from '../net/limits.ts'
import { parseSourceUrl } from '../net/source-url.ts'
import { createPrompts } from '../prompts/prompt-service.ts'
import type { Log } from '../runtime/log.ts'
import { createVideos, type VideoService } from '../videos/video-service.ts'
import { databaseFile, isLoopback, SettingsError, type Config } from './config.ts'
import { holdDataFolder } from './data-folder.ts'
import { authenticateBy } from './keys.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { openQueues, type Queues } from './queues.ts'
import { watchReadiness } from './readiness.ts'
import { createSourceOpener } from './source-opener.ts'
import { openStores, type Stores } from './stores.ts'
import { openWorkFolder } from './work-folder.ts'

export const MODELS_FOLDER = fileURLToPath(new URL('../../models/onnx', import.meta.url))

const DRAIN_MS = 15_000
/** In a process that only answers the animatic says what it can do, and is never asked to do it. */
const NO_LENSES: Pick<Lenses, 'stats' | 'open'> = {
  stats: { idle: 0, starting: 0, busy: 0, waiting: 0, restarts: 0 },
  open: async () => { throw new AppError('lens_unavailable') },
}
/** Following a video goes on at the next start, so its end is not waited for. */
const VIDEO_DRAIN_MS = 2000

/** Private folders of this process. */
interface Folders { readonly characters: string; readonly videos: string; readonly uploads: string }

/** What everything else stands on. */
interface Ground extends Pick<Stores, 'db' | 'notices' | 'objects'> {
  readonly config: Config
  readonly publicUrl: string
  readonly log: Log
  readonly clock: () => number
  readonly folders: Folders
  readonly queues: Queues
  readonly events: Events
  readonly errands: Errands
  readonly metrics: Metrics
  /** Null in a process that only answers. */
  readonly lenses: Lenses | null
}

interface Services { readonly characters: CharacterService; readonly videos: VideoService; readonly backends: Backends }

/**
 * Builds everything once and passes it down. What is opened closes with the service, last opened first.
 * Rejects with `SettingsError`, `DataFolderUnusable`, `DatabaseUnusable`, `ModelsNotReady`, `UnusableBackends`.
 */
export async function compose(config: Config, { publicUrl, log }: { readonly publicUrl: string; readonly log: Log }): Promise<{ readonly server: FastifyInstance } & AsyncDisposable> {
  await using stack = new AsyncDisposableStack()
  const folders = await openFolders(config, { log, stack })
  if (config.ROLE !== 'api') await verifyModels(MODELS_FOLDER)
  const { db, notices, objects } = stack.use(await openStores(config, { log }))
  const keys = createKeys(db)
  const isOpen = config.ROLE === 'worker' || await decideWhetherOpen(config, keys)
  const lenses = config.ROLE === 'api' ? null : stack.use(await startLenses({ processes: config.LENS_PROCESSES, modelsFolder: MODELS_FOLDER, log }))
  const queues = stack.use(await openQueues(config, { db, log }))
  const events = createEvents({
    db, notices, log, clock: Date.now, sharedClock: databaseNowMs, random: Math.random, post: createGuardedPost(fetchSettings(config)),
    describe: (happening) => eventData(happening, { publicUrl }),
    settings: { allow: config.FETCH_ALLOW },
  })
  const errands = createErrands({ db, queue: queues.lenses, notices, clock: Date.now, log })
  const ground: Ground = { config, publicUrl, log, clock: Date.now, folders, db, notices, objects, queues, events, errands, metrics: createMetrics({ role: config.ROLE }), lenses }
  const services = await composeServices(ground)
  const readiness = stack.use(watchReadiness({ role: config.ROLE, db, objects, queue: queues.lenses, lenses }))
  const idempotency = stack.use(createIdempotencyKeys({ db, notices, log }))
  const server = config.ROLE === 'worker'
    ? await createServiceServer({ settings: httpSettings(ground, { isOpen }), log, metrics: ground.metrics.registry, readiness: readiness.ask })
    : await composeServer(ground, { ...services, idempotency, keys, isOpen, readiness: readiness.ask })
  stack.defer(() => close(server, ground, services))
  await idempotency.resume()
  await begin(ground, services)
  const opened = stack.move()
  return { server, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

/** A database of its own in the data folder is for one process; what is being worked on has a folder for each. Rejects with `SettingsError`, `DataFolderUnusable`. */
async function openFolders(config: Config, { log, stack }: { readonly log: Log; readonly stack: AsyncDisposableStack }): Promise<Folders> {
  const isEmbedded = config.DATABASE_URL === undefined
  const moved = await movedAway(config.DATA_DIR, { isDatabaseHere: isEmbedded, areObjectsHere: config.S3_URL === undefined, hasDatabase: existsSync(databaseFile(config)) })
  if (moved !== null) throw new SettingsError([`DATA_DIR: ${moved}`])
  if (isEmbedded) stack.use(holdDataFolder(config.DATA_DIR))
  const { path } = stack.use(await openWorkFolder(join(config.DATA_DIR, 'scratch'), { log }))
  const folders = { characters: join(path, 'characters'), videos: join(path, 'videos'), uploads: join(path, 'uploads') }
  for (const folder of Object.values(folders)) await mkdir(folder, { mode: 0o700 })
  return folders
}

export const fetchSettings = (config: Config): FetchSettings => ({ allow: config.FETCH_ALLOW, dnsServers: config.FETCH_DNS_SERVERS, maxBytes: config.FETCH_MAX_BYTES })

/** Without any key everybody who reaches the service may use it, so only this machine may. Rejects with `SettingsError`. */
async function decideWhetherOpen(config: Config, keys: Keys): Promise<boolean> {
  const isOpen = config.API_KEYS.length === 0 && (await keys.list()).every(({ revokedAtMs }) => revokedAtMs !== null)
  if (isOpen && !isLoopback(config.HOST)) throw new SettingsError([`HOST: ${config.HOST} can be reached from outside; set API_KEYS, make a key with \`dramatis keys add\`, or listen on 127.0.0.1`])
  return isOpen
}

async function composeServices(ground: Ground): Promise<Services> {
  const { config, queues, lenses, metrics } = ground
  const backends = await openBackends({ configured: config.BACKENDS, embedded: createAnimatic({ lenses: lenses ?? NO_LENSES }), fetch: fetchSettings(config), clock: Date.now })
  const characters = createCharacters({ ...ground, queue: queues.lenses, settings: { isAlone: config.DATABASE_URL === undefined, drainMs: DRAIN_MS } })
  const videos = createVideos({ ...ground, queue: queues.videos, backends, prompts: createPrompts({ db: ground.db }), settings: { isAlone: config.DATABASE_URL === undefined, drainMs: VIDEO_DRAIN_MS } })
  metrics.watch({ queues: { lenses: queues.lenses, videos: queues.videos }, lenses, events: ground.events })
  return { characters, videos, backends }
}

/** From here on this process takes turns, and looks after what others left. One that only answers does neither. */
async function begin(ground: Ground, { characters, videos }: Services): Promise<void> {
  const { config, folders, lenses, metrics, queues, errands, events, objects } = ground
  if (lenses === null) return
  const openSource = createSourceOpener(fetchSettings(config), objects, metrics.observeFetched)
  const crashAt = config.CRASH_AT
  const ofCharacters = characters.work({
    lenses, openSource, random: Math.random, onStep: metrics.observeStep, onEnd: metrics.observeEnd,
    settings: { humanPolicy: config.HUMAN_POLICY, crashAt, workFolder: folders.characters },
  })
  const ofVideos = videos.work({ lenses, openSource, onStep: metrics.observeVideoStep, onEnd: metrics.observeVideoEnd, settings: { crashAt, workFolder: folders.videos } })
  await errands.forgetOld()
  await events.resume()
  await queues.lenses.work({ char: ofCharacters.handler, errand: errands.handler({ ...ofCharacters.errands, ...ofVideos.errands }) })
  await queues.videos.work({ video: ofVideos.handler })
  await characters.resume()
  await videos.resume()
}

/** Says so first, to whoever sends requests here; then takes no more, finishes what it can, and hands back the rest. */
async function close(server: FastifyInstance, { config, errands, events }: Ground, { characters, videos }: Services): Promise<void> {
  server.announceClosing()
  await sleep(config.DRAIN_NOTICE_MS)
  await Promise.all([characters.drain(), videos.drain(), server.close()])
  await errands.drain()
  await events.drain()
}

const httpSettings = ({ config, publicUrl }: Ground, { isOpen }: { readonly isOpen: boolean }) =>
  ({ publicUrl, syncBudgetMs: config.SYNC_BUDGET_MS, uploadMaxBytes: config.UPLOAD_MAX_BYTES, isOpen, isMetricsPublic: config.METRICS_PUBLIC })

type Doors = Services & Pick<Parameters<typeof createServer>[0], 'idempotency' | 'readiness'> & { readonly keys: Keys; readonly isOpen: boolean }

const composeServer = (ground: Ground, { keys, isOpen, ...doors }: Doors): Promise<FastifyInstance> => createServer({
  ...doors, events: ground.events, log: ground.log,
  authenticate: authenticateBy(ground.config.API_KEYS, keys),
  parseSourceUrl: (text) => parseSourceUrl(text, ground.config.FETCH_ALLOW).href,
  settings: httpSettings(ground, { isOpen }),
  scratchFolder: ground.folders.uploads,
  refusalOf: (account) => ground.queues.lenses.refusalOf(account),
  metrics: ground.metrics.registry,
})
