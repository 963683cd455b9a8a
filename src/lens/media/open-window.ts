import { AppError } from '../../domain/errors.ts'
import type { TimeWindow } from '../../domain/window.ts'
import type { ByteSource } from '../../runtime/byte-source.ts'
import { openAnimation } from './animation.ts'
import { HeldBytes } from './held-bytes.ts'
import { openMovie } from './movie.ts'
import type { OpenedWindow } from './opened-window.ts'
import { HEAD_BYTES, sniff, unsupported } from './sniff.ts'

export type { OpenedWindow } from './opened-window.ts'

/**
 * Finds a window in a video, checks what it costs, reads little more than its bytes and copies it into a small MP4; nothing is decoded
 * yet where that can be helped. `null` takes a source of up to 3 s whole and chooses 3 s of the first minute of a longer one.
 * Rejects with `media_*`, `timestamps_out_of_range`, or what the source rejects with.
 */
export async function openWindow(source: ByteSource, window: TimeWindow | null, { signal }: { readonly signal?: AbortSignal } = {}): Promise<OpenedWindow> {
  if (source.size === 0) throw unsupported()
  const bytes = new HeldBytes(source, signal)
  const container = sniff(await bytes.read(0, Math.min(HEAD_BYTES, source.size)))
  const isAnimation = container === 'gif' || container === 'webp'
  try {
    return await (isAnimation ? openAnimation : openMovie)(bytes, { container, window, signal })
  } catch (error) {
    signal?.throwIfAborted()
    // What is thrown on the way and is not ours comes from a parser that met something it cannot read.
    throw error instanceof AppError ? error : new AppError('media_corrupt', { cause: error })
  }
}
