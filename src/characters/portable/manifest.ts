import { z } from 'zod'
import { KINDS, RUNGS, STEPS, type Character, type IdentityVector } from '../../domain/character.ts'
import type { StoredFile } from '../../domain/stored-file.ts'
import { sha256 } from '../../runtime/sha256.ts'
import type { Evidence } from '../requests.ts'

export const MANIFEST = 'manifest.json'
export const MOST_MANIFEST_BYTES = 1024 * 1024

const MiB = 1024 * 1024
/** As large as a lens may make them. */
const MOST_BYTES = { picture: 4 * MiB, clip: 64 * MiB, voice: 64 * MiB } as const
const MOST_REFERENCES = 8
const MOST_VECTORS = 6
const MOST_NUMBERS = 4096

/** A portrait, a clip, and what else there may be. */
const FILE = /^(?:portrait\.webp|cutout\.webp|reference-[1-8]\.webp|clip\.mp4|voice\.wav)$/
export const isPicture = (name: string): boolean => name.endsWith('.webp')
const mostBytesOf = (name: string): number => (isPicture(name) ? MOST_BYTES.picture : name === 'clip.mp4' ? MOST_BYTES.clip : MOST_BYTES.voice)
export const MOST_FILES = 4 + MOST_REFERENCES

const text = (most: number) => z.string().max(most)
const share = z.number().min(0).max(1)
const count = z.int().min(0).max(1_000_000_000)
const time = z.int().min(0).max(253_402_300_799_999)
const seconds = z.number().min(0).max(400_000)
const sha256Hex = z.string().regex(/^[0-9a-f]{64}$/)
const box = z.tuple([share, share, share, share]).readonly()

const character = z.strictObject({
  id: z.string().regex(/^char_[0-9a-f]{32}$/),
  username: text(200),
  aliases: z.array(text(200)).max(8),
  displayName: text(80).nullable(),
  description: text(2000).nullable(),
  kind: z.enum(KINDS),
  tags: z.array(text(40)).max(16),
  metadata: z.record(text(64), text(512)).refine((pairs) => Object.keys(pairs).length <= 16),
  consent: z.strictObject({ basis: z.enum(['self', 'permission', 'fictional']), by: text(200), atMs: time, note: text(1000).nullable() }).nullable(),
  window: z.strictObject({ startMs: time, endMs: time, chosenBy: z.enum(['caller', 'service']), isClamped: z.boolean() }),
  source: z.strictObject({ type: z.enum(['url', 'upload', 'data', 'video']), host: text(255).nullable(), container: text(100), codec: text(100), width: count, height: count, durationMs: count }),
  clipSha256: sha256Hex,
  references: z.int().min(0).max(MOST_REFERENCES),
  hasCutout: z.boolean(),
  hasVoice: z.boolean(),
  quality: z.strictObject({ score: share, reasons: z.array(text(100)).max(10) }),
  warnings: z.array(z.strictObject({ code: z.enum(['window_clamped', 'cutout_missing', 'alias_taken']), message: text(500) })).max(16),
  revision: z.int().min(1).max(1_000_000_000),
  createdAtMs: time, updatedAtMs: time, completedAtMs: time,
})

const sighting = z.strictObject({ seconds, box, score: share, quality: share })
const evidence = z.strictObject({
  steps: z.array(z.strictObject({ step: z.enum(STEPS), ms: count })).max(STEPS.length),
  source: z.strictObject({ bytesRead: z.int().min(0), requests: count, floorBytes: z.int().min(0), packets: count }),
  frames: count,
  subjects: z.array(z.strictObject({
    id: text(10), kind: z.enum(KINDS), rung: z.enum(RUNGS), hint: text(100).nullable(), colour: text(20), rank: z.number().min(0), presence: share,
    best: sighting, sightings: z.array(sighting).min(1).max(64),
  })).max(16),
  chosen: z.strictObject({ subject: text(10), why: text(500) }),
  portrait: z.strictObject({ seconds, box, crop: box }),
  cutoutGate: z.record(text(40), z.number()),
  references: z.array(z.strictObject({ seconds, box })).max(MOST_REFERENCES),
  identity: z.array(z.strictObject({ model: text(100), of: text(40), length: count })).max(MOST_VECTORS),
  speechSeconds: seconds,
  models: z.record(text(100), sha256Hex),
  jail: text(40),
})

/** 32 bit floats, least significant byte first. */
const vector = z.strictObject({ model: text(100), of: z.enum(['track-mean', 'best-frame', 'references-mean']), values: z.base64().min(1).max(Math.ceil(MOST_NUMBERS * 4 / 3) * 4) })
  .refine(({ values }) => {
    const numbers = numbersOf(values)
    return numbers !== null && numbers.length >= 1 && numbers.length <= MOST_NUMBERS && numbers.every(Number.isFinite)
  })

const file = z.strictObject({ name: z.string().regex(FILE), bytes: z.int().min(1), sha256: sha256Hex }).refine(({ name, bytes }) => bytes <= mostBytesOf(name))

/** What an archive says of its character: `version` grows when what was written before could not be read as it is. Times are milliseconds since 1970. */
export const manifest = z.strictObject({
  format: z.literal('dramatis-character'),
  version: z.literal(1),
  character,
  evidence,
  vectors: z.array(vector).min(1).max(MOST_VECTORS),
  files: z.array(file).min(1).max(MOST_FILES),
}).refine(({ character, files }) => listOf(files.map(({ name }) => name)) === listOf(expectedFiles(character)))
  .refine(({ character, files }) => files.some(({ name, sha256 }) => name === 'clip.mp4' && sha256 === character.clipSha256))
  .refine(({ vectors }) => new Set(vectors.map(({ model, of }) => `${of} ${model}`)).size === vectors.length)

export type Manifest = z.infer<typeof manifest>

const listOf = (names: readonly string[]): string => names.toSorted().join()

const expectedFiles = ({ references, hasCutout, hasVoice }: Pick<Character, 'references' | 'hasCutout' | 'hasVoice'>): readonly string[] => [
  'portrait.webp', 'clip.mp4', ...(hasCutout ? ['cutout.webp'] : []), ...(hasVoice ? ['voice.wav'] : []), ...Array.from({ length: references }, (_, index) => `reference-${index + 1}.webp`),
]

interface Parts { readonly character: Character; readonly evidence: Evidence; readonly vectors: readonly IdentityVector[]; readonly files: readonly StoredFile[] }

/** The same bytes for the same revision. Account, media token and keys of objects stay here. */
export function writeManifest({ character, evidence, vectors, files }: Parts): Uint8Array {
  const { account: _account, mediaToken: _mediaToken, ...rest } = character
  const said = {
    format: 'dramatis-character', version: 1, character: rest, evidence,
    vectors: vectors.map(({ model, of, values }) => ({ model, of, values: base64Of(values) })),
    files: files.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })),
  }
  return new TextEncoder().encode(`${JSON.stringify(said, null, 2)}\n`)
}

/** Of what is in it, whatever it was called and whenever that was: one that was exported, imported and exported again has the same. Hex. */
export function contentHash({ character, evidence, vectors, files }: Manifest): string {
  const { id: _id, username: _username, aliases: _aliases, warnings: _warnings, revision: _revision, createdAtMs: _created, updatedAtMs: _updated, completedAtMs: _completed, ...content } = character
  return sha256(JSON.stringify(sorted({ content, evidence, vectors: vectors.toSorted(by(({ model, of }) => `${of} ${model}`)), files: files.toSorted(by(({ name }) => name)) })))
}

const by = <T>(key: (value: T) => string) => (a: T, b: T): number => (key(a) < key(b) ? -1 : 1)

/** With the keys of every object in order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value).toSorted(by(([key]) => key)).map(([key, inner]) => [key, sorted(inner)])
}

export const vectorsOf = ({ vectors }: Manifest): readonly IdentityVector[] => vectors.map(({ model, of, values }) => ({ model, of, values: numbersOf(values) ?? new Float32Array() }))

function base64Of(values: Float32Array): string {
  const view = new DataView(new ArrayBuffer(values.length * 4))
  for (const [index, value] of values.entries()) view.setFloat32(index * 4, value, true)
  return Buffer.from(view.buffer).toString('base64')
}

/** Null where the bytes are no whole number of floats. */
function numbersOf(base64: string): Float32Array | null {
  const bytes = Buffer.from(base64, 'base64')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  return bytes.length % 4 === 0 ? Float32Array.from({ length: bytes.length / 4 }, (_, index) => view.getFloat32(index * 4, true)) : null
}
