import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Transaction } from 'kysely'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import { makeTestPlace } from '../../../test/support/databases.ts'
import { openPlace, type OpenPlace } from '../../../test/support/library-place.ts'
import { EVIDENCE, plantCharacter } from '../../../test/support/planted-library.ts'
import { openBucket } from '../../../test/support/s3-server.ts'
import { AppError } from '../../domain/errors.ts'
import type { Character } from '../../domain/character.ts'
import type { Happening } from '../../domain/happening.ts'
import { TAR_END, tarEntries, tarHeader, tarPadding } from '../../domain/tar.ts'
import type { Database } from '../../db/database.ts'
import type { Tables } from '../../db/tables.ts'
import { listVectors } from '../../db/vector-rows.ts'
import { filesOf } from '../../db/stored-character.ts'
import { findCharacter } from '../../db/character-rows.ts'
import type { LensSession } from '../../jail/lens-session.ts'
import { LensDied } from '../../jail/lens-died.ts'
import { createLog } from '../../runtime/log.ts'
import { sha256 } from '../../runtime/sha256.ts'
import { readEvidenceOf } from '../read-characters.ts'
import { removeCharacter } from '../remove-characters.ts'
import type { Imported, ImportRequest } from './portable.ts'
import { portableErrands } from './portable-characters.ts'
import { receiveArchive } from './receive-archive.ts'
import { openArchive } from './write-archive.ts'

let folder: string
let here: OpenPlace
let there: OpenPlace
let happened: Happening[]
let asked: string[]
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dramatis-portable-'))
  ;[here, there] = await Promise.all(['here', 'there'].map(async (name) => {
    await mkdir(join(folder, name))
    return openPlace(join(folder, name))
  }))
  happened = []
  asked = []
})
afterEach(async () => {
  for (const place of [here, there]) await place[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const webp = (text: string): Uint8Array => bytes(`RIFF....WEBP${text}`)
const WAV = Uint8Array.from(Buffer.from('52494646240000005741564566 6d74201000000001000100803e0000007d0000020010006461746100000000'.replace(' ', ''), 'hex'))
const FILES = { 'portrait.webp': webp('portrait'), 'cutout.webp': webp('cutout'), 'reference-1.webp': webp('reference'), 'clip.mp4': bytes('....ftypisom and so on'), 'voice.wav': WAV }
const CONSENT = { basis: 'permission', by: 'Ana', atMs: 1_795_000_000_123, note: 'in writing' } as const

const plant = (username = 'misty_otter', facts: Partial<Character> = {}): Promise<Character> =>
  plantCharacter(here, username, { files: FILES, facts: { aliases: ['6f2dbf2b3.zenwhisper'], displayName: 'Misty', description: 'An otter.', tags: ['a'], metadata: { shot: '12b' }, consent: CONSENT, ...facts } })

const exported = async (username: string, place: OpenPlace = here): Promise<Buffer> => Buffer.concat(await Array.fromAsync((await openArchive(place, 'local', `@${username}`)).read()))

type LensAnswers = { readonly [name: string]: () => unknown }
const LENS: LensAnswers = { inspect: () => ({ container: 'mp4' }), album: () => ({ sizes: [] }), window: () => ({}), see: () => ({ subjects: [{ kind: 'person' }] }) }

interface ImportOptions extends Partial<Omit<ImportRequest, 'path'>> { readonly place?: OpenPlace; readonly lens?: LensAnswers; readonly humanPolicy?: 'allow' | 'consent' | 'reject' }

let uploads = 0
async function importOf(archive: Uint8Array, { place = there, lens = {}, humanPolicy = 'allow', ...request }: ImportOptions = {}): Promise<Imported> {
  const path = join(folder, `upload-${uploads++}`)
  await writeFile(path, archive)
  const session: LensSession = {
    call: async (name) => {
      asked.push(name)
      return await ({ ...LENS, ...lens })[name]() as never
    },
    [Symbol.asyncDispose]: async () => {},
  }
  const handlers = portableErrands({
    ...place, lenses: { open: async (source) => { await source.read(0, source.size); return session } }, clock: Date.now, random: Math.random, settings: { humanPolicy },
    events: { record: async (_trx, happening) => { happened.push(happening) } },
  })
  const errands = { ask: async (errand: { readonly kind: string; readonly account: string; readonly request: unknown }, options: { readonly signal: AbortSignal }) => JSON.parse(JSON.stringify(await handlers[errand.kind](JSON.parse(JSON.stringify(errand)), options))) }
  return await receiveArchive({ account: 'local', username: null, onConflict: 'refuse', traceId: null, path, ...request }, { objects: place.objects, errands, log: createLog({ level: 'silent' }) }, { signal: new AbortController().signal })
}

async function characterIn(place: OpenPlace, id: string) {
  const row = await findCharacter(place.db, id)
  if (!row) throw new Error(`${id} is not there`)
  const files = await Promise.all(filesOf(row).map(async ({ name, key }) => [name, Buffer.concat(await Array.fromAsync(await place.objects.get(key))).toString('latin1')] as const))
  return { row, facts: JSON.parse(row.facts ?? '{}'), files: Object.fromEntries(files) }
}
/** Its transactions are committed, and nobody hears of it. */
const withoutAnswers = (db: Database): Database => new Proxy(db, {
  get: (_, name) => {
    if (name !== 'transaction') return Reflect.get(db, name, db).bind(db)
    return () => ({
      execute: async (work: (trx: Transaction<Tables>) => Promise<unknown>) => {
        await db.transaction().execute(work)
        throw new AppError('database_unavailable', { details: { retryAfterSeconds: 1 } })
      },
    })
  },
})

const foldersIn = async (place: OpenPlace): Promise<readonly string[]> => (await Array.fromAsync(place.objects.listFolders())).flat()

describe('an export', () => {
  test('is the same bytes for the same revision, as long as it says, and has no account, token or key of an object in it', async () => {
    const { mediaToken, id } = await plant()
    const archive = await openArchive(here, 'local', id)
    const first = await exported('misty_otter')
    expect(first).toHaveLength(archive.bytes)
    expect(await exported('misty_otter')).toEqual(first)
    const names = (await Array.fromAsync(tarEntries(async (start, end) => first.subarray(start, end), first.length))).map(({ name }) => name)
    expect(names).toEqual(['manifest.json', ...Object.keys(FILES)])
    for (const secret of [mediaToken, '"account"', `${id}/1/`, 'local']) expect(first.includes(secret)).toBe(false)
  })

  test('ends early when a file is gone, or shorter or longer than it was, rather than as if it were whole', async () => {
    const { id } = await plant()
    const { read } = await openArchive(here, 'local', id)
    for (const portrait of ['RIFF', 'x'.repeat(10_000)]) {
      await here.objects.put(`${id}/1/portrait.webp`, bytes(portrait))
      await expect(Array.fromAsync(read())).rejects.toMatchObject({ code: 'storage_unavailable' })
    }
    await here.objects.deleteFolder(id)
    await expect(Array.fromAsync(read())).rejects.toMatchObject({ code: 'storage_unavailable' })
  })

  test.each(['deleted', 'of another account', 'not there'])('of one that is %s is the same refusal', async (which) => {
    const { id } = await plant('misty_otter', which === 'of another account' ? { account: 'somebody' } : {})
    if (which === 'deleted') await removeCharacter({ ...here, events: { record: async () => {} } }, { account: 'local', ref: id, isPurge: false, nowMs: 0 })
    await expect(openArchive(here, 'local', which === 'not there' ? `char_${'0'.repeat(32)}` : id)).rejects.toMatchObject({ code: 'character_not_found' })
  })
})

describe('an import', () => {
  test('elsewhere is the same character under the same handles, with another id and token', async () => {
    const before = await plant()
    const { id, isReplay } = await importOf(await exported('misty_otter'), { account: 'studio' })
    expect(isReplay).toBe(false)
    const { row, facts, files } = await characterIn(there, id)
    expect(row).toMatchObject({ account: 'studio', status: 'completed', username: 'misty_otter', aliases: '6f2dbf2b3.zenwhisper', kind: 'animal', clip_sha256: before.clipSha256 })
    expect(facts).toMatchObject({ displayName: 'Misty', description: 'An otter.', consent: CONSENT, tags: ['a'], metadata: { shot: '12b' }, window: before.window, source: before.source, hasVoice: true, references: 1, warnings: [] })
    expect([row.id, row.media_token]).not.toEqual([before.id, before.mediaToken])
    expect(files).toEqual(Object.fromEntries(Object.entries(FILES).map(([name, data]) => [name, Buffer.from(data).toString('latin1')])))
    expect((await listVectors(there.db, [id])).get(id)).toEqual((await listVectors(here.db, [before.id])).get(before.id))
    expect(await readEvidenceOf(there.db, 'studio', id)).toEqual(EVIDENCE)
    expect(happened.map(({ type }) => type)).toEqual(['character.completed'])
    expect(await foldersIn(there)).toEqual([id])
    expect((await readdir(folder)).toSorted()).toEqual(['here', 'there'])
  })

  test('of the same file again, of an export of the import, and beside the original, is the character that is there', async () => {
    const { id: original } = await plant()
    const archive = await exported('misty_otter')
    const { id } = await importOf(archive)
    expect(await importOf(archive)).toEqual({ id, isReplay: true })
    expect(await importOf(await exported('misty_otter', there))).toEqual({ id, isReplay: true })
    expect(await importOf(archive, { place: here })).toEqual({ id: original, isReplay: true })
    expect(await foldersIn(there)).toEqual([id])
  })

  test('twice at once is one character', async () => {
    await plant()
    const archive = await exported('misty_otter')
    const both = await Promise.all([importOf(archive), importOf(archive)])
    expect(new Set(both.map(({ id }) => id)).size).toBe(1)
    expect(both.map(({ isReplay }) => isReplay).toSorted()).toEqual([false, true])
    expect(await foldersIn(there)).toEqual([both[0].id])
  })

  test('whose name is taken is refused with free ones, renamed when that is asked for, or called what was asked for; a taken alias is left out and said so', async () => {
    await plant()
    await plantCharacter(there, 'misty_otter', { facts: { aliases: ['6f2dbf2b3.zenwhisper'] } })
    const archive = await exported('misty_otter')
    await expect(importOf(archive)).rejects.toMatchObject({ code: 'username_taken', param: 'username', details: { suggestions: ['misty_otter_2', 'misty_otter_3', 'misty_otter_4'] } })
    expect(await foldersIn(there)).toHaveLength(1)
    const renamed = await characterIn(there, (await importOf(archive, { onConflict: 'rename' })).id)
    expect(renamed.row).toMatchObject({ username: 'misty_otter_2', aliases: null })
    expect(renamed.facts.warnings).toEqual([{ code: 'alias_taken', message: 'These handles are taken here and were left out: 6f2dbf2b3.zenwhisper.' }])
    const chosen = await characterIn(there, (await importOf(archive, { username: 'brave_lynx' })).id)
    expect(chosen.row.username).toBe('brave_lynx')
  })

  test('whose commit got no answer and went through keeps its files, and is found by the next', async () => {
    await plant()
    const archive = await exported('misty_otter')
    await expect(importOf(archive, { place: { ...there, db: withoutAnswers(there.db) } })).rejects.toMatchObject({ code: 'database_unavailable' })
    const { id, isReplay } = await importOf(archive)
    expect(isReplay).toBe(true)
    expect(Object.keys((await characterIn(there, id)).files).toSorted()).toEqual(Object.keys(FILES).toSorted())
  })

  test('opens the clip and every picture in a lens, and once more when that dies', async () => {
    await plant()
    const archive = await exported('misty_otter')
    await expect(importOf(archive, { lens: { album: () => { throw new AppError('media_corrupt', { details: { of: 'picture' } }) } } })).rejects.toMatchObject({ code: 'media_corrupt' })
    await expect(importOf(archive, { lens: { inspect: () => ({ container: 'webm' }) } })).rejects.toMatchObject({ code: 'media_unsupported' })
    asked = []
    await expect(importOf(archive, { lens: { inspect: () => { throw new LensDied('memory') } } })).rejects.toMatchObject({ code: 'lens_failed' })
    expect(asked).toEqual(['inspect', 'inspect'])
    expect(await foldersIn(there)).toEqual([])
    let deaths = 0
    await importOf(archive, { lens: { inspect: () => { if (deaths++ === 0) throw new LensDied('memory'); return { container: 'mp4' } } } })
  })

  test('of a person where people are not allowed, or only with consent, is refused by what is in the clip', async () => {
    await plant('misty_otter', { consent: null })
    const archive = await exported('misty_otter')
    await expect(importOf(archive, { humanPolicy: 'reject' })).rejects.toMatchObject({ code: 'person_not_allowed' })
    await expect(importOf(archive, { humanPolicy: 'consent' })).rejects.toMatchObject({ code: 'consent_required' })
    await plant('brave_lynx', { aliases: [] })
    await importOf(await exported('brave_lynx'), { humanPolicy: 'consent' })
  })
})

test.skipIf(inject('postgresUrl') === null || inject('s3Url') === null)('an import on PostgreSQL and S3, twice at once, is one character under its old handles', async () => {
  await plant()
  const archive = await exported('misty_otter')
  await using stack = new AsyncDisposableStack()
  const { place: database } = stack.use(await makeTestPlace('postgres'))
  const bucket = stack.use(await openBucket(inject('s3Url') ?? ''))
  const place = stack.use(await openPlace('url' in database ? database.url : '', bucket.url))
  const both = await Promise.all([importOf(archive, { place }), importOf(archive, { place })])
  expect(both.map(({ isReplay }) => isReplay).toSorted()).toEqual([false, true])
  const [{ id }] = both
  expect(both[1].id).toBe(id)
  expect(await foldersIn(place)).toEqual([id])
  expect((await characterIn(place, id)).row).toMatchObject({ username: 'misty_otter', aliases: '6f2dbf2b3.zenwhisper' })
  expect(await exported('misty_otter', place)).toHaveLength((await openArchive(place, 'local', id)).bytes)
})

/** A manifest that is about to be spoiled. */
interface Said { version: number; character: Record<string, unknown>; files: unknown; vectors: { values: string }[] }
interface Unpacked { name: string; data: Buffer }
const pack = (files: readonly Unpacked[]): Buffer => Buffer.concat([...files.flatMap(({ name, data }) => [tarHeader({ name, bytes: data.length }, 0), data, tarPadding({ bytes: data.length })]), TAR_END])
const unpack = async (tar: Buffer): Promise<Unpacked[]> => (await Array.fromAsync(tarEntries(async (start, end) => tar.subarray(start, end), tar.length))).map(({ name, start, bytes: length }) => ({ name, data: tar.subarray(start, start + length) }))

const floats = (...values: number[]): string => Buffer.from(Float32Array.from(values).buffer).toString('base64')
const replace = (name: string, data: Uint8Array) => (all: Unpacked[]): void => { for (const file of all) if (file.name === name) file.data = Buffer.from(data) }

/** Packed again, with the manifest or the files made otherwise; the list in the manifest follows the files unless it is told to lie. */
async function remade({ manifest = () => {}, files = () => {}, isListed = true }: { manifest?: (said: Said) => void; files?: (all: Unpacked[]) => void; isListed?: boolean }): Promise<Buffer> {
  const [head, ...rest] = await unpack(await exported('misty_otter'))
  files(rest)
  const said: Said = JSON.parse(head.data.toString())
  if (isListed) said.files = rest.map(({ name, data }) => ({ name, bytes: data.length, sha256: sha256(data) }))
  manifest(said)
  return pack([{ name: 'manifest.json', data: Buffer.from(JSON.stringify(said)) }, ...rest])
}

describe('an archive that is not one', () => {
  test.each([
    ['bytes that are no tar', async () => Buffer.from('not a tar at all'.repeat(100))],
    ['nothing', async () => Buffer.alloc(0)],
    ['half of one', async () => (await exported('misty_otter')).subarray(0, 3000)],
    ['a manifest that is not the first file', async () => pack((await unpack(await exported('misty_otter'))).toReversed())],
    ['a manifest of more than 1 MiB', async () => remade({ manifest: (said) => { said.character.description = 'x'.repeat(1024 * 1024) } })],
    ['a manifest that is no JSON', async () => pack([{ name: 'manifest.json', data: Buffer.from('{"format":') }])],
    ['another version', async () => remade({ manifest: (said) => { said.version = 2 } })],
    ['a key that nobody knows', async () => remade({ manifest: (said) => { said.character.isAdmin = true } })],
    ['an account', async () => remade({ manifest: (said) => { said.character.account = 'somebody' } })],
    ['a file that is not listed', async () => remade({ isListed: false, files: (all) => { all.push({ name: 'extra.webp', data: Buffer.from(webp('x')) }) } })],
    ['a file that no character has', async () => remade({ files: (all) => { all.push({ name: 'run.sh', data: Buffer.from('#!/bin/sh') }) } })],
    ['a path upwards', async () => remade({ files: (all) => { all[0].name = '../portrait.webp' } })],
    ['a file twice', async () => remade({ files: (all) => { all.push(all[0]) } })],
    ['a clip that is not there', async () => remade({ files: (all) => { all.splice(all.findIndex(({ name }) => name === 'clip.mp4'), 1) } })],
    ['a cut-out it says it has not', async () => remade({ manifest: (said) => { said.character.hasCutout = false } })],
    ['bytes that were changed', async () => remade({ isListed: false, files: (all) => { all[0].data = Buffer.from(webp('portraiT')) } })],
    ['another clip', async () => remade({ files: replace('clip.mp4', bytes('....ftypisom but not the same')) })],
    ['a picture that is a page', async () => remade({ files: replace('portrait.webp', bytes('<script>alert(1)</script>')) })],
    ['a voice that is no WAV', async () => remade({ files: replace('voice.wav', bytes('ID3 and so on, which is not what is made here')) })],
    ['a picture of 5 MiB', async () => remade({ files: replace('portrait.webp', Buffer.concat([webp(''), Buffer.alloc(5 * 1024 * 1024)])) })],
    ['vectors that are not finite', async () => remade({ manifest: (said) => { said.vectors[0].values = floats(1, NaN) } })],
    ['vectors of half a number', async () => remade({ manifest: (said) => { said.vectors[0].values = Buffer.from('abcde').toString('base64') } })],
    ['a vector twice', async () => remade({ manifest: (said) => { said.vectors[1] = said.vectors[0] } })],
    ['vectors without end', async () => remade({ manifest: (said) => { said.vectors[0].values = floats(...Array.from({ length: 4097 }, () => 1)) } })],
    ['an alias that is no handle', async () => remade({ manifest: (said) => { said.character.aliases = ['a b'] } })],
  ])('%s is refused, and nothing of it is kept', async (_what, make) => {
    await plant()
    await expect(importOf(await make())).rejects.toMatchObject({ code: 'invalid_parameter', param: 'file' })
    expect(await foldersIn(there)).toEqual([])
    expect(await there.db.selectFrom('characters').select('id').execute()).toEqual([])
    expect(await there.db.selectFrom('usernames').select('name').execute()).toEqual([])
    expect((await readdir(folder)).toSorted()).toEqual(['here', 'there'])
  })

  test('a name that nobody may have is refused, unless another is asked for', async () => {
    await plant()
    const archive = await remade({ manifest: (said) => { said.character.username = 'admin' } })
    await expect(importOf(archive)).rejects.toMatchObject({ code: 'invalid_username' })
    await importOf(archive, { username: 'brave_lynx' })
  })
})
