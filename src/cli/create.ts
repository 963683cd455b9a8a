import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { openClient } from './client.ts'
import { readClipOptions } from './clip-options.ts'
import { ServiceError, UsageError } from './failure.ts'
import { openProgress } from './progress.ts'

const POLL_MS = 150

const character = z.looseObject({
  id: z.string(), status: z.enum(['queued', 'in_progress', 'completed', 'failed']), progress: z.number(),
  username: z.string().nullish(), permalink: z.string().nullish(), profile_picture_url: z.string().nullish(),
  error: z.object({ message: z.string(), hint: z.string().optional() }).nullish(),
})

/** Makes a character and prints its four public keys as JSON. */
export async function create(args: string[]): Promise<number> {
  const options = readClipOptions(args)
  if (options.at === null) throw new UsageError('Say which seconds: --at 1,3')
  using progress = openProgress()
  progress.say('starting')
  await using client = await openClient(options)
  progress.say('sending')
  let state = character.parse(await client.sendClip('/v1/characters', options, { prefer: 'respond-async' }))
  while (state.status === 'queued' || state.status === 'in_progress') {
    progress.say(state.status === 'queued' ? 'waiting for a turn' : 'making the character', state.progress)
    await sleep(POLL_MS)
    state = character.parse(await client.get(`/v1/characters/${state.id}`))
  }
  progress[Symbol.dispose]()
  if (state.status === 'failed') throw new ServiceError(state.error?.message ?? 'It failed.', state.error?.hint ?? null)
  const { id, username, permalink, profile_picture_url } = state
  console.log(JSON.stringify({ id, username, permalink, profile_picture_url }, null, 2))
  return 0
}
