import { describe, expect, test } from 'vitest'
import { encodeWav, isVoice, secondsInRuns, VOICE_RATE } from './voice.ts'

const CHUNKS_PER_SECOND = VOICE_RATE / 512
const chunks = (seconds: number, isSpeech: boolean): readonly boolean[] => Array<boolean>(Math.round(seconds * CHUNKS_PER_SECOND)).fill(isSpeech)

describe('someone speaks', () => {
  test('when a run is long enough', () => {
    expect(secondsInRuns([...chunks(0.5, false), ...chunks(0.96, true), ...chunks(0.5, false)])).toBeCloseTo(0.96, 1)
    expect(isVoice(secondsInRuns(chunks(0.96, true)))).toBe(true)
  })

  test('and not when there are only clicks, however many', () => {
    const clicks = Array.from({ length: 10 }, () => [...chunks(0.1, true), ...chunks(0.1, false)]).flat()
    expect(secondsInRuns(clicks)).toBe(0)
  })

  test('and not for a single short word', () => {
    expect(isVoice(secondsInRuns(chunks(0.3, true)))).toBe(false)
  })
})

test('a WAV is 16 kHz mono 16 bit, its samples clipped and not wrapped round', () => {
  const bytes = encodeWav(Float32Array.of(0, 0.5, 1, -1, 2, -2))
  const view = new DataView(bytes.buffer)
  const text = (at: number): string => String.fromCharCode(...bytes.subarray(at, at + 4))
  expect([text(0), text(8), text(12), text(36)]).toEqual(['RIFF', 'WAVE', 'fmt ', 'data'])
  expect([view.getUint32(4, true), view.getUint32(40, true)]).toEqual([bytes.length - 8, 12])
  expect({ format: view.getUint16(20, true), channels: view.getUint16(22, true), rate: view.getUint32(24, true), bits: view.getUint16(34, true) })
    .toEqual({ format: 1, channels: 1, rate: 16_000, bits: 16 })
  expect(Array.from({ length: 6 }, (_, i) => view.getInt16(44 + i * 2, true))).toEqual([0, 16_384, 32_767, -32_767, 32_767, -32_767])
})
