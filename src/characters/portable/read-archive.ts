import { createHash } from 'node:crypto'
import { AppError } from '../../domain/errors.ts'
import { phrase, type Phrase } from '../../domain/phrase.ts'
import { NotPlainTar, tarEntries, type TarEntry, type TarFile } from '../../domain/tar.ts'
import type { ObjectStore } from '../../objects/object-store.ts'
import { isPicture, MANIFEST, manifest, MOST_FILES, MOST_MANIFEST_BYTES, type Manifest } from './manifest.ts'

/** A stranger's archive among the objects. */
export interface GivenArchive { readonly key: string; readonly bytes: number }

/** A file in it, with the hash that it was found to have. */
export interface GivenFile extends TarEntry { readonly sha256: string }

export interface ReadArchive { readonly manifest: Manifest; readonly files: readonly GivenFile[]; read(file: TarEntry): Promise<AsyncIterable<Uint8Array>> }

/** Reads and checks all that can be checked without parsing a medium. Rejects with `invalid_parameter`, which says what is wrong. */
export async function readArchive(objects: Pick<ObjectStore, 'get'>, { key, bytes: size }: GivenArchive, { signal }: { readonly signal: AbortSignal }): Promise<ReadArchive> {
  const open = (start: number, end: number): Promise<AsyncIterable<Uint8Array>> => objects.get(key, { start, end }, { signal })
  const read = async (start: number, end: number): Promise<Uint8Array> => Buffer.concat(await Array.fromAsync(await open(start, end)))
  const [head, ...entries] = await listEntries(read, size)
  if (head?.name !== MANIFEST) throw unusable(phrase(`its first file is not ${MANIFEST}`, `首个文件不是 ${MANIFEST}`))
  if (head.bytes > MOST_MANIFEST_BYTES) throw unusable(phrase(`its ${MANIFEST} is larger than ${MOST_MANIFEST_BYTES} bytes`, `${MANIFEST} 超过 ${MOST_MANIFEST_BYTES} 字节`))
  const said = parseManifest(await read(head.start, head.start + head.bytes))
  const files: GivenFile[] = []
  for (const entry of matched(entries, said)) files.push({ ...entry, sha256: await checkFile(entry, said, await open(entry.start, entry.start + entry.bytes)) })
  return { manifest: said, files, read: ({ start, bytes }) => open(start, start + bytes) }
}

async function listEntries(read: (start: number, end: number) => Promise<Uint8Array>, size: number): Promise<readonly TarEntry[]> {
  const entries: TarEntry[] = []
  try {
    for await (const entry of tarEntries(read, size)) {
      entries.push(entry)
      if (entries.length > MOST_FILES + 1) throw unusable(phrase(`it holds more than ${MOST_FILES + 1} files`, `文件多于 ${MOST_FILES + 1} 个`))
    }
  } catch (error) {
    throw error instanceof NotPlainTar ? unusable(phrase(error.message, '它不是由普通文件组成的完整 tar'), error) : error
  }
  return entries
}

function parseManifest(bytes: Uint8Array): Manifest {
  const result = manifest.safeParse(parseJson(bytes))
  if (result.success) return result.data
  const at = result.error.issues[0].path.map(String).join('.').slice(0, 100)
  throw unusable(at === '' ? phrase(`what its ${MANIFEST} says does not fit together`, `${MANIFEST} 内容自相矛盾`) : phrase(`its ${MANIFEST} is not right at ${at}`, `${MANIFEST} 的 ${at} 有误`))
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw unusable(phrase(`its ${MANIFEST} is not JSON`, `${MANIFEST} 不是 JSON`), error)
  }
}

/** Exactly the files that the manifest lists, once each and as long as it says. */
function matched(entries: readonly TarEntry[], { files }: Manifest): readonly TarEntry[] {
  if (listOf(entries) !== listOf(files)) throw unusable(phrase(`its files are not those that its ${MANIFEST} lists`, `文件与 ${MANIFEST} 所列不符`))
  return entries
}

const listOf = (files: readonly TarFile[]): string => files.map(({ name, bytes }) => `${name} ${bytes}`).toSorted().join('\n')

/** How a file of this kind begins, in hex. What else is in pictures and clip is for a lens to see; sound is taken in the one form that is made here. */
const BEGINNINGS: Readonly<Record<string, RegExp>> = {
  webp: /^52494646.{8}57454250/,
  mp4: /^.{8}66747970/,
  wav: /^52494646.{8}57415645666d74201000000001000100803e0000007d00000200100064617461/,
}
const BEGINNING_BYTES = 44

async function checkFile({ name }: TarEntry, { files }: Manifest, bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  let beginning = ''
  for await (const chunk of bytes) {
    hash.update(chunk)
    if (beginning.length < BEGINNING_BYTES * 2) beginning += Buffer.from(chunk.subarray(0, BEGINNING_BYTES)).toString('hex')
  }
  const sha256 = hash.digest('hex')
  if (!files.some((file) => file.name === name && file.sha256 === sha256)) throw unusable(phrase(`${name} is not what its ${MANIFEST} says: it was changed or damaged`, `${name} 与 ${MANIFEST} 不符：已被改动或损坏`))
  const isOne = BEGINNINGS[name.slice(name.indexOf('.') + 1)]?.test(beginning)
  if (!isOne) throw unusable(isPicture(name) ? phrase(`${name} is not a WebP picture`, `${name} 不是 WebP 图片`) : phrase(`${name} is not of the form that is kept here`, `${name} 的格式不符`))
  return sha256
}

const unusable = (reason: Phrase, cause?: unknown): AppError =>
  new AppError('invalid_parameter', { param: 'file', details: { reason, allowed: phrase('a file that GET /v1/characters/{ref}/export answered with', 'GET /v1/characters/{ref}/export 返回的文件') }, cause })
