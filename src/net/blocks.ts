import type { ByteRun } from '../runtime/byte-source.ts'

export const endOf = ({ start, bytes }: ByteRun): number => start + bytes.length

/** Blocks of a source that were read before, the newest kept, up to a number of bytes. They do not overlap. */
export class Blocks {
  readonly #mostBytes: number
  #blocks: ByteRun[] = []

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes
  }

  add(block: ByteRun): void {
    this.#blocks.push(block)
    let kept = this.#blocks.reduce((sum, { bytes }) => sum + bytes.length, 0)
    while (kept > this.#mostBytes) kept -= this.#blocks.shift()?.bytes.length ?? 0
  }

  /** The block that holds the byte at `position`. */
  at(position: number): ByteRun | undefined {
    return this.#blocks.find((block) => block.start <= position && position < endOf(block))
  }

  /** Where the hole around `position` ends. */
  nextStart(position: number): number {
    return Math.min(...this.#blocks.map(({ start }) => start).filter((start) => start > position))
  }

  clear(): void {
    this.#blocks = []
  }
}

/** Blocks that follow each other as one run. */
export function joinBlocks(blocks: readonly ByteRun[]): ByteRun {
  if (blocks.length === 1) return blocks[0]
  return { start: blocks[0].start, bytes: Buffer.concat(blocks.map(({ bytes }) => bytes)) }
}
