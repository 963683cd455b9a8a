import { z } from 'zod'
import { AppError } from '../../domain/errors.ts'
import { invalidOutput } from '../../net/service-call.ts'
import type { Scrub } from '../../net/service-words.ts'
import type { BackendStatus } from '../backend.ts'
import { parseAnswer } from '../parse-answer.ts'

const file = z.object({ filename: z.string(), subfolder: z.string().default(''), type: z.string().default('output') })
/** Nodes that save videos list them as pictures, most of them. */
const files = z.object({ images: z.array(file).default([]), videos: z.array(file).default([]), gifs: z.array(file).default([]) })
const entrySchema = z.object({
  outputs: z.record(z.string(), z.unknown()).default({}),
  status: z.object({ status_str: z.string(), messages: z.array(z.tuple([z.string(), z.unknown()])).default([]) }).nullish(),
})
const executionError = z.object({ node_type: z.string().default('a node'), exception_message: z.string().default('it failed, and does not say why') })

const VIDEO_NAME = /\.(?:mp4|webm|mov|mkv|m4v)$/i

/** How a prompt ended that is in the history. Throws `output_invalid` where its node saved no video. */
export function readHistory(entry: unknown, { outputNode, scrub }: { readonly outputNode: string; readonly scrub: Scrub }): BackendStatus {
  const { outputs, status } = parseAnswer(entrySchema, entry, 'the history of a prompt')
  const messages = new Map(status?.messages)
  if (messages.has('execution_interrupted')) return { at: 'failed', error: new AppError('cancelled') }
  if (messages.has('execution_error') || status?.status_str === 'error') return { at: 'failed', error: failure(messages.get('execution_error'), scrub) }
  const { images, videos, gifs } = parseAnswer(files, outputs[outputNode] ?? {}, 'a list of files')
  const video = [...videos, ...images, ...gifs].find(({ filename }) => VIDEO_NAME.test(filename))
  if (video === undefined) throw invalidOutput('its graph saved no video')
  return { at: 'done', output: video }
}

function failure(message: unknown, scrub: Scrub): AppError {
  const { node_type, exception_message } = executionError.catch(executionError.parse({})).parse(message)
  return new AppError('backend_rejected', { details: { said: scrub(`${node_type}: ${exception_message}`) } })
}
