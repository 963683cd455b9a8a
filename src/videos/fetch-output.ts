import { createWriteStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { AppError } from '../domain/errors.ts'
import { phrase } from '../domain/phrase.ts'
import { askBackend, whileUnavailable } from './ask-backend.ts'
import type { Finished } from './follow-video.ts'
import type { VideoLimits } from './settings.ts'
import type { Running } from './submit-video.ts'

interface Fetching {
  readonly into: string
  readonly signal: AbortSignal
  readonly limits: Pick<VideoLimits, 'outputBytes' | 'fetchMs' | 'mostTries' | 'retryMs'>
}

/** The finished video into a private file. Rejects with `output_invalid` when it is empty or too large, `output_expired`, `backend_unavailable`, `storage_full`. */
export const fetchOutput = ({ route: { backend }, operation }: Running, { output }: Finished, { into, signal, limits }: Fetching): Promise<void> =>
  whileUnavailable(() => askBackend(async (waiting) => {
    const chunks = await backend.open(operation, output, { ...waiting, maxBytes: limits.outputBytes })
    await pipeline(bounded(chunks, limits.outputBytes), createWriteStream(into, { mode: 0o600 }), waiting)
  }, { signal, mostMs: limits.fetchMs }), { tries: limits.mostTries, waitMs: limits.retryMs, signal })

async function* bounded(chunks: AsyncIterable<Uint8Array>, mostBytes: number): AsyncGenerator<Uint8Array, void> {
  let bytes = 0
  for await (const chunk of chunks) {
    bytes += chunk.length
    if (bytes > mostBytes) throw new AppError('output_invalid', { details: { reason: phrase(`it is larger than ${mostBytes} bytes`, `超过 ${mostBytes} 字节`) } })
    yield chunk
  }
  if (bytes === 0) throw new AppError('output_invalid', { details: { reason: phrase('it is empty', '内容为空') } })
}
