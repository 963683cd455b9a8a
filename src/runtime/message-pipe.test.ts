import { expect, test } from 'vitest'
import { BrokenMessage, encodeMessage, MessageReader } from './message-pipe.ts'

const encoded = (...messages: readonly unknown[]): Buffer => Buffer.concat(messages.flatMap((message) => encodeMessage(message)))
const messages = [{ type: 'read', start: 7 }, { bytes: Uint8Array.from([1, 2, 3]), values: Float32Array.of(0.5) }, null, 'text']

test.each([1, 3, 10, 1000])('messages survive being cut into chunks of %i bytes', (size) => {
  const bytes = encoded(...messages)
  const reader = new MessageReader({ mostBytes: 1000 })
  const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size))
  expect(chunks.flatMap((chunk) => [...reader.push(chunk)])).toEqual(messages)
})

test('a message that claims too much is refused by its length alone', () => {
  const reader = new MessageReader({ mostBytes: 100 })
  expect(() => [...reader.push(Uint8Array.from([101, 0, 0, 0]))]).toThrow(BrokenMessage)
})

test('bytes that are no message are refused', () => {
  const reader = new MessageReader({ mostBytes: 100 })
  expect(() => [...reader.push(Uint8Array.from([3, 0, 0, 0, 9, 9, 9]))]).toThrow(BrokenMessage)
})
