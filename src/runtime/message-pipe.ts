import { deserialize, serialize } from 'node:v8'

const LENGTH_BYTES = 4

/** What came through a pipe is no message, or is longer than one may be. */
export class BrokenMessage extends Error { override readonly name = 'BrokenMessage' }

/** A message as it goes over a pipe: four bytes of length, then a structured clone, typed arrays included. */
export function encodeMessage(message: unknown): readonly [length: Uint8Array, body: Uint8Array] {
  const body = serialize(message)
  const length = Buffer.alloc(LENGTH_BYTES)
  length.writeUInt32LE(body.length)
  return [length, body]
}

/**
 * Puts the messages of a pipe together again. Node's own IPC channel would keep whatever a length claims, 4 GB of it:
 * here a message is refused by its length, before anything of it is kept.
 */
export class MessageReader {
  readonly #mostBytes: number
  readonly #length = Buffer.alloc(LENGTH_BYTES)
  #body: Buffer | null = null
  /** How much of the length, or of the body once there is one, has come. */
  #filled = 0

  constructor({ mostBytes }: { readonly mostBytes: number }) { this.#mostBytes = mostBytes }

  /** The messages that this chunk completes. Throws {@link BrokenMessage}; the reader is then of no more use. */
  *push(chunk: Uint8Array): Generator<unknown, void, void> {
    for (let at = 0; at < chunk.length;) {
      const target = this.#body ?? this.#length
      const part = chunk.subarray(at, at + target.length - this.#filled)
      target.set(part, this.#filled)
      at += part.length
      this.#filled += part.length
      if (this.#filled < target.length) return
      this.#filled = 0
      this.#body = this.#body === null ? this.#allocate(this.#length.readUInt32LE()) : null
      if (this.#body === null) yield decode(target)
    }
  }

  #allocate(length: number): Buffer {
    if (length === 0 || length > this.#mostBytes) throw new BrokenMessage(`a message of ${length} bytes`)
    return Buffer.allocUnsafeSlow(length)
  }
}

function decode(body: Uint8Array): unknown {
  try {
    return deserialize(body)
  } catch (cause) {
    throw new BrokenMessage('bytes that are no message', { cause })
  }
}
