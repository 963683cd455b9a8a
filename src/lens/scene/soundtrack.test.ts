import { expect, test } from 'vitest'
import { encodeWav } from '../sight/voice.ts'
import { soundtrack } from './soundtrack.ts'

test('without a voice there is silence, as long as the video', () => {
  const { rate, samples } = soundtrack(null, 1.5)
  expect([rate, samples.length, samples.every((value) => value === 0)]).toEqual([48_000, 72_000, true])
})

test('a voice is heard from the start, and what is longer than the video is not', () => {
  const voice = encodeWav(Float32Array.from({ length: 32_000 }, (_, i) => (i % 2 ? 0.5 : -0.5)))
  const [short, long] = [soundtrack(voice, 1), soundtrack(voice, 3)]
  expect([short.rate, short.samples.length, long.samples.length]).toEqual([16_000, 16_000, 48_000])
  expect(short.samples[0]).toBeCloseTo(-0.5, 3)
  expect([long.samples[31_999] === 0, long.samples[32_000]]).toEqual([false, 0])
})

test.each([
  ['an empty file', new Uint8Array(0)],
  ['no sound at all', new TextEncoder().encode('RIFF____WAVEjunk')],
  ['two channels', encodeWav(new Float32Array(100)).map((value, at) => (at === 22 ? 2 : value))],
  ['a rate of 1 Hz', encodeWav(new Float32Array(100)).map((value, at) => (at === 24 ? 1 : at > 24 && at < 28 ? 0 : value))],
])('%s is refused', (_name, bytes) => {
  expect(() => soundtrack(bytes, 1)).toThrow(expect.objectContaining({ code: 'media_corrupt' }))
})

test('a chunk that says it is larger than the file ends with it', () => {
  const wav = encodeWav(new Float32Array(100))
  new DataView(wav.buffer).setUint32(40, 0xffff_fff0, true)
  expect(soundtrack(wav, 1).samples).toHaveLength(16_000)
})
