import { AppError } from '../../domain/errors.ts'
import { checkBudget, tooLarge } from './budget.ts'
import { latin1 } from './sniff.ts'

/** Files of many hours at 60 a second stay below; a demuxer makes an object of each where pictures are reordered. */
const MOST_SAMPLES = 6_000_000
const MOST_DEPTH = 16
const MOST_BOXES = 20_000

const CONTAINERS = new Set(['moov', 'trak', 'mdia', 'minf', 'stbl', 'edts', 'mvex', 'moof', 'traf'])
const PROTECTED = new Set(['encv', 'enca', 'sinf', 'pssh'])
/** Bytes of the header in front of the entries, where in it their number stands, and bytes of an entry. */
const TABLES: Readonly<Record<string, { readonly header: number; readonly countAt: number; readonly entryBytes: number }>> = {
  stts: { header: 8, countAt: 4, entryBytes: 8 },
  ctts: { header: 8, countAt: 4, entryBytes: 8 },
  stsc: { header: 8, countAt: 4, entryBytes: 12 },
  stco: { header: 8, countAt: 4, entryBytes: 4 },
  co64: { header: 8, countAt: 4, entryBytes: 8 },
  stss: { header: 8, countAt: 4, entryBytes: 4 },
  elst: { header: 8, countAt: 4, entryBytes: 12 },
}

const corrupt = (): AppError => new AppError('media_corrupt')

/** `[type, size of the whole box, size of its header]`; a size of 0 means to the end. */
export function boxHeader(bytes: Uint8Array): { readonly type: string; readonly length: number; readonly headerBytes: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  const short = view.getUint32(0)
  const type = latin1(bytes.subarray(4, 8))
  return short === 1 && bytes.length >= 16 ? { type, length: Number(view.getBigUint64(8)), headerBytes: 16 } : { type, length: short, headerBytes: 8 }
}

/**
 * Looks over a `moov` or `moof` box before a demuxer does: a table may not claim more entries than its bytes can hold, and the
 * numbers of samples must agree, so that one crafted count cannot make a parser fill the memory.
 * Throws `media_corrupt`, `media_encrypted` or `media_too_large`.
 */
export function checkMovieBoxes(movie: Uint8Array): { readonly isFragmented: boolean } {
  const walk = { boxes: 0, tracks: 0, isFragmented: false, counts: new Map<string, number>() }
  walkBoxes(movie, walk, 0)
  return { isFragmented: walk.isFragmented }
}

interface Walk { boxes: number; tracks: number; isFragmented: boolean; counts: Map<string, number> }

function walkBoxes(bytes: Uint8Array, walk: Walk, depth: number): void {
  if (depth > MOST_DEPTH) throw corrupt()
  for (let at = 0; at + 8 <= bytes.length;) {
    const { type, length, headerBytes } = boxHeader(bytes.subarray(at, at + 16))
    const end = length === 0 ? bytes.length : at + length
    if (end > bytes.length || end < at + headerBytes || ++walk.boxes > MOST_BOXES) throw corrupt()
    checkBox(type, bytes.subarray(at + headerBytes, end), walk, depth)
    at = end
  }
}

function checkBox(type: string, body: Uint8Array, walk: Walk, depth: number): void {
  if (PROTECTED.has(type)) throw new AppError('media_encrypted')
  if (type === 'mvex') walk.isFragmented = true
  if (type === 'trak') checkBudget('tracks', ++walk.tracks)
  if (type === 'stbl') walk.counts.clear()
  if (CONTAINERS.has(type)) walkBoxes(body, walk, depth + 1)
  if (type === 'stsd') checkSampleEntries(body)
  if (type === 'stsz') walk.counts.set('stsz', sizesCount(body))
  if (type === 'trun') checkRun(body)
  const table = TABLES[type]
  if (table) checkTable(type, body, { ...table, walk })
  if (type === 'stbl') checkCounts(walk.counts)
}

function checkTable(type: string, body: Uint8Array, { header, countAt, entryBytes, walk }: { header: number; countAt: number; entryBytes: number; walk: Walk }): void {
  const count = uint32(body, countAt)
  if (header + count * entryBytes > body.length) throw corrupt()
  if (type !== 'stts') return
  let samples = 0
  for (let at = header; at < header + count * entryBytes; at += entryBytes) samples += uint32(body, at)
  walk.counts.set('stts', samples)
  walk.counts.set('entries', count)
}

function sizesCount(body: Uint8Array): number {
  const isPerSample = uint32(body, 4) === 0
  const count = uint32(body, 8)
  if (isPerSample && 12 + count * 4 > body.length) throw corrupt()
  if (isPerSample && count > MOST_SAMPLES) throw tooLarge('tables', count, MOST_SAMPLES)
  return count
}

function checkCounts(counts: ReadonlyMap<string, number>): void {
  const timed = counts.get('stts')
  const sized = counts.get('stsz')
  if (timed !== undefined && sized !== undefined && timed !== sized) throw corrupt()
}

/** A fragment's run may give each sample no bytes at all, so that nothing but this bounds their number. */
function checkRun(body: Uint8Array): void {
  const flags = uint32(body, 0) & 0xffffff
  const count = uint32(body, 4)
  const entryBytes = [0x100, 0x200, 0x400, 0x800].filter((flag) => flags & flag).length * 4
  if (8 + count * entryBytes > body.length || count > MOST_SAMPLES) throw corrupt()
}

function checkSampleEntries(body: Uint8Array): void {
  for (let at = 8; at + 8 <= body.length;) {
    const { type, length } = boxHeader(body.subarray(at, at + 16))
    if (PROTECTED.has(type)) throw new AppError('media_encrypted')
    if (length < 8 || at + length > body.length) throw corrupt()
    at += length
  }
}

function uint32(bytes: Uint8Array, at: number): number {
  if (at + 4 > bytes.length) throw corrupt()
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at)
}
