import { unlessAborted } from '../runtime/unless-aborted.ts'

/** The bytes, until the signal fires: then reading rejects with its reason, also where the next bytes never come. */
export async function* abortable(bytes: Uint8Array | AsyncIterable<Uint8Array>, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array, void> {
  signal?.throwIfAborted()
  if (bytes instanceof Uint8Array) { yield bytes; return }
  if (signal === undefined) { yield* bytes; return }
  const reading = bytes[Symbol.asyncIterator]()
  let isOver = false
  try {
    for (;;) {
      const { done, value } = await unlessAborted(reading.next(), signal)
      isOver = done === true
      if (isOver) return
      yield value
    }
  } finally {
    // Not awaited: what waits for bytes that never come does not end before them.
    if (!isOver) reading.return?.().catch(() => {}) // it was told to stop; how that went is of no use to anybody
  }
}
