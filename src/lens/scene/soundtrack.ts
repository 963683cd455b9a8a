import { AppError } from '../../domain/errors.ts'

/** Mono, -1..1. */
export interface Sound { readonly rate: number; readonly samples: Float32Array }

/** What every player takes. */
const SILENCE_RATE = 48_000

/** As long as the video: the voice from the start and then nothing, or nothing throughout. Rejects with `media_corrupt` for anything but a 16 bit mono WAV. */
export function soundtrack(voice: Uint8Array | null, seconds: number): Sound {
  const heard = voice ? readWav(voice) : { rate: SILENCE_RATE, samples: new Float32Array() }
  const samples = new Float32Array(Math.round(heard.rate * seconds))
  samples.set(heard.samples.subarray(0, samples.length))
  return { rate: heard.rate, samples }
}

const PCM = 1
const RATES: ReadonlySet<number> = new Set([16_000, 24_000, 44_100, 48_000])
const RIFF_HEADER_BYTES = 12
const CHUNK_HEADER_BYTES = 8

function readWav(bytes: Uint8Array): Sound {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const chunks = chunksOf(view)
  const [format, data] = [chunks.get('fmt '), chunks.get('data')]
  if (!format || !data || format.length < 16) throw new AppError('media_corrupt')
  const [kind, channels, rate, bits] = [view.getUint16(format.start, true), view.getUint16(format.start + 2, true), view.getUint32(format.start + 4, true), view.getUint16(format.start + 14, true)]
  if (kind !== PCM || channels !== 1 || bits !== 16 || !RATES.has(rate)) throw new AppError('media_corrupt')
  return { rate, samples: Float32Array.from({ length: data.length >> 1 }, (_, i) => view.getInt16(data.start + i * 2, true) / 2 ** 15) }
}

interface Chunk { readonly start: number; readonly length: number }

function chunksOf(view: DataView): ReadonlyMap<string, Chunk> {
  const found = new Map<string, Chunk>()
  for (let at = RIFF_HEADER_BYTES; at + CHUNK_HEADER_BYTES <= view.byteLength;) {
    const name = String.fromCharCode(...Array.from({ length: 4 }, (_, i) => view.getUint8(at + i)))
    const start = at + CHUNK_HEADER_BYTES
    const stated = view.getUint32(at + 4, true)
    found.set(name, { start, length: Math.min(stated, view.byteLength - start) })
    at = start + stated + (stated & 1)
  }
  return found
}
