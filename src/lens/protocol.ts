import { z } from 'zod'
import { KINDS, RUNGS } from '../domain/character.ts'
import { isErrorCode } from '../domain/error-table.ts'

/**
 * What the service and a lens say to each other, one job a lens: messages of runtime/message-pipe.ts, to the lens over
 * its standard input, from it over {@link TO_SERVICE}.
 * The service calls, the lens answers; while it works it asks for ranges of the one source. Everything a lens says is
 * read through these schemas: it has looked at a stranger's bytes and is not believed.
 */

const MiB = 1024 * 1024
/** The most bytes in one answer's picture, clip or sound. */
const MOST_ASSET_BYTES = 64 * MiB
const MOST_PICTURE_BYTES = 4 * MiB
/** Either way: the largest asset, or run of the source, and what is said about it. */
export const MOST_MESSAGE_BYTES = MOST_ASSET_BYTES + MiB
/** The descriptor a lens writes its messages to; its standard output belongs to whatever library prints there. */
export const TO_SERVICE = 3
export const MOST_SUBJECTS = 16
export const MOST_SIGHTINGS = 64
export const MOST_REFERENCES = 8

const finite = z.number().refine(Number.isFinite)
const share = finite.min(0).max(1)
const seconds = finite.min(0).max(400_000)
// Not z.instanceof: its type would ask for an ArrayBuffer of its own, which the bytes of pictures and runs do not have.
const someBytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array)
const bytes = (most: number) => someBytes.refine((value) => value.length > 0 && value.length <= most)
const picture = bytes(MOST_PICTURE_BYTES)
const vector = z.custom<Float32Array>((value) => value instanceof Float32Array).refine((values) => values.length > 0 && values.length <= 4096 && values.every(Number.isFinite))
const text = z.string().max(100)
/** Fractions of the upright frame. */
const box = z.tuple([share, share, share, share]).readonly()

const sighting = z.strictObject({ seconds, box, score: share, quality: share })
const subject = z.strictObject({
  id: z.string().regex(/^s[1-9]\d?$/),
  kind: z.enum(KINDS),
  rung: z.enum(RUNGS),
  hint: text.nullable(),
  colour: z.string().regex(/^[a-z]{1,20}$/),
  rank: finite.min(0),
  presence: share,
  best: sighting,
  sightings: z.array(sighting).min(1).max(MOST_SIGHTINGS).readonly(),
})
const subjectId = z.strictObject({ subject: z.string() })

const side = z.int().min(16).max(4096)
const pixels = z.int().min(1).max(4096)

const PICTURE_CALLS = {
  /** A picture made fit to be sent on: the source, a stranger's image file, decoded, upright, without metadata, encoded anew. */
  picture: {
    asks: z.strictObject({
      format: z.enum(['webp', 'png', 'jpeg']),
      /** Shrunk to fit this many pixels on the long side; never enlarged. */
      mostSide: side,
      /** Laid on a white canvas of exactly this size, centred, as large as fits, and at most doubled; `mostSide` then says nothing. */
      onWhite: z.strictObject({ width: side, height: side }).nullable(),
    }),
    answers: z.strictObject({ picture: bytes(MOST_ASSET_BYTES), width: pixels, height: pixels }),
  },
  /** Pictures that somebody says are a character's: each decodes whole and is WebP, or it is refused with `media_*`. */
  album: {
    asks: z.strictObject({ pictures: z.array(picture).max(MOST_SUBJECTS).readonly() }),
    answers: z.strictObject({ sizes: z.array(z.strictObject({ width: pixels, height: pixels })).max(MOST_SUBJECTS).readonly() }),
  },
} as const

const PRODUCED_CALLS = {
  /** A produced video judged: it decodes, has frames and a length. Refuses with `media_*`. */
  inspect: {
    asks: z.strictObject({}),
    answers: z.strictObject({
      container: text, codec: text,
      width: z.int().min(1).max(65_536), height: z.int().min(1).max(65_536),
      durationMs: z.int().min(1), hasSound: z.boolean(),
      /** WebP, 512 px on the long side, of a frame that shows something. */
      thumbnail: picture,
      /** JPEG, frames evenly spread over the whole, 5 to a row. */
      spritesheet: picture,
    }),
  },
  /**
   * Who and what is seen over a produced video, as vectors; compared outside, where the characters' own are. `figures` are pictures of those who are not
   * known by a face, cut out where they can be: they come back as vectors of the same kind, in their order, null where there is nothing on them.
   */
  witness: {
    asks: z.strictObject({ wantsFaces: z.boolean(), figures: z.array(picture).max(MOST_SUBJECTS).readonly() }),
    answers: z.strictObject({
      figures: z.array(vector.nullable()).max(MOST_SUBJECTS).readonly(),
      frames: z.array(z.strictObject({ seconds, sightings: z.array(z.strictObject({ model: text, box, values: vector })).max(MOST_SUBJECTS).readonly() })).min(1).max(MOST_SIGHTINGS).readonly(),
    }),
  },
} as const

/** Even, because colours are at half the size. */
const frameSide = z.int().min(256).max(1920).multipleOf(2)

const SCENE_CALLS = {
  /** Sets up the animatic: pictures move over a backdrop; nothing is generated, and a mark says so on every frame. */
  stage: {
    asks: z.strictObject({
      width: frameSide, height: frameSide, seconds: finite.min(1).max(60),
      /** In order of first mention: a cut-out with alpha, or a picture that is shown as a card. */
      cast: z.array(z.strictObject({ figure: picture, isCutout: z.boolean() })).max(MOST_SUBJECTS).readonly(),
      /** Their colours make the background, from left to right, the first one's most of all; without any, colours of the seed do. */
      backdrops: z.array(picture).max(MOST_SUBJECTS).readonly(),
      caption: z.string().max(32_000), language: z.enum(['en', 'zh']), seed: z.int().min(0),
      /** A 16 kHz WAV that is heard from the start, or silence. */
      voice: bytes(MOST_ASSET_BYTES).nullable(),
    }),
    answers: z.strictObject({ frames: z.int().min(1) }),
  },
  /** Draws and encodes the next second or so. */
  roll: { asks: z.strictObject({}), answers: z.strictObject({ drawn: z.int().min(1), frames: z.int().min(1) }) },
  /** The whole as an MP4, once all frames are drawn. */
  wrap: { asks: z.strictObject({}), answers: z.strictObject({ video: bytes(MOST_ASSET_BYTES) }) },
} as const

/** The calls of one job, in the order they are made; each may use what the earlier ones left in the lens. */
export const CALLS = {
  /** Finds, plans, checks the budget, fetches and copies the window. `null`: the source is used whole if ≤ 3 s, else the best 3 s of the first 60 s. */
  window: {
    asks: z.strictObject({ window: z.strictObject({ startMs: z.int(), endMs: z.int() }).nullable() }),
    answers: z.strictObject({
      container: text, codec: text,
      /** Of the upright frame, square pixels. */
      width: z.int().min(1).max(65_536), height: z.int().min(1).max(65_536),
      durationMs: z.int().min(0), startMs: z.int().min(0), endMs: z.int().min(0), isClamped: z.boolean(),
      hasSound: z.boolean(),
      /** Packets or pictures that are decoded for the window, lead-in included. */
      packets: z.int().min(1),
      /** Bytes that must be read whatever the reader: the tables, and the packets of the window from the covering key frame on. */
      floorBytes: z.int().min(0),
      /** The window without decoding as a small MP4, padded to 2 s where the source allows. */
      clip: bytes(MOST_ASSET_BYTES),
    }),
  },
  /** Decodes and looks: the subjects, best first. Empty: nothing stays; `reasons` then says why. */
  see: {
    asks: z.strictObject({}),
    answers: z.strictObject({
      frames: z.int().min(0), subjects: z.array(subject).max(MOST_SUBJECTS).readonly(),
      reasons: z.array(z.enum(['blank', 'too_small', 'nothing_stays'])).max(3).readonly(),
      /** Model id to the sha256 of its file. */
      models: z.record(text, z.string().regex(/^[0-9a-f]{64}$/)),
    }),
  },
  /** A small picture of each subject, to choose from: WebP, 192 px square, in the order of `subjects`. */
  thumbnails: { asks: z.strictObject({}), answers: z.strictObject({ pictures: z.array(picture).max(MOST_SUBJECTS).readonly() }) },
  /** 512 px WebP out of the full-size best frame. `box` is the subject (for a person the face) in the upright frame, `crop` the part shown. */
  portrait: {
    asks: subjectId,
    answers: z.strictObject({ picture, seconds, box, crop: box, quality: z.strictObject({ score: share, reasons: z.array(text).max(10).readonly() }) }),
  },
  /** The portrait with alpha, or null where the mask does not pass the gate; the gate's figures either way. */
  cutout: {
    asks: subjectId,
    answers: z.strictObject({ picture: picture.nullable(), gate: z.strictObject({ coverage: share, largestPart: share, undecided: share, inside: share }) }),
  },
  /** 512 px WebP each, the portrait's frame first. */
  references: {
    asks: subjectId,
    answers: z.strictObject({ references: z.array(z.strictObject({ picture, seconds, box })).min(1).max(MOST_REFERENCES).readonly() }),
  },
  identity: {
    asks: subjectId,
    answers: z.strictObject({
      vectors: z.array(z.strictObject({
        model: text, of: z.enum(['track-mean', 'best-frame', 'references-mean']),
        values: vector,
      })).min(1).max(6).readonly(),
    }),
  },
  /** The window's sound as a WAV (16 kHz mono, 16 bit) when someone speaks in it, else null. Whose voice it is, is not known. */
  voice: {
    asks: z.strictObject({}),
    answers: z.strictObject({ speechSeconds: finite.min(0).max(60), wav: bytes(MOST_ASSET_BYTES).nullable() }),
  },
  ...PICTURE_CALLS,
  ...PRODUCED_CALLS,
  ...SCENE_CALLS,
} as const

export type Calls = { [Name in keyof typeof CALLS]: { asks: z.infer<(typeof CALLS)[Name]['asks']>; answers: z.infer<(typeof CALLS)[Name]['answers']> } }
export type CallName = keyof Calls

const callName = z.enum(Object.keys(CALLS) as [CallName, ...CallName[]])

/** Service → lens. `job` comes once, first. A lens whose source fails is ended, not told. */
export const fromService = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('job'), size: z.int().min(0),
    /** The request it is for: named in the last words of the lens. */
    traceId: z.string().regex(/^[\w-]{1,64}$/).optional(),
  }),
  z.strictObject({ type: z.literal('call'), name: callName, params: z.unknown() }),
  z.strictObject({ type: z.literal('bytes'), id: z.int(), start: z.int(), bytes: someBytes }),
])
export type FromService = z.infer<typeof fromService>

/** Lens → service. `ready` comes once, when the models are loaded and the job can begin. */
export const fromLens = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('ready') }),
  z.strictObject({ type: z.literal('read'), id: z.int().min(0), start: z.int().min(0), end: z.int().min(1), isPlanned: z.boolean() }),
  z.strictObject({ type: z.literal('answer'), name: callName, result: z.unknown() }),
  z.strictObject({
    type: z.literal('refusal'), name: callName,
    code: z.string().refine(isErrorCode),
    param: text.nullable(),
    details: z.record(text, z.union([z.string().max(500), finite, z.boolean(), z.array(z.union([z.string().max(100), finite])).max(32)])),
  }),
])
export type FromLens = z.infer<typeof fromLens>
