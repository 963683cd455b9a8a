import type { Character, IdentityVector, Subject, Warning } from '../domain/character.ts'
import { newMediaToken } from '../domain/identifier.ts'
import type { Choice } from '../domain/subject-choice.ts'
import { objectKey, type StoredFile } from '../domain/stored-file.ts'
import { suggestUsernames } from '../domain/suggest-username.ts'
import { updateAttempt } from '../db/character-rows.ts'
import type { Database } from '../db/database.ts'
import { insertEvidence } from '../db/evidence-rows.ts'
import { freeUsernames, takeUsername } from '../db/username-rows.ts'
import { completedValues } from '../db/stored-character.ts'
import { insertVectors } from '../db/vector-rows.ts'
import type { Events } from '../events/events.ts'
import { LeaseLost } from '../jobs/job-queue.ts'
import type { ObjectStore } from '../objects/object-store.ts'
import type { ByteSource } from '../runtime/byte-source.ts'
import type { StepRecord } from '../runtime/step.ts'
import type { Answers } from './lens-answers.ts'
import type { Attempt, CreateOptions, Evidence } from './requests.ts'
import { sha256 } from '../runtime/sha256.ts'
import { sourceFacts } from './source-facts.ts'
import { writeEvidence } from './stored-character.ts'
import { usernameTaken } from './username-taken.ts'

type References = Answers['references']['references']

/** Everything that was found out about a character, before it has a name. */
export interface Facts {
  readonly window: Answers['window']
  readonly clipSha256: string
  readonly seen: Answers['see']
  readonly choice: Choice
  readonly portrait: Answers['portrait']
  readonly cutout: Answers['cutout']
  readonly references: References
  readonly vectors: readonly IdentityVector[]
  readonly voice: Answers['voice']
  readonly files: readonly StoredFile[]
  readonly source: ByteSource
  readonly steps: readonly StepRecord[]
  readonly jail: string
}

/** The names to be had, the first of them free right now: the chosen one, or endless suggestions. */
export type Name = { readonly isChosen: true; readonly username: string } | { readonly isChosen: false; readonly username: string; readonly others: Iterator<string, never> }

const AT_ONCE = 8

export async function nameCharacter({ kind, colour }: Subject, { username }: CreateOptions, { db, random }: { readonly db: Database; readonly random: () => number }): Promise<Name> {
  if (username !== null) return { isChosen: true, username }
  const others = suggestUsernames(kind, colour, random)
  for (;;) {
    const [free] = await freeUsernames(db, Array.from({ length: AT_ONCE }, () => others.next().value))
    if (free !== undefined) return { isChosen: false, username: free, others }
  }
}

type Pictures = Pick<Facts, 'window' | 'portrait' | 'cutout' | 'references' | 'voice'>

/** All are durable when this resolves; without a row they are nobody's. However it ends, nothing is written any more. */
export async function storeFiles({ id, attempt, signal }: Pick<Attempt, 'id' | 'attempt' | 'signal'>, pictures: Pictures, objects: ObjectStore): Promise<readonly StoredFile[]> {
  const failed = new AbortController()
  const stopped = AbortSignal.any([signal, failed.signal])
  const puts = await Promise.allSettled(toFiles(pictures).map(async ({ name, data }) => {
    const key = objectKey(id, attempt, name)
    await objects.put(key, data, { signal: stopped }).catch((error: unknown) => {
      failed.abort(error)
      throw error
    })
    return { name, key, bytes: data.length, sha256: sha256(data) }
  }))
  stopped.throwIfAborted()
  return puts.flatMap((put) => (put.status === 'fulfilled' ? [put.value] : []))
}

const toFiles = ({ window, portrait, cutout, references, voice }: Pictures): readonly { readonly name: string; readonly data: Uint8Array }[] => [
  { name: 'portrait.webp', data: portrait.picture },
  ...(cutout.picture ? [{ name: 'cutout.webp', data: cutout.picture }] : []),
  ...references.map(({ picture }, index) => ({ name: `reference-${index + 1}.webp`, data: picture })),
  { name: 'clip.mp4', data: window.clip },
  ...(voice.wav ? [{ name: 'voice.wav', data: voice.wav }] : []),
]

type Unnamed = Omit<Character, 'username'>

export function describeCharacter({ id, createdAtMs, request }: Attempt, facts: Facts, nowMs: number): Unnamed {
  const { window, choice, portrait, cutout, references, voice, clipSha256 } = facts
  const { displayName, description, consent, tags, metadata } = request.options
  return {
    id, account: request.account, aliases: request.options.aliases, displayName, description, kind: choice.subject.kind, mediaToken: newMediaToken(), revision: 1,
    window: { startMs: window.startMs, endMs: window.endMs, chosenBy: request.window ? 'caller' : 'service', isClamped: window.isClamped },
    source: sourceFacts(request.source, window), clipSha256,
    references: references.length, hasCutout: cutout.picture !== null, hasVoice: voice.wav !== null,
    quality: portrait.quality, consent, tags, metadata, warnings: warningsOf(facts),
    createdAtMs, updatedAtMs: nowMs, completedAtMs: nowMs,
  }
}

const warningsOf = ({ window, cutout }: Facts): readonly Warning[] => [
  ...(window.isClamped ? [{ code: 'window_clamped', message: 'The window reached past the end of the video and was shortened.' } as const] : []),
  ...(cutout.picture ? [] : [{ code: 'cutout_missing', message: 'The subject could not be cut out cleanly.' } as const]),
]

/** Row, username, evidence and vectors together or not at all. A suggested name that somebody took meanwhile gives way to the next; a chosen one is `username_taken`. `LeaseLost` when another try holds the row. */
export async function commitCharacter(unnamed: Unnamed, { job, facts, name }: { readonly job: Attempt; readonly facts: Facts; readonly name: Name }, { db, events }: { readonly db: Database; readonly events: Pick<Events, 'record'> }): Promise<Character> {
  return db.transaction().execute(async (trx) => {
    const username = name.isChosen ? await takeChosen(trx, job.id, name.username) : await takeFirstFree(trx, job.id, name)
    const character = { ...unnamed, username }
    const isOurs = await updateAttempt(trx, job.id, job.attempt, completedValues(character, facts.files))
    if (!isOurs) throw new LeaseLost(`another try has taken ${job.id} over`)
    await insertEvidence(trx, job.id, writeEvidence(evidenceOf(facts)))
    await insertVectors(trx, job.id, facts.vectors)
    await events.record(trx, { type: 'character.completed', account: character.account, id: job.id, character })
    return character
  })
}

async function takeChosen(trx: Database, id: string, username: string): Promise<string> {
  if (!await takeUsername(trx, username, id)) throw await usernameTaken(trx, username)
  return username
}

async function takeFirstFree(trx: Database, id: string, { username, others }: Extract<Name, { isChosen: false }>): Promise<string> {
  let free = username
  while (!await takeUsername(trx, free, id)) free = others.next().value
  return free
}

const evidenceOf = ({ steps, source, window, seen, choice, portrait, cutout, references, vectors, voice, jail }: Facts): Evidence => ({
  steps, frames: seen.frames, subjects: seen.subjects, models: seen.models, jail,
  source: { bytesRead: source.bytesRead, requests: source.requests, floorBytes: window.floorBytes, packets: window.packets },
  chosen: { subject: choice.subject.id, why: choice.why },
  portrait: { seconds: portrait.seconds, box: portrait.box, crop: portrait.crop },
  cutoutGate: cutout.gate,
  references: references.map(({ seconds, box }) => ({ seconds, box })),
  identity: vectors.map(({ model, of, values }) => ({ model, of, length: values.length })),
  speechSeconds: voice.speechSeconds,
})
