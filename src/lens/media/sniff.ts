import { AppError } from '../../domain/errors.ts'

export type Container = 'mp4' | 'matroska' | 'mpeg-ts' | 'gif' | 'webp'

const READS = ['MP4', 'MOV', 'WebM', 'MKV', 'MPEG-TS', 'GIF', 'animated WebP'] as const
/** What {@link sniff} wants to see of a source. */
export const HEAD_BYTES = 64 * 1024

const EBML = [0x1a, 0x45, 0xdf, 0xa3]
const TS_SYNC = 0x47
/** A plain packet, and one with a time stamp in front as recorders write it. */
const TS_LAYOUTS = [{ first: 0, packetBytes: 188 }, { first: 4, packetBytes: 192 }] as const
const TS_PACKETS_SEEN = 3
/** What an MP4 or MOV may begin with; old MOV files have no `ftyp`. */
const FIRST_BOXES = new Set(['ftyp', 'styp', 'moov', 'mdat', 'free', 'skip', 'wide', 'pnot', 'sidx', 'moof'])
/** `ftyp` brands of still pictures in the same boxes. */
const PICTURE_BRANDS = new Set(['avif', 'avis', 'heic', 'heix', 'hevc', 'mif1', 'msf1', 'crx '])

export const unsupported = (cause?: unknown): AppError => new AppError('media_unsupported', { details: { reads: [...READS] }, cause })

/**
 * What a source is, by its first bytes alone: no name, no content type, no guessing parser. Throws `media_unsupported` for all that
 * is not on the list, so that nothing which refers to other files (playlists, scripts) is ever handed to a demuxer.
 */
export function sniff(head: Uint8Array): Container {
  if (EBML.every((byte, at) => head[at] === byte)) return 'matroska'
  const text = latin1(head.subarray(0, 16))
  if (/^GIF8[79]a/.test(text)) return 'gif'
  if (/^RIFF.{4}WEBP/s.test(text)) return 'webp'
  if (FIRST_BOXES.has(text.slice(4, 8)) && !PICTURE_BRANDS.has(text.slice(8, 12))) return 'mp4'
  const isTransportStream = TS_LAYOUTS.some(({ first, packetBytes }) => Array.from({ length: TS_PACKETS_SEEN }, (_, i) => head[first + i * packetBytes]).every((byte) => byte === TS_SYNC))
  if (isTransportStream) return 'mpeg-ts'
  throw unsupported()
}

export const latin1 = (bytes: Uint8Array): string => String.fromCharCode(...bytes)
