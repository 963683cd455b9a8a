import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { openClient } from './client.ts'
import { ServiceError, UsageError } from './failure.ts'
import { openProgress } from './progress.ts'
import { underlined } from './underline.ts'
import { readVideoOptions } from './video-options.ts'

const POLL_MS = 300

const videoState = z.looseObject({
  id: z.string(), status: z.enum(['queued', 'in_progress', 'completed', 'failed']), progress: z.number(), model: z.string(), backend: z.string(), size: z.string(), seconds: z.string(),
  warnings: z.array(z.object({ code: z.string(), message: z.string() })), error: z.object({ code: z.string(), message: z.string() }).nullable(),
})

/** Makes a video, waits for it, and prints what it is and the file it was written to as JSON. */
export async function video(args: string[]): Promise<number> {
  const { prompt, fields, out, ...connection } = readVideoOptions(args)
  if (out !== null && existsSync(out)) throw new UsageError(`${out} is there already.`)
  using progress = openProgress()
  progress.say('starting')
  await using client = await openClient(connection)
  progress.say('sending')
  let state = videoState.parse(await client.post('/v1/videos', { prompt, ...fields }).catch((error: unknown) => { throw underlined(error, prompt) }))
  while (state.status === 'queued' || state.status === 'in_progress') {
    progress.say(state.status === 'queued' ? 'waiting for a turn' : `${state.model} is at work`, state.progress)
    await sleep(POLL_MS)
    state = videoState.parse(await client.get(`/v1/videos/${state.id}`))
  }
  if (state.status === 'failed') throw new ServiceError(state.error?.message ?? 'It failed.', null)
  progress.say('saving', 100)
  const file = out ?? `${state.id}.mp4`
  await client.download(`/v1/videos/${state.id}/content`, file)
  progress[Symbol.dispose]()
  const { id, model, backend, size, seconds } = state
  for (const { message } of state.warnings) console.error(`! ${message}`)
  console.log(JSON.stringify({ id, model, backend, size, seconds, file }, null, 2))
  return 0
}
