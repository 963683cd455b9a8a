import { THRESHOLDS } from '../../../models/table.ts'
import type { Models } from '../models.ts'

export const VOICE_RATE = 16_000
const CHUNK = 512
const CONTEXT = 64
const STATE_SHAPE = [2, 1, 128] as const
/** Somebody speaks when runs of at least `run` seconds add up to `all`. A guess: espeak gave 84 % speech, noise and a sine none. */
const LEAST_SECONDS = { run: 0.2, all: 0.4 }
const HEADER_BYTES = 44

/** Seconds of speech in 16 kHz mono, counted in runs that are long enough to be any. */
export async function speechSeconds(models: Models, samples: Float32Array): Promise<number> {
  let state: Float32Array = new Float32Array(STATE_SHAPE[0] * STATE_SHAPE[1] * STATE_SHAPE[2])
  const isSpeech: boolean[] = []
  for (let start = 0; start + CHUNK <= samples.length; start += CHUNK) {
    const input = new Float32Array(CONTEXT + CHUNK)
    input.set(samples.subarray(Math.max(0, start - CONTEXT), start + CHUNK), Math.max(0, CONTEXT - start))
    const outputs = await models.run('silero-vad', {
      input: { data: input, shape: [1, input.length] }, state: { data: state, shape: STATE_SHAPE }, sr: { data: BigInt64Array.of(BigInt(VOICE_RATE)), shape: [] },
    })
    state = outputs.stateN
    isSpeech.push(outputs.output[0] > THRESHOLDS['silero-vad'].speech)
  }
  return secondsInRuns(isSpeech)
}

const secondsOf = (chunks: number): number => (chunks * CHUNK) / VOICE_RATE

/** Of chunks that are speech or not, one after the other. */
export function secondsInRuns(isSpeech: readonly boolean[]): number {
  const runs = isSpeech.map((speaks) => (speaks ? '1' : '0')).join('').split(/0+/).map(({ length }) => secondsOf(length))
  return runs.filter((seconds) => seconds >= LEAST_SECONDS.run).reduce((sum, seconds) => sum + seconds, 0)
}

export const isVoice = (seconds: number): boolean => seconds >= LEAST_SECONDS.all

/** 16 bit PCM, mono, 16 kHz, as a WAV file. */
export function encodeWav(samples: Float32Array): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES + samples.length * 2)
  const view = new DataView(bytes.buffer)
  const text = (at: number, value: string): void => bytes.set(new TextEncoder().encode(value), at)
  text(0, 'RIFF')
  view.setUint32(4, bytes.length - 8, true)
  text(8, 'WAVEfmt ')
  view.setUint32(16, 16, true)
  view.setUint16(20, 1, true)
  view.setUint16(22, 1, true)
  view.setUint32(24, VOICE_RATE, true)
  view.setUint32(28, VOICE_RATE * 2, true)
  view.setUint16(32, 2, true)
  view.setUint16(34, 16, true)
  text(36, 'data')
  view.setUint32(40, samples.length * 2, true)
  for (const [i, value] of samples.entries()) view.setInt16(HEADER_BYTES + i * 2, Math.round(Math.max(-1, Math.min(1, value)) * 32_767), true)
  return bytes
}
