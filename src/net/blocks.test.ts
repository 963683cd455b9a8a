import { expect, test } from 'vitest'
import { Blocks, joinBlocks } from './blocks.ts'

const block = (start: number, length: number) => ({ start, bytes: new Uint8Array(length).fill(start) })

test('finds the block of a byte, and where the next one starts', () => {
  const blocks = new Blocks(100)
  for (const start of [10, 40, 25]) blocks.add(block(start, 5))
  expect([9, 10, 14, 15, 27, 44, 45].map((position) => blocks.at(position)?.start)).toEqual([undefined, 10, 10, undefined, 25, 40, undefined])
  expect([0, 10, 15, 30, 45].map((position) => blocks.nextStart(position))).toEqual([10, 25, 25, 40, Infinity])
})

test('keeps the newest up to its bound, and nothing larger than that', () => {
  const blocks = new Blocks(100)
  for (const start of [0, 50, 100]) blocks.add(block(start, 50))
  expect([0, 50, 100].map((position) => blocks.at(position)?.start)).toEqual([undefined, 50, 100])
  blocks.add(block(1000, 101))
  expect([50, 100, 1000].map((position) => blocks.at(position))).toEqual([undefined, undefined, undefined])
})

test('joins blocks that follow each other', () => {
  expect(joinBlocks([block(1, 2), block(3, 1)])).toEqual({ start: 1, bytes: Buffer.from([1, 1, 3]) })
})
