import type { Character, Warning } from '../../domain/character.ts'
import { AppError } from '../../domain/errors.ts'
import { newCharacterId, newMediaToken, type CharacterId } from '../../domain/identifier.ts'
import { phrase } from '../../domain/phrase.ts'
import { objectKey, type StoredFile } from '../../domain/stored-file.ts'
import { suggestUsernames } from '../../domain/suggest-username.ts'
import { isUsername, parseAlias, parseUsername } from '../../domain/username.ts'
import { findCompleted, findOwnCharacter, insertCharacter, updateCharacter } from '../../db/character-rows.ts'
import type { Database } from '../../db/database.ts'
import { insertEvidence } from '../../db/evidence-rows.ts'
import { lockFor } from '../../db/lock.ts'
import { characterOf, completedValues } from '../../db/stored-character.ts'
import { freeUsernames, takeUsername } from '../../db/username-rows.ts'
import { insertVectors } from '../../db/vector-rows.ts'
import type { Events } from '../../events/events.ts'
import { LensDied } from '../../jail/lens-died.ts'
import type { LensSession } from '../../jail/lens-session.ts'
import type { Lenses } from '../../jail/lenses.ts'
import { openObjectSource } from '../../objects/object-source.ts'
import type { ObjectStore } from '../../objects/object-store.ts'
import { sha256 } from '../../runtime/sha256.ts'
import { refusePeople, type HumanPolicy } from '../choose-allowed.ts'
import { writeEvidence } from '../stored-character.ts'
import { usernameTaken } from '../username-taken.ts'
import { contentHash, isPicture, vectorsOf, type Manifest } from './manifest.ts'
import type { Imported, ImportErrand } from './portable.ts'
import { readArchive, type ReadArchive } from './read-archive.ts'

export interface ImportDeps {
  readonly db: Database
  readonly objects: ObjectStore
  readonly lenses: Pick<Lenses, 'open'>
  readonly events: Pick<Events, 'record'>
  readonly clock: () => number
  readonly random: () => number
  readonly settings: { readonly humanPolicy: HumanPolicy }
}

interface Import { readonly account: string; readonly errand: ImportErrand; readonly archive: ReadArchive; readonly username: string; readonly fingerprint: string }

/**
 * A stranger's archive, which lies among the objects, to a character of this account; or the one it became before. Nothing is kept of one
 * that is refused. Rejects with `invalid_parameter`, `invalid_username`, `username_taken`, `media_*`, `person_not_allowed`, `consent_required`, `lens_failed`.
 */
export async function importCharacter(account: string, errand: ImportErrand, deps: ImportDeps, { signal }: { readonly signal: AbortSignal }): Promise<Imported> {
  const archive = await readArchive(deps.objects, errand, { signal })
  const wanted: Import = { account, errand, archive, username: nameIn(archive.manifest, errand), fingerprint: sha256(JSON.stringify(['import', errand.username, contentHash(archive.manifest)])) }
  const earlier = await findEarlier(deps.db, wanted)
  if (earlier) return earlier
  await lookAt(archive, deps, signal)
  const id = newCharacterId(deps.clock())
  try {
    const files = await keepFiles(id, archive, deps.objects, signal)
    signal.throwIfAborted()
    const imported = await commit(id, wanted, files, deps)
    if (imported.isReplay) await deps.objects.deleteFolder(id)
    return imported
  } catch (error) {
    // A commit that got no answer may have gone through, and its row needs them; if not they are orphans, like what cannot be deleted now.
    const isUnknown = error instanceof AppError && error.code === 'database_unavailable'
    if (!isUnknown) await deps.objects.deleteFolder(id).catch(() => {})
    throw error
  }
}

function nameIn({ character }: Manifest, { username }: ImportErrand): string {
  try {
    return username ?? parseUsername(character.username)
  } catch (error) {
    throw error instanceof AppError ? new AppError(error.code, { param: 'file', details: error.details, cause: error }) : error
  }
}

/** The character that this archive was made into before, or the one it was made of. */
async function findEarlier(db: Database, { account, archive: { manifest: { character } }, errand, fingerprint }: Import): Promise<Imported | null> {
  const before = await findCompleted(db, account, fingerprint)
  if (before) return { id: before.id as CharacterId, isReplay: true }
  const origin = errand.username === null ? await findOwnCharacter(db, account, { id: character.id }) : undefined
  const isSame = origin?.status === 'completed' && origin.same_as === null && origin.deleted_at === null && origin.clip_sha256 === character.clipSha256 && characterOf(origin).revision === character.revision
  return isSame ? { id: origin.id as CharacterId, isReplay: true } : null
}

/** Everything that will be shown opens in a lens: the clip is its source, and it gets the pictures. Once more on another one when it dies of it. */
async function lookAt(archive: ReadArchive, { lenses, settings: { humanPolicy } }: ImportDeps, signal: AbortSignal): Promise<void> {
  const clip = fileOf(archive, 'clip.mp4')
  const pictures = await Promise.all(archive.files.filter(({ name }) => isPicture(name)).map(async (file) => Buffer.concat(await Array.fromAsync(await archive.read(file)))))
  const look = async (lens: LensSession): Promise<void> => {
    const { container } = await lens.call('inspect', {})
    if (container !== 'mp4') throw new AppError('media_unsupported', { details: { of: 'video', reads: ['MP4'] } })
    await lens.call('album', { pictures })
    if (humanPolicy === 'allow') return
    await lens.call('window', { window: null })
    refusePeople((await lens.call('see', {})).subjects, archive.manifest.character.consent, humanPolicy)
  }
  const once = async (): Promise<void> => {
    await using source = openObjectSource({ get: (_key, range) => archive.read({ ...clip, start: clip.start + (range?.start ?? 0), bytes: (range?.end ?? clip.bytes) - (range?.start ?? 0) }) }, clip.name, clip.bytes)
    await using lens = await lenses.open(source, { signal })
    await look(lens)
  }
  await once().catch((error: unknown) => {
    if (error instanceof LensDied) return once()
    throw error
  }).catch((error: unknown) => {
    throw error instanceof LensDied ? new AppError('lens_failed', { details: { reason: 'died' }, cause: error }) : error
  })
}

function fileOf({ files }: ReadArchive, name: string): ReadArchive['files'][number] {
  const file = files.find((each) => each.name === name)
  if (!file) throw new Error(`${name} was checked to be there`)
  return file
}

const ATTEMPT = 1

async function keepFiles(id: CharacterId, { files, read, manifest }: ReadArchive, objects: ObjectStore, signal: AbortSignal): Promise<readonly StoredFile[]> {
  for (const file of files) await objects.put(objectKey(id, ATTEMPT, file.name), await read(file), { signal })
  return manifest.files.map(({ name, bytes, sha256 }) => ({ name, key: objectKey(id, ATTEMPT, name), bytes, sha256 }))
}

/** Row, names, evidence and vectors together or not at all; of equal imports at once the first one's character is the answer to all. */
async function commit(id: CharacterId, wanted: Import, files: readonly StoredFile[], { db, events, clock, random }: ImportDeps): Promise<Imported> {
  const { account, archive: { manifest }, fingerprint } = wanted
  return await db.transaction().execute(async (trx) => {
    await lockFor(trx, `import ${account} ${fingerprint}`)
    const earlier = await findEarlier(trx, wanted)
    if (earlier) return earlier
    const nowMs = clock()
    await insertCharacter(trx, { id, account, status: 'completed', progress: 100, attempts: ATTEMPT, fingerprint, is_forced: 0, created_at: nowMs, updated_at: nowMs, trace_id: null })
    const username = await takeName(trx, id, wanted, random)
    const { taken, free } = await takeAliases(trx, id, manifest.character.aliases)
    const character = describe(id, { wanted, username, aliases: free, taken, nowMs })
    await updateCharacter(trx, id, completedValues(character, files))
    await insertEvidence(trx, id, writeEvidence(manifest.evidence))
    await insertVectors(trx, id, vectorsOf(manifest))
    await events.record(trx, { type: 'character.completed', account, id, character })
    return { id, isReplay: false }
  })
}

const MOST_TRIED = 20

async function takeName(trx: Database, id: string, { username, errand, archive: { manifest } }: Import, random: () => number): Promise<string> {
  if (await takeUsername(trx, username, id)) return username
  if (errand.onConflict === 'refuse') throw await usernameTaken(trx, username)
  const { subjects, chosen } = manifest.evidence
  const others = suggestUsernames(manifest.character.kind, subjects.find((subject) => subject.id === chosen.subject)?.colour ?? '', random)
  const near = Array.from({ length: MOST_TRIED }, (_, index) => `${username}_${index + 2}`).filter(isUsername)
  let [free] = await freeUsernames(trx, near)
  for (; free === undefined || !await takeUsername(trx, free, id);) free = others.next().value
  return free
}

/** Handles that are free come along; the others call somebody else here. */
async function takeAliases(trx: Database, id: string, aliases: readonly string[]): Promise<{ readonly free: readonly string[]; readonly taken: readonly string[] }> {
  const [free, taken]: [string[], string[]] = [[], []]
  for (const alias of [...new Set(aliases.map(readAlias))].toSorted()) (await takeUsername(trx, alias, id, { isAlias: true }) ? free : taken).push(alias)
  return { free, taken }
}

function readAlias(text: string): string {
  try {
    return parseAlias(text)
  } catch (error) {
    throw new AppError('invalid_parameter', { param: 'file', details: { reason: phrase('one of its aliases is no handle', '其中一个别名不合规') }, cause: error })
  }
}

interface Described { readonly wanted: Import; readonly username: string; readonly aliases: readonly string[]; readonly taken: readonly string[]; readonly nowMs: number }

function describe(id: CharacterId, { wanted: { account, archive: { manifest: { character } } }, username, aliases, taken, nowMs }: Described): Character {
  const warnings: readonly Warning[] = [
    ...character.warnings.filter(({ code }) => code !== 'alias_taken'),
    ...(taken.length > 0 ? [{ code: 'alias_taken', message: `These handles are taken here and were left out: ${taken.join(', ')}.` } as const] : []),
  ]
  return { ...character, id, account, username, aliases, warnings, mediaToken: newMediaToken(), revision: 1, createdAtMs: nowMs, updatedAtMs: nowMs, completedAtMs: nowMs }
}
