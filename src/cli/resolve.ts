import { z } from 'zod'
import { openClient } from './client.ts'
import { openProgress } from './progress.ts'
import { underlined } from './underline.ts'
import { readVideoOptions } from './video-options.ts'

const resolved = z.object({
  cast: z.array(z.object({ id: z.string(), username: z.string(), kind: z.string() })),
  near_misses: z.array(z.object({ start: z.number(), text: z.string(), reason: z.string() })),
  compiled: z.object({ backend: z.string(), model: z.string(), prompt: z.string(), references: z.array(z.object({ kind: z.string(), n: z.number(), character: z.string().nullable() })) }),
  warnings: z.array(z.object({ code: z.string(), message: z.string() })),
})

/** Prints who a prompt calls, what was read as plain text and why, and what the model would be sent. */
export async function resolve(args: string[]): Promise<number> {
  const { prompt, fields, ...connection } = readVideoOptions(args)
  using progress = openProgress()
  progress.say('starting')
  await using client = await openClient(connection)
  const answer = await client.post('/v1/prompts/resolve', { prompt, ...fields }).catch((error: unknown) => { throw underlined(error, prompt) })
  progress[Symbol.dispose]()
  const { cast, near_misses, compiled, warnings } = resolved.parse(answer)
  const nameOf = (id: string | null): string => cast.find((member) => member.id === id)?.username ?? 'yours'
  for (const { id, username, kind } of cast) console.log(`@${username}  ${kind}  ${id}`)
  for (const { text, start, reason } of near_misses) console.log(`not a mention: ${JSON.stringify(text)} at ${start} (${reason.replaceAll('_', ' ')})`)
  console.log(`\n${compiled.model} on ${compiled.backend} would be sent\n  ${compiled.prompt}`)
  for (const { kind, n, character } of compiled.references) console.log(`  ${kind} ${n}: ${nameOf(character)}`)
  for (const { code, message } of warnings) console.log(`! ${message} (${code})`)
  return 0
}
