import '@napi-rs/webcodecs/polyfill'
import { AudioSampleSink, BufferSource, Input, MATROSKA } from 'mediabunny'
import type { AudioSample } from 'mediabunny'
import type { Span } from './plan.ts'
import { remuxToMatroska } from './remux.ts'
import type { CodedSound } from './remux.ts'

const VOICE_RATE = 16_000
const KEEP_ALIVE_MS = 1000

/** The sound of a span as 16 kHz mono floats; null where it cannot be decoded, which costs a character its voice only. */
export async function decodeSound(sound: CodedSound, { start, end }: Span): Promise<Float32Array | null> {
  const first = sound.packets[0]
  if (!first) return null
  using input = new Input({ source: new BufferSource(await remuxToMatroska(sound)), formats: [MATROSKA] })
  const track = await input.getPrimaryAudioTrack()
  if (!track || !await track.canDecode()) return null
  const rate = await track.getSampleRate()
  const mono = new Float32Array(Math.round((end - start) * rate))
  let heard = 0
  const keepAlive = setInterval(() => {}, KEEP_ALIVE_MS) // a decoder at work does not keep Node alive
  try {
    for await (const sample of new AudioSampleSink(track).samples()) {
      mixInto(mono, sample, Math.round((sample.timestamp + first.timestamp - start) * rate))
      sample.close()
      heard++
    }
  } catch {
    if (heard === 0) return null // whatever a stranger's sound did to the decoder
  } finally {
    clearInterval(keepAlive)
  }
  return resample(mono, rate)
}

const SAMPLES: Readonly<Record<string, { readonly Samples: new (length: number) => Uint8Array | Int16Array | Int32Array | Float32Array; readonly toFloat: (value: number) => number }>> = {
  u8: { Samples: Uint8Array, toFloat: (value) => (value - 128) / 128 },
  s16: { Samples: Int16Array, toFloat: (value) => value / 2 ** 15 },
  s32: { Samples: Int32Array, toFloat: (value) => value / 2 ** 31 },
  f32: { Samples: Float32Array, toFloat: (value) => value },
}

/**
 * Adds the mean of the channels. Samples are copied in the format they have: asked to turn s16 into f32 the decoder's library does not
 * throw but aborts the process.
 */
function mixInto(mono: Float32Array, sample: AudioSample, offset: number): void {
  const { format, numberOfChannels, numberOfFrames } = sample
  const [kind = '', layout] = format.split('-')
  const samples = SAMPLES[kind]
  if (!samples) throw new Error(`samples of format ${format}`)
  const isPlanar = layout === 'planar'
  const perFrame = isPlanar ? 1 : numberOfChannels
  for (let planeIndex = 0; planeIndex < (isPlanar ? numberOfChannels : 1); planeIndex++) {
    const values = new samples.Samples(numberOfFrames * perFrame)
    sample.copyTo(values, { planeIndex, format })
    for (let i = 0; i < values.length; i++) {
      const at = offset + Math.floor(i / perFrame)
      if (at >= 0 && at < mono.length) mono[at] += samples.toFloat(values[i] ?? 0) / numberOfChannels
    }
  }
}

/** By a windowed sinc whose cut-off lies a little below half of the lower rate. */
function resample(input: Float32Array, rate: number): Float32Array {
  if (rate === VOICE_RATE) return input
  const phases = VOICE_RATE / greatestCommonDivisor(VOICE_RATE, rate)
  const kernels = Array.from({ length: phases }, (_, phase) => kernelAt(((phase * rate) / VOICE_RATE) % 1, rate))
  const out = new Float32Array(Math.floor((input.length * VOICE_RATE) / rate))
  for (let i = 0; i < out.length; i++) {
    const kernel = kernels[i % phases]
    const first = Math.floor((i * rate) / VOICE_RATE) - (kernel.length >> 1)
    let sum = 0
    for (let tap = Math.max(0, -first), end = Math.min(kernel.length, input.length - first); tap < end; tap++) sum += input[first + tap] * kernel[tap]
    out[i] = sum
  }
  return out
}

/** The weights around a place that lies `fraction` of a sample behind the middle one; they add up to 1. */
function kernelAt(fraction: number, rate: number): Float32Array {
  const cutoff = 0.92 * Math.min(1, VOICE_RATE / rate)
  const reach = Math.ceil(16 / cutoff)
  const weights = Float32Array.from({ length: 2 * reach + 1 }, (_, tap) => {
    const distance = tap - reach - fraction
    const x = Math.PI * distance * cutoff
    return (x === 0 ? 1 : Math.sin(x) / x) * (0.5 + 0.5 * Math.cos((Math.PI * distance) / (reach + 1)))
  })
  const sum = weights.reduce((total, weight) => total + weight, 0)
  return weights.map((weight) => weight / sum)
}

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b))
