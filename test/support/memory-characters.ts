import { createHash } from 'node:crypto'
import { rm } from 'node:fs/promises'
import type { CharacterPage, Characters, Detection, ListRequest, Media, Removal } from '../../src/characters/characters.ts'
import type { CharacterState, CreateRequest, Evidence } from '../../src/characters/requests.ts'
import type { Character, Kind, Subject } from '../../src/domain/character.ts'
import { AppError } from '../../src/domain/errors.ts'
import { newCharacterId, newMediaToken, type CharacterId } from '../../src/domain/identifier.ts'

type Kept = { readonly account: string; readonly key: string; state: CharacterState }

/** Only when told to, with a refusal, or with a character made earlier. */
type Ending = 'wait' | AppError | Character

export interface MemoryCharacters extends Characters {
  /** Every request `create` took, in order. */
  readonly created: readonly CreateRequest[]
  /** The next job ends like this instead of with a new character at once. */
  next(how: Ending): void
  /** Lets the jobs that wait finish. */
  finish(): void
  /** Puts a character there with what the test is about. */
  plant(facts?: Partial<Character>, account?: string): Character
}

const ARCHIVE = Buffer.from('an archive')
const BLUE_WEBP = Buffer.from('UklGRjwAAABXRUJQVlA4IDAAAADQAQCdASoCAAIAAgA0JaACdLoB+AADsAD+8ut//NgVzXPv9//S4P0uD9Lg/9KQAAA=', 'base64')

/** Characters that are made without looking: for tests of what is in front of them. Pictures default to a few plain bytes. */
export function memoryCharacters({ files = {} }: { files?: Readonly<Record<string, Uint8Array>> } = {}): MemoryCharacters {
  const kept = new Map<string, Kept>()
  const created: CreateRequest[] = []
  const waiting: (() => void)[] = []
  const planned: Ending[] = []
  const bytesOf = (name: string): Uint8Array | undefined => files[name] ?? PLAIN[name]

  const keep = (account: string, key: string, state: CharacterState): void => { kept.set(state.id, { account, key, state }) }
  const mine = (account: string, ref: string): Kept => {
    const name = ref.replace(/^@/, '').toLowerCase()
    const found = [...kept.values()].find(({ account: owner, state }) => owner === account && (state.id === ref || (state.at === 'completed' && state.character.username === name)))
    if (found === undefined) throw new AppError('character_not_found')
    return found
  }
  const alive = (account: string, ref: string): CharacterState => {
    const { state } = mine(account, ref)
    if (state.at === 'completed' && state.deletedAtMs !== null) throw new AppError('character_not_found')
    return state
  }

  return {
    created,
    next: (how) => { planned.push(how) },
    finish: () => { for (const go of waiting.splice(0)) go() },
    plant: (facts = {}, account = 'local') => {
      const character = { ...aCharacter(newCharacterId(), account), ...facts }
      keep(account, '', completed(character))
      return character
    },
    create: async (request) => {
      created.push(request)
      if ('path' in request.source) await rm(request.source.path)
      const { username } = request.options
      if (username !== null && [...kept.values()].some(({ state }) => state.at === 'completed' && state.character.username === username)) throw new AppError('username_taken', { param: 'username', details: { suggestions: [`${username}_2`] } })
      const key = JSON.stringify([request.account, request.source.type === 'url' ? request.source.url : request.source.sha256, request.window])
      const earlier = [...kept.values()].find((one) => one.key === key && one.state.at !== 'failed')
      if (earlier && !request.isForced) return { id: earlier.state.id, isReplay: earlier.state.at === 'completed', done: settled(() => alive(request.account, earlier.state.id), waiting) }
      const id = newCharacterId()
      const how = planned.shift()
      const end = (): void => {
        const { options, window } = request
        keep(request.account, key, how instanceof AppError
          ? { at: 'failed', id, createdAtMs: Date.now(), error: how }
          : completed({ ...aCharacter(id, request.account), ...(username !== null && { username }), ...(window && { window: { ...window, chosenBy: 'caller', isClamped: false } }), aliases: options.aliases, displayName: options.displayName, description: options.description, tags: options.tags, metadata: options.metadata, consent: options.consent }))
      }
      keep(request.account, key, { at: 'queued', id, createdAtMs: Date.now(), step: null, progress: 0 })
      if (typeof how === 'object' && 'username' in how) return { id, isReplay: false, done: Promise.resolve(how) }
      if (how === 'wait') waiting.push(end)
      else end()
      return { id, isReplay: false, done: settled(() => alive(request.account, id), waiting) }
    },
    detect: async ({ window }, { signal }) => {
      const how = planned.shift()
      if (how instanceof AppError) throw how
      if (how === 'wait') await new Promise<never>((_, reject) => { signal.addEventListener('abort', () => reject(signal.reason)) })
      return { ...DETECTION, ...(window && { window: { ...window, chosenBy: 'caller', isClamped: false } }) }
    },
    find: async (account, ref) => alive(account, ref),
    list: async (account, request) => page([...kept.values()].filter((one) => one.account === account).map(({ state }) => state), request),
    edit: async (account, ref, changes, { ifRevisions }) => {
      const state = alive(account, ref)
      if (state.at !== 'completed') throw new AppError('character_not_ready')
      const { character } = state
      if (ifRevisions !== null && !ifRevisions.includes(character.revision)) throw new AppError('precondition_failed', { details: { revision: character.revision } })
      const edited = { ...character, ...changes, revision: character.revision + 1 }
      mine(account, character.id).state = { ...state, character: edited }
      return edited
    },
    remove: async (account, ref, { isPurge }): Promise<Removal> => {
      const state = alive(account, ref)
      if (state.at !== 'completed') throw new AppError('character_not_ready')
      const { id } = state
      if (isPurge) {
        kept.delete(id)
        return { id, at: 'purged', rows: 1, objects: 4, vectors: 2, manifestSha256: 'cd'.repeat(32) }
      }
      mine(account, id).state = { ...state, deletedAtMs: Date.now() }
      return { id, at: 'deleted', purgeAtMs: Date.now() + 30 * 86_400_000 }
    },
    restore: async (account, ref) => {
      const one = mine(account, ref)
      if (one.state.at === 'completed') one.state = { ...one.state, deletedAtMs: null }
      return one.state
    },
    evidence: async (account, ref) => {
      if (alive(account, ref).at !== 'completed') throw new AppError('character_not_ready')
      return EVIDENCE
    },
    openMedia: async (token, name): Promise<Media> => {
      const isThere = [...kept.values()].some(({ state }) => state.at === 'completed' && state.deletedAtMs === null && state.character.mediaToken === token && has(state.character, name))
      const bytes = isThere ? bytesOf(name) : undefined
      if (bytes === undefined) throw new AppError('not_found')
      return {
        contentType: name.endsWith('.webp') ? 'image/webp' : name.endsWith('.mp4') ? 'video/mp4' : 'audio/wav',
        bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex'),
        read: async ({ start, end } = { start: 0, end: bytes.length }) => chunks(bytes.subarray(start, end)),
      }
    },
    export: async (account, ref) => {
      const state = alive(account, ref)
      if (state.at !== 'completed') throw new AppError('character_not_ready')
      const { username, revision } = state.character
      return { username, revision, bytes: ARCHIVE.length, read: () => chunks(ARCHIVE) }
    },
    import: async ({ account, path, username, onConflict }) => {
      await rm(path)
      const how = planned.shift()
      if (how instanceof AppError) throw how
      if (typeof how === 'object') return { character: how, isReplay: true }
      const character = { ...aCharacter(newCharacterId(), account), ...(username !== null && { username }), ...(onConflict === 'rename' && { username: 'renamed_otter' }) }
      keep(account, '', completed(character))
      return { character, isReplay: false }
    },
    resume: async () => {},
    drain: async () => {},
  }
}

async function* chunks(bytes: Uint8Array): AsyncGenerator<Uint8Array> { yield bytes }

const has = ({ hasCutout, hasVoice, references }: Character, name: string): boolean => {
  const reference = /^reference-(\d+)\.webp$/.exec(name)
  if (reference) return Number(reference[1]) >= 1 && Number(reference[1]) <= references
  return name === 'cutout.webp' ? hasCutout : name === 'voice.wav' ? hasVoice : true
}

/** Its end, once its state is one. */
async function settled(state: () => CharacterState, waiting: (() => void)[]): Promise<Character> {
  for (;;) {
    const now = state()
    if (now.at === 'completed') return now.character
    if (now.at === 'failed') throw now.error
    await new Promise<void>((resolve) => { waiting.push(resolve) })
  }
}

function page(states: readonly CharacterState[], { limit, order, after, q, kind, status = 'completed' }: ListRequest): CharacterPage {
  const fits = (state: CharacterState): boolean => state.at === status
    && (state.at !== 'completed' || (state.deletedAtMs === null && (kind === undefined || state.character.kind === kind) && (q === undefined || state.character.username.includes(q))))
  const sorted = order === 'asc' ? states.filter(fits) : states.filter(fits).toReversed()
  const rest = sorted.slice(after === undefined ? 0 : sorted.findIndex(({ id }) => id === after) + 1)
  return { states: rest.slice(0, limit), hasMore: rest.length > limit }
}

const completed = (character: Character): CharacterState => ({ at: 'completed', id: character.id, createdAtMs: character.createdAtMs, character, deletedAtMs: null })

let made = 0
const NAMES = ['misty_otter', 'amber_fox', 'quiet_heron', 'brave_lynx']

function aCharacter(id: CharacterId, account: string): Character {
  const number = made++
  const atMs = 1_795_392_000_000
  return {
    id, account, username: number < NAMES.length ? NAMES[number] : `${NAMES[number % NAMES.length]}_${number}`, aliases: [], displayName: null, description: null, kind: 'animal' satisfies Kind, mediaToken: newMediaToken(), revision: 1,
    window: { startMs: 1000, endMs: 3000, chosenBy: 'caller', isClamped: false },
    source: { type: 'url', host: 'example.com', container: 'mp4', codec: 'avc', width: 1920, height: 1080, durationMs: 12_480 },
    clipSha256: '3b'.repeat(32), references: 5, hasCutout: true, hasVoice: true, quality: { score: 0.82, reasons: [] }, consent: null,
    tags: [], metadata: {}, warnings: [], createdAtMs: atMs, updatedAtMs: atMs + 1000, completedAtMs: atMs + 1000,
  }
}

const PLAIN: Readonly<Record<string, Uint8Array>> = {
  'portrait.webp': BLUE_WEBP, 'cutout.webp': BLUE_WEBP, 'clip.mp4': Buffer.from('0123456789'.repeat(100)), 'voice.wav': Buffer.from('RIFF'),
  ...Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`reference-${i + 1}.webp`, BLUE_WEBP])),
}

const sighting = { seconds: 1.62, box: [0.25, 0.1, 0.55, 0.7], score: 0.91, quality: 0.8 } as const
const subject = (id: string): Subject => ({ id, kind: 'animal', rung: 'things', hint: 'dog', colour: 'brown', rank: 0.9, presence: 1, best: sighting, sightings: [sighting] })

const DETECTION: Detection = {
  window: { startMs: 0, endMs: 3000, chosenBy: 'service', isClamped: false },
  source: { type: 'url', host: 'example.com', container: 'mp4', codec: 'avc', width: 1920, height: 1080, durationMs: 12_480 },
  subjects: ['s1', 's2'].map((id) => ({ subject: subject(id), thumbnail: BLUE_WEBP })), reasons: [],
}

const EVIDENCE: Evidence = {
  steps: [{ step: 'open', ms: 41 }, { step: 'window', ms: 63 }, { step: 'see', ms: 410 }, { step: 'portrait', ms: 95 }, { step: 'publish', ms: 12 }],
  source: { bytesRead: 1_204_118, requests: 3, floorBytes: 1_190_400, packets: 90 }, frames: 16, subjects: [subject('s1'), subject('s2')],
  chosen: { subject: 's1', why: 'largest and in every frame' }, portrait: { seconds: 1.62, box: [0.25, 0.1, 0.55, 0.7], crop: [0.15, 0, 0.65, 0.8] },
  cutoutGate: { coverage: 0.42, largestPart: 0.99, undecided: 0.03, inside: 0.97 }, references: [{ seconds: 1.62, box: [0.25, 0.1, 0.55, 0.7] }],
  identity: [{ model: 'dlib-face', of: 'track-mean', length: 128 }], speechSeconds: 0.8, models: { nanodet: 'ab'.repeat(32) }, jail: 'bubblewrap',
}
