import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { JobsDeps, Outcome } from '../../src/characters/character-jobs.ts'
import { createCharacters, lensTimeout, type CharacterService, type CharacterWork } from '../../src/characters/character-service.ts'
import type { Answers } from '../../src/characters/lens-answers.ts'
import type { CreateOptions, CreateRequest } from '../../src/characters/requests.ts'
import { openDatabase, type Database } from '../../src/db/database.ts'
import { createLocalNotices, type Notices } from '../../src/db/notices.ts'
import type { Step, Subject } from '../../src/domain/character.ts'
import type { Happening } from '../../src/domain/happening.ts'
import { createEmbeddedQueue } from '../../src/jobs/embedded-queue.ts'
import { createErrands } from '../../src/jobs/errand-service.ts'
import type { JobQueue, QueueOptions } from '../../src/jobs/job-queue.ts'
import type { CallName } from '../../src/lens/protocol.ts'
import { openFileSource } from '../../src/net/file-source.ts'
import { openObjectSource } from '../../src/objects/object-source.ts'
import { createDiskObjects } from '../../src/objects/disk-objects.ts'
import type { ObjectStore } from '../../src/objects/object-store.ts'
import type { ByteSource } from '../../src/runtime/byte-source.ts'
import { createLog, type Log } from '../../src/runtime/log.ts'

type CharacterCall = Exclude<CallName, 'picture' | 'album' | 'inspect' | 'witness' | 'stage' | 'roll' | 'wrap'>

/** What stands in for the lens answers this to a call; throwing is a refusal, a death, or a bug. */
type Script = { readonly [Name in CharacterCall]?: (source: ByteSource, signal: AbortSignal) => Promise<Answers[Name]> | Answers[Name] }

/** What one of several processes stands on: a database that others are connected to as well. */
export interface SharedGround {
  readonly db: Database
  readonly notices: Notices
  readonly queue: (options: QueueOptions) => Promise<JobQueue>
}

export interface RigOptions {
  readonly folder?: string
  /** Absent: alone, on a SQLite in the folder. */
  readonly shared?: SharedGround
  /** `api` takes no turns. */
  readonly role?: 'all' | 'api'
  readonly crashAt?: Step | null
  readonly humanPolicy?: JobsDeps['settings']['humanPolicy']
  readonly concurrency?: number
  readonly mostWaiting?: number
  readonly deadlineMs?: number
  readonly drainMs?: number
  readonly script?: Script
  /** Of what is told, before it is committed. */
  readonly onTold?: (happening: Happening) => void
  readonly clock?: () => number
  readonly random?: () => number
  readonly log?: Log
}

/** The character service on a real database and disk; only the lens, which would decode video, is scripted. */
export interface Rig extends AsyncDisposable {
  readonly characters: CharacterService
  /** What the queue calls: a test gives it a turn as when somebody else's lease is over. */
  readonly work: CharacterWork
  readonly db: Database
  readonly objects: ObjectStore
  readonly queue: JobQueue
  readonly folder: string
  /** The calls made to lenses, and how many lenses were opened. */
  readonly lens: { readonly calls: CallName[]; opened: number; closed: number }
  readonly steps: Step[]
  /** How turns ended. */
  readonly outcomes: Outcome[]
  /** What was told, committed or not. */
  readonly happenings: Happening[]
  /** The bytes at each URL; absent ones cannot be opened. */
  readonly videos: Map<string, string>
  /** Everything below a folder of the data folder, as paths in it. */
  files(name: 'objects' | 'work' | 'uploads'): Promise<readonly string[]>
}

export const CLIP_URL = 'https://videos.example/clip.mp4?signature=very-secret'
const colour = 'teal'

export const subject = (facts: Partial<Subject> = {}): Subject => {
  const best = { seconds: 1.5, box: [0.25, 0.25, 0.75, 0.75], score: 0.9, quality: 0.8 } as const
  return { id: 's1', kind: 'animal', rung: 'things', hint: 'bird', colour, rank: 1, presence: 1, best, sightings: [best], ...facts }
}

const bytes = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text)
const box = [0.25, 0.25, 0.75, 0.75] as const

const ANSWERS: Required<Script> = {
  window: async (source) => ({
    container: 'mp4', codec: 'avc', width: 1920, height: 1080, durationMs: 12_480, startMs: 1000, endMs: 3000, isClamped: false, hasSound: true,
    packets: 60, floorBytes: 5, clip: Uint8Array.from((await source.read(0, source.size)).bytes),
  }),
  see: () => ({ frames: 16, subjects: [subject()], reasons: [], models: { eyes: 'a'.repeat(64) } }),
  thumbnails: () => ({ pictures: [bytes('thumbnail')] }),
  portrait: () => ({ picture: bytes('portrait'), seconds: 1.5, box, crop: box, quality: { score: 0.8, reasons: [] } }),
  cutout: () => ({ picture: bytes('cutout'), gate: { coverage: 0.5, largestPart: 1, undecided: 0, inside: 1 } }),
  references: () => ({ references: [1, 2, 3].map((n) => ({ picture: bytes(`reference ${n}`), seconds: n, box })) }),
  identity: () => ({ vectors: [{ model: 'eyes', of: 'track-mean', values: Float32Array.of(1, 2, 3) }, { model: 'eyes', of: 'best-frame', values: Float32Array.of(4, 5, 6) }] }),
  voice: () => ({ speechSeconds: 1.2, wav: bytes('sound') }),
}

export async function openRig(options: RigOptions = {}): Promise<Rig> {
  const { folder, shared, role = 'all', crashAt = null, humanPolicy = 'allow', concurrency = 1, mostWaiting = 64, deadlineMs = 10_000, drainMs = 1000, script = {}, onTold = () => {}, clock = Date.now, random = Math.random, log = createLog({ level: 'silent' }) } = options
  const dataFolder = folder ?? await mkdtemp(join(tmpdir(), 'dramatis-characters-'))
  const [workFolder, uploadsFolder] = ['work', 'uploads'].map((name) => join(dataFolder, name))
  await mkdir(uploadsFolder, { recursive: true })
  const db = shared?.db ?? await openDatabase({ file: join(dataFolder, 'dramatis.db') })
  const notices = shared?.notices ?? createLocalNotices()
  const objects = createDiskObjects({ folder: join(dataFolder, 'objects') })
  const queueOptions = { concurrency, mostWaiting, deadlineMs, onDeadline: lensTimeout }
  const queue = await shared?.queue(queueOptions) ?? createEmbeddedQueue(queueOptions)
  const errands = createErrands({ db, queue, notices, clock, log })
  const lens: Rig['lens'] = { calls: [], opened: 0, closed: 0 }
  const videos = new Map([[CLIP_URL, 'the video']])
  const [steps, outcomes, happenings]: [Step[], Outcome[], Happening[]] = [[], [], []]
  const characters = createCharacters({
    db, objects, queue, errands, notices, log, clock,
    events: {
      record: async (trx, happening) => {
        if (!trx.isTransaction) throw new Error(`${happening.type} is told outside of a transaction`)
        happenings.push(happening)
        onTold(happening)
        await notices.tell(trx, { account: happening.account, objectId: happening.id })
      },
    },
    settings: { isAlone: shared === undefined, drainMs },
  })
  const work = characters.work({
    random, lenses: scriptedLenses(lens, { ...ANSWERS, ...script }),
    openSource: async (source) => {
      if ('path' in source) return openFileSource(source.path)
      const text = videos.get(source.type === 'url' ? source.url : source.objectKey)
      return text === undefined && source.type !== 'url' ? openObjectSource(objects, source.objectKey, source.bytes) : textSource(text)
    },
    onStep: ({ step }) => steps.push(step), onEnd: (outcome) => outcomes.push(outcome),
    settings: { humanPolicy, crashAt, workFolder },
  })
  if (role === 'all') await queue.work({ char: work.handler, errand: errands.handler(work.errands) })
  return {
    characters, work, db, objects, queue, folder: dataFolder, lens, steps, outcomes, happenings, videos,
    files: async (name) => {
      const entries = await readdir(join(dataFolder, name), { recursive: true, withFileTypes: true }).catch(() => [])
      return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath.slice(join(dataFolder, name).length + 1), entry.name)).toSorted()
    },
    [Symbol.asyncDispose]: async () => {
      await characters.drain()
      await errands.drain()
      if (shared === undefined) await db.destroy()
      if (folder === undefined) await rm(dataFolder, { recursive: true })
    },
  }
}

function scriptedLenses(lens: Rig['lens'], script: Required<Script>): JobsDeps['lenses'] {
  return {
    jail: { kind: 'none', summary: 'scripted', reachable: [] },
    open: async (source, { signal }) => {
      lens.opened++
      return {
        call: async (name) => {
          lens.calls.push(name)
          if (!(name in script)) throw new Error(`${name} is no call that makes a character`)
          return await script[name as CharacterCall](source, signal) as never // which answer belongs to which name, the table's type says
        },
        [Symbol.asyncDispose]: async () => { lens.closed++ },
      }
    },
  }
}

function textSource(text: string | undefined): ByteSource {
  if (text === undefined) throw new Error('there is no such video')
  const all = bytes(text)
  return {
    size: all.length, bytesRead: all.length, requests: 1,
    read: async (start, end) => ({ start, bytes: all.slice(start, end) }),
    [Symbol.asyncDispose]: async () => {},
  }
}

export function createRequest({ url = CLIP_URL, ...rest }: Partial<Omit<CreateRequest, 'options'>> & { readonly url?: string; readonly options?: Partial<CreateOptions> } = {}): CreateRequest {
  const options = { username: null, aliases: [], displayName: null, description: null, tags: [], metadata: {}, subject: null, isStrict: false, consent: null, ...rest.options }
  return { account: 'local', source: { type: 'url', url }, window: { startMs: 1000, endMs: 3000 }, isForced: false, traceId: null, idempotencyKey: null, ...rest, options }
}

export const codeOf = (work: Promise<unknown>): Promise<unknown> => work.then(() => null, (error) => (error instanceof Error && 'code' in error ? error.code : error))
