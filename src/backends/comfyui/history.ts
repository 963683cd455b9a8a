import { z } from 'zod'
import { AppError } from '../../domain/errors.ts'
import { phrase } from '../../domain/phrase.ts'
import { invalidOutput } from '../../net/service-call.ts'
import type { Scrub } from '../../net/service-words.ts'
import type { BackendStatus } from '../backend.ts'
import { NO_REASON } from '../job-states.ts'
import { parseAnswer } from '../parse-answer.ts'

const file = z.object({ filename: z.string(), subfolder: z.string().default(''), type: z.string().default('output') })
/** Nodes that save videos list them as pictures, most of them. */
const files = z.object({ images: z.array(file).default([]), videos: z.array(file).default([]), gifs: z.array(file).default([]) })
const entrySchema = z.object({
  outputs: z.record(z.string(), z.unknown()).default({}),
  status: z.object({ status_str: z.string(), messages: z.array(z.tuple([z.string(), z.unknown()])).default([]) }).nullish(),
})
const executionError = z.object({ node_type: z.string(), exception_message: z.string() })

const VIDEO_NAME = /\.(?:mp4|webm|mov|mkv|m4v)$/i

/** How a prompt ended that is in the history. Throws `output_invalid` where its node saved no video. */
export function readHistory(entry: unknown, { outputNode, scrub }: { readonly outputNode: string; readonly scrub: Scrub }): BackendStatus {
  const { outputs, status } = parseAnswer(entrySchema, entry, phrase('the history of a prompt', '任务的历史记录'))
  const messages = new Map(status?.messages)
  if (messages.has('execution_interrupted')) return { at: 'failed', error: new AppError('cancelled') }
  if (messages.has('execution_error') || status?.status_str === 'error') return { at: 'failed', error: failure(messages.get('execution_error'), scrub) }
  const { images, videos, gifs } = parseAnswer(files, outputs[outputNode] ?? {}, phrase('a list of files', '文件列表'))
  const video = [...videos, ...images, ...gifs].find(({ filename }) => VIDEO_NAME.test(filename))
  if (video === undefined) throw invalidOutput(phrase('its graph saved no video', '工作流没有保存视频'))
  return { at: 'done', output: video }
}

function failure(message: unknown, scrub: Scrub): AppError {
  const { data } = executionError.partial().safeParse(message)
  const said = [data?.node_type, data?.exception_message].filter(Boolean).join(': ')
  return new AppError('backend_rejected', { details: { said: said === '' ? NO_REASON : scrub(said) } })
}
