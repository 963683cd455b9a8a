import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Backend } from '../../src/backends/backend.ts'
import { createBackends } from '../../src/backends/registry.ts'
import { insertCharacter } from '../../src/db/character-rows.ts'
import { openDatabase, type Database } from '../../src/db/database.ts'
import { createLocalNotices, type Notices } from '../../src/db/notices.ts'
import { completedValues } from '../../src/db/stored-character.ts'
import { takeUsername } from '../../src/db/username-rows.ts'
import { insertVectors } from '../../src/db/vector-rows.ts'
import type { Character, Kind } from '../../src/domain/character.ts'
import type { Happening } from '../../src/domain/happening.ts'
import { newCharacterId, newMediaToken, type CharacterId, type VideoId } from '../../src/domain/identifier.ts'
import { objectKey } from '../../src/domain/stored-file.ts'
import type { Video, VideoStep } from '../../src/domain/video.ts'
import type { LensSession } from '../../src/jail/lens-session.ts'
import type { Lenses } from '../../src/jail/lenses.ts'
import { createEmbeddedQueue } from '../../src/jobs/embedded-queue.ts'
import { createErrands } from '../../src/jobs/errand-service.ts'
import type { Handler, JobQueue } from '../../src/jobs/job-queue.ts'
import type { Calls } from '../../src/lens/protocol.ts'
import { openFileSource } from '../../src/net/file-source.ts'
import { createDiskObjects } from '../../src/objects/disk-objects.ts'
import type { ObjectStore } from '../../src/objects/object-store.ts'
import { createPrompts } from '../../src/prompts/prompt-service.ts'
import type { ByteSource } from '../../src/runtime/byte-source.ts'
import { createLog, type Log } from '../../src/runtime/log.ts'
import { sha256 } from '../../src/runtime/sha256.ts'
import type { VideoLimits } from '../../src/videos/settings.ts'
import { backendTimeout, createVideos, type VideoOutcome } from '../../src/videos/video-service.ts'
import type { Videos, VideoRequest } from '../../src/videos/videos.ts'
import { memorySource } from '../fixtures/memory-source.ts'
import { scriptedBackend } from './scripted-backend.ts'

type VideoCall = 'inspect' | 'picture' | 'witness'
/** What stands in for the lens answers this to a call; throwing is a refusal, a death, or a bug. */
export type LensScript = { readonly [Name in VideoCall]?: (source: ByteSource, asks: Calls[Name]['asks']) => Promise<Calls[Name]['answers']> | Calls[Name]['answers'] }

/** What processes share. */
export interface VideoGround { readonly db: Database; readonly notices: Notices; readonly objects?: ObjectStore; readonly queues?: VideoRig['queues'] }

export interface VideoRigOptions {
  readonly folder?: string
  /** A database, and what else several processes share, that is opened and closed elsewhere. */
  readonly on?: VideoGround
  /** False: as a process without lenses. */
  readonly works?: boolean
  readonly backends?: readonly [Backend, ...Backend[]]
  readonly crashAt?: VideoStep | null
  readonly concurrency?: number
  readonly mostWaiting?: number
  readonly deadlineMs?: number
  readonly drainMs?: number
  readonly limits?: Partial<VideoLimits>
  readonly lens?: LensScript
  readonly lenses?: Pick<Lenses, 'open'>
  readonly clock?: () => number
  readonly log?: Log
}

/** The video service on a real database and disk, with real prompts; the backends are somebody else's, and the lens is scripted unless one is given. */
export interface VideoRig extends AsyncDisposable {
  readonly videos: Videos
  readonly db: Database
  readonly objects: ObjectStore
  readonly queue: JobQueue
  /** Null for a process without lenses. */
  readonly handler: Handler | null
  readonly queues: { readonly videos: JobQueue; readonly lenses: JobQueue }
  readonly folder: string
  readonly happened: Happening[]
  readonly steps: VideoStep[]
  readonly outcomes: VideoOutcome[]
  readonly lensCalls: { readonly name: string; readonly asks: unknown; readonly size: number }[]
  /** The bytes at each address of a picture. */
  readonly pictures: Map<string, string>
  /** A finished character, with its files. */
  plant(username: string, facts?: Partial<Pick<Character, 'account' | 'kind' | 'description'>> & { readonly hasVoice?: boolean }): Promise<CharacterId>
  /** A character that is still made. */
  begin(account?: string): Promise<CharacterId>
  finish(id: CharacterId, username: string): Promise<void>
  /** The video once it has come to an end. */
  ended(id: VideoId): Promise<Video>
  files(name: 'objects' | 'work' | 'uploads'): Promise<readonly string[]>
}

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)

const ANSWERS: Required<LensScript> = {
  inspect: () => ({ container: 'mp4', codec: 'h264', width: 720, height: 1280, durationMs: 4000, hasSound: false, thumbnail: bytes('thumbnail'), spritesheet: bytes('spritesheet') }),
  picture: async (source, { format }) => ({ picture: bytes(`${new TextDecoder().decode((await source.read(0, source.size, { isPlanned: true })).bytes)} as ${format}`), width: 512, height: 512 }),
  witness: (_source, { figures }) => ({ figures: figures.map(() => null), frames: [{ seconds: 0, sightings: [] }] }),
}

export const LIMITS: Partial<VideoLimits> = { retryMs: 5, pendingPollMs: 5, mostPollMs: 20 }

export async function openVideoRig(options: VideoRigOptions = {}): Promise<VideoRig> {
  const { backends = [scriptedBackend()], crashAt = null, works = true, drainMs = 100, clock = Date.now, log = createLog({ level: 'silent' }), on } = options
  const folder = options.folder ?? await mkdtemp(join(tmpdir(), 'dramatis-videos-'))
  const [workFolder, uploadsFolder] = ['work', 'uploads'].map((name) => join(folder, name))
  await mkdir(uploadsFolder, { recursive: true })
  await rm(workFolder, { recursive: true, force: true }) // of a process that was killed, as the service does
  const { db, notices } = on ?? { db: await openDatabase({ file: join(folder, 'dramatis.db') }), notices: createLocalNotices() }
  const objects = on?.objects ?? createDiskObjects({ folder: join(folder, 'objects') })
  const queues = on?.queues ?? openQueues(options)
  const [happened, steps, outcomes, lensCalls]: [Happening[], VideoStep[], VideoOutcome[], VideoRig['lensCalls'][number][]] = [[], [], [], []]
  const pictures = new Map<string, string>()
  const errands = createErrands({ db, queue: queues.lenses, notices, clock, log })
  const videos = createVideos({
    db, objects, queue: queues.videos, errands, notices, log, clock,
    backends: createBackends(backends, { clock }),
    prompts: createPrompts({ db }),
    events: {
      record: async (trx, happening) => {
        if (!trx.isTransaction) throw new Error(`${happening.type} is told outside of a transaction`)
        happened.push(happening)
        await notices.tell(trx, { account: happening.account, objectId: happening.id })
      },
    },
    settings: { isAlone: on === undefined, drainMs, limits: { ...LIMITS, ...options.limits } },
  })
  let handler: Handler | null = null
  if (works) {
    const work = videos.work({
      lenses: options.lenses ?? scriptedLenses({ ...ANSWERS, ...options.lens }, lensCalls),
      openSource: async (source) => (source.type === 'upload' ? openFileSource(source.path) : memorySource(bytes(pictures.get(source.url) ?? ''))),
      onStep: ({ step }) => steps.push(step), onEnd: (outcome) => outcomes.push(outcome),
      settings: { workFolder, crashAt },
    })
    handler = work.handler
    await queues.videos.work({ video: handler })
    await queues.lenses.work({ errand: errands.handler(work.errands) })
  }
  return {
    videos, db, objects, handler, queue: queues.videos, queues, folder, happened, steps, outcomes, lensCalls, pictures,
    plant: async (username, facts = {}) => {
      const id = await begin(db, facts.account ?? 'local')
      await finish({ db, objects }, id, { username, ...facts })
      return id
    },
    begin: (account = 'local') => begin(db, account),
    finish: (id, username) => finish({ db, objects }, id, { username }),
    ended: async (id) => {
      for (;;) {
        const { account } = await db.selectFrom('videos').select('account').where('id', '=', id).executeTakeFirstOrThrow()
        const video = await videos.find(account, id)
        if (video.state.at === 'completed' || video.state.at === 'failed') return video
        await new Promise((resolve) => { setTimeout(resolve, 5) })
      }
    },
    files: async (name) => {
      const entries = await readdir(join(folder, name), { recursive: true, withFileTypes: true }).catch(() => [])
      return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath.slice(join(folder, name).length + 1), entry.name)).filter((path) => !path.startsWith('char_')).toSorted()
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all([videos.drain(), queues.lenses.drain({ graceMs: 0 })])
      await errands.drain()
      if (on === undefined) await db.destroy()
      if (options.folder === undefined) await rm(folder, { recursive: true })
    },
  }
}

const openQueues = ({ concurrency = 2, mostWaiting = 16, deadlineMs = 10_000 }: VideoRigOptions): VideoRig['queues'] => ({
  videos: createEmbeddedQueue({ concurrency, mostWaiting, deadlineMs, onDeadline: backendTimeout }),
  lenses: createEmbeddedQueue({ concurrency: 2, mostWaiting: 16, deadlineMs, onDeadline: backendTimeout }),
})

export function videoRequest(facts: Partial<VideoRequest> = {}): VideoRequest {
  return {
    account: 'local', prompt: 'A letter lies on a table.', model: null, size: null, orientation: null, seconds: null, characters: [], pending: [], pictures: [],
    seed: null, negativePrompt: null, unknownMentions: 'error', from: null, isRetry: false, traceId: null, idempotencyKey: null, ...facts,
  }
}

function scriptedLenses(script: Required<LensScript>, calls: VideoRig['lensCalls'][number][]): Pick<Lenses, 'open'> {
  return {
    open: async (source, { signal }) => {
      const call = async (name: string, asks: unknown): Promise<never> => {
        signal.throwIfAborted()
        calls.push({ name, asks, size: source.size })
        return await script[name as VideoCall](source, asks as never) as never // which answer belongs to which name, the table's type says
      }
      return { call: call as LensSession['call'], [Symbol.asyncDispose]: async () => {} }
    },
  }
}

async function begin(db: Database, account: string): Promise<CharacterId> {
  const id = newCharacterId()
  await insertCharacter(db, { id, account, status: 'queued', progress: 0, attempts: 0, fingerprint: id, is_forced: 0, request: '{}', created_at: Date.now(), updated_at: Date.now() })
  return id
}

interface Finish { readonly username: string; readonly kind?: Kind; readonly description?: string | null; readonly hasVoice?: boolean }

async function finish({ db, objects }: { readonly db: Database; readonly objects: ObjectStore }, id: CharacterId, { username, kind = 'animal', description = null, hasVoice = false }: Finish): Promise<void> {
  const names = ['portrait.webp', 'cutout.webp', 'reference-1.webp', 'reference-2.webp', 'clip.mp4', ...(hasVoice ? ['voice.wav'] : [])]
  const files = await Promise.all(names.map(async (name) => {
    const data = bytes(`${username} ${name}`)
    const key = objectKey(id, 1, name)
    await objects.put(key, data)
    return { name, key, bytes: data.length, sha256: sha256(data) }
  }))
  const { account } = await db.selectFrom('characters').select('account').where('id', '=', id).executeTakeFirstOrThrow()
  const nowMs = Date.now()
  const character: Character = {
    id, account, username, aliases: [], displayName: null, description, kind, mediaToken: newMediaToken(), revision: 1,
    window: { startMs: 1000, endMs: 3000, chosenBy: 'caller', isClamped: false },
    source: { type: 'upload', host: null, container: 'mp4', codec: 'h264', width: 1920, height: 1080, durationMs: 4000 },
    clipSha256: sha256(username), references: 2, hasCutout: true, hasVoice, quality: { score: 1, reasons: [] }, consent: null,
    tags: [], metadata: {}, warnings: [], createdAtMs: nowMs, updatedAtMs: nowMs, completedAtMs: nowMs,
  }
  await takeUsername(db, username, id)
  await db.updateTable('characters').set(completedValues(character, files)).where('id', '=', id).execute()
  await insertVectors(db, id, [{ model: 'test', of: 'track-mean', values: Float32Array.of(1, 0) }])
}
