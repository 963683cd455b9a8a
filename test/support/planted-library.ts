import { insertCharacter } from '../../src/db/character-rows.ts'
import type { Database } from '../../src/db/database.ts'
import { insertEvidence } from '../../src/db/evidence-rows.ts'
import { completedValues } from '../../src/db/stored-character.ts'
import { takeUsername } from '../../src/db/username-rows.ts'
import { insertVectors } from '../../src/db/vector-rows.ts'
import type { Character } from '../../src/domain/character.ts'
import { newCharacterId, newMediaToken } from '../../src/domain/identifier.ts'
import { objectKey, type StoredFile } from '../../src/domain/stored-file.ts'
import type { ObjectStore } from '../../src/objects/object-store.ts'
import { sha256 } from '../../src/runtime/sha256.ts'

interface Place { readonly db: Database; readonly objects: Pick<ObjectStore, 'put'> }

export interface PlantOptions {
  readonly facts?: Partial<Character>
  /** Instead of small texts. */
  readonly files?: Readonly<Record<string, Uint8Array>>
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

/** A finished character as the service would have kept it: objects, then row, names, evidence and vectors; no lens looked at anything. */
export async function plantCharacter({ db, objects }: Place, username: string, { facts = {}, files = defaultFiles(username) }: PlantOptions = {}): Promise<Character> {
  const id = newCharacterId()
  const stored = await Promise.all(Object.entries(files).map(async ([name, data]): Promise<StoredFile> => {
    const key = objectKey(id, 1, name)
    await objects.put(key, data)
    return { name, key, bytes: data.length, sha256: sha256(data) }
  }))
  const atMs = 1_795_392_000_000
  const character: Character = {
    id, account: 'local', username, aliases: [], displayName: null, description: null, kind: 'animal', mediaToken: newMediaToken(), revision: 1,
    window: { startMs: 1000, endMs: 3000, chosenBy: 'caller', isClamped: false },
    source: { type: 'url', host: 'example.com', container: 'mp4', codec: 'avc', width: 1920, height: 1080, durationMs: 12_480 },
    clipSha256: stored.find(({ name }) => name === 'clip.mp4')?.sha256 ?? '', references: stored.filter(({ name }) => name.startsWith('reference-')).length,
    hasCutout: 'cutout.webp' in files, hasVoice: 'voice.wav' in files, quality: { score: 0.82, reasons: [] }, consent: null,
    tags: [], metadata: {}, warnings: [], createdAtMs: atMs, updatedAtMs: atMs + 1000, completedAtMs: atMs + 1000, ...facts,
  }
  const { account, aliases, createdAtMs } = character
  await db.transaction().execute(async (trx) => {
    await insertCharacter(trx, { id, account, status: 'completed', progress: 100, attempts: 1, fingerprint: sha256(id), is_forced: 0, created_at: createdAtMs, updated_at: createdAtMs, trace_id: null })
    await trx.updateTable('characters').set(completedValues(character, stored)).where('id', '=', id).execute()
    await takeUsername(trx, username, id)
    for (const alias of aliases) await takeUsername(trx, alias, id, { isAlias: true })
    await insertEvidence(trx, id, JSON.stringify(EVIDENCE))
    await insertVectors(trx, id, [{ model: 'eyes', of: 'track-mean', values: Float32Array.of(1, 2, 3) }, { model: 'eyes', of: 'best-frame', values: Float32Array.of(4, 5, 6.5) }])
  })
  return character
}

const defaultFiles = (username: string): Readonly<Record<string, Uint8Array>> => ({
  'portrait.webp': bytes(`portrait of ${username}`), 'reference-1.webp': bytes(`reference of ${username}`), 'clip.mp4': bytes(`clip of ${username}`),
})

/** So many, one after the other; the names are `planted_1` and on. */
export async function plantLibrary(place: Place, count: number, filesOf = defaultFiles): Promise<readonly Character[]> {
  const characters: Character[] = []
  for (let n = 1; n <= count; n++) characters.push(await plantCharacter(place, `planted_${n}`, { facts: { aliases: [`old.${n}.zenwhisper`] }, files: filesOf(`planted_${n}`) }))
  return characters
}

/** A clip and no more: where it is the number that counts. */
export const clipAlone = (username: string): Readonly<Record<string, Uint8Array>> => ({ 'clip.mp4': bytes(`clip of ${username}`) })

const box = [0.25, 0.25, 0.75, 0.75] as const
const sighting = { seconds: 1.5, box, score: 0.9, quality: 0.8 } as const

export const EVIDENCE = {
  steps: [{ step: 'open', ms: 12 }, { step: 'window', ms: 60 }], source: { bytesRead: 700, requests: 2, floorBytes: 500, packets: 60 }, frames: 16,
  subjects: [{ id: 's1', kind: 'animal', rung: 'things', hint: 'bird', colour: 'teal', rank: 1, presence: 1, best: sighting, sightings: [sighting] }],
  chosen: { subject: 's1', why: 'first' }, portrait: { seconds: 1.5, box, crop: box }, cutoutGate: { coverage: 0.5 }, references: [{ seconds: 1.5, box }],
  identity: [{ model: 'eyes', of: 'track-mean', length: 3 }, { model: 'eyes', of: 'best-frame', length: 3 }], speechSeconds: 0, models: { eyes: 'a'.repeat(64) }, jail: 'bubblewrap',
} as const
