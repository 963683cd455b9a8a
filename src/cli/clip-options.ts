import { statSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { UsageError } from './failure.ts'

export interface ClipOptions {
  readonly clip: string
  readonly at: string | null
  readonly name: string | null
  readonly subject: string | null
  readonly server: string | null
  readonly key: string | null
}

/** The arguments that `create` and `detect` share. */
export function readClipOptions(args: string[]): ClipOptions {
  const text = { type: 'string' } as const
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { at: text, name: text, subject: text, server: text, key: text } })
  if (positionals.length !== 1) throw new UsageError('Name one video: a URL or a file.')
  const [clip] = positionals
  if (!isUrl(clip) && !statSync(clip, { throwIfNoEntry: false })?.isFile()) throw new UsageError(`There is no file ${clip}.`)
  return { clip, at: values.at ?? null, name: values.name ?? null, subject: values.subject ?? null, server: values.server ?? null, key: values.key ?? null }
}

export const isUrl = (clip: string): boolean => /^https?:\/\//i.test(clip)
