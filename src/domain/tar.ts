// POSIX ustar, as much of it as plain files in a row need: a file that any tar program opens, and a reader that takes nothing else.

const BLOCK_BYTES = 512
const MOST_NAME_BYTES = 100
const MOST_OCTAL_BYTES = 8 ** 11 - 1
const CHECKSUM = { start: 148, end: 156 }
const MAGIC = { at: 257, text: 'ustar' }

export interface TarFile { readonly name: string; readonly bytes: number }

/** Where a file's bytes lie in a tar. */
export interface TarEntry extends TarFile { readonly start: number }

/** It is no tar, is cut off, or holds something else than plain files. The message says what. */
export class NotPlainTar extends Error {
  override readonly name = 'NotPlainTar'
}

const paddingOf = (bytes: number): number => (BLOCK_BYTES - (bytes % BLOCK_BYTES)) % BLOCK_BYTES

/** Comes behind a file's bytes. */
export const tarPadding = ({ bytes }: Pick<TarFile, 'bytes'>): Uint8Array => new Uint8Array(paddingOf(bytes))
/** Comes behind the last file. */
export const TAR_END = new Uint8Array(2 * BLOCK_BYTES)

/** Of a tar with these files. */
export const tarBytes = (files: readonly Pick<TarFile, 'bytes'>[]): number => files.reduce((sum, { bytes }) => sum + BLOCK_BYTES + bytes + paddingOf(bytes), TAR_END.length)

/** Comes before a file's bytes. Throws a RangeError for a name that is not 1–100 ASCII letters, or more than 8 GiB. */
export function tarHeader({ name, bytes }: TarFile, mtimeMs: number): Uint8Array {
  if (!/^[\x21-\x7e]+$/.test(name) || name.length > MOST_NAME_BYTES || bytes > MOST_OCTAL_BYTES) throw new RangeError(`not for a tar: ${name} of ${bytes} bytes`)
  const header = new Uint8Array(BLOCK_BYTES)
  const write = (at: number, text: string): void => header.set(new TextEncoder().encode(text), at)
  write(0, name)
  write(100, '0000644\0')
  write(108, '0000000\0')
  write(116, '0000000\0')
  write(124, `${octal(bytes, 11)}\0`)
  write(136, `${octal(Math.floor(mtimeMs / 1000), 11)}\0`)
  write(156, '0')
  write(MAGIC.at, 'ustar\x0000')
  write(CHECKSUM.start, `${octal(checksumOf(header), 6)}\0 `)
  return header
}

const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0')

/** Of the header as it is when the checksum's own place is blank. */
function checksumOf(header: Uint8Array): number {
  let sum = 0
  for (const [at, byte] of header.entries()) sum += at >= CHECKSUM.start && at < CHECKSUM.end ? 0x20 : byte
  return sum
}

type ReadRange = (start: number, end: number) => Promise<Uint8Array>

/** The files of a tar that is read by range: their headers alone. Throws {@link NotPlainTar}. */
export async function* tarEntries(read: ReadRange, size: number): AsyncGenerator<TarEntry, void> {
  for (let at = 0; ;) {
    if (at + BLOCK_BYTES > size) throw new NotPlainTar('it ends early')
    const file = readHeader(await read(at, at + BLOCK_BYTES))
    if (file === null) return
    const start = at + BLOCK_BYTES
    if (start + file.bytes > size) throw new NotPlainTar('it ends early')
    yield { ...file, start }
    at = start + file.bytes + paddingOf(file.bytes)
  }
}

/** Null at the end. */
function readHeader(header: Uint8Array): TarFile | null {
  if (header.every((byte) => byte === 0)) return null
  const text = (start: number, end: number): string => new TextDecoder('latin1').decode(header.subarray(start, end)).replace(/\0.*$/s, '')
  const isTar = text(MAGIC.at, MAGIC.at + MAGIC.text.length) === MAGIC.text && numberOf(text(CHECKSUM.start, CHECKSUM.end)) === checksumOf(header)
  if (!isTar) throw new NotPlainTar('it is not a tar')
  const [name, bytes, type, prefix] = [text(0, 100), numberOf(text(124, 136)), text(156, 157), text(345, 500)]
  const isPlain = (type === '0' || type === '') && prefix === '' && /^[\x21-\x7e]+$/.test(name) && bytes !== null
  if (!isPlain) throw new NotPlainTar('it holds something else than plain files with short names')
  return { name, bytes }
}

const numberOf = (text: string): number | null => (/^ *[0-7]{1,11} *$/.test(text) ? Number.parseInt(text, 8) : null)
