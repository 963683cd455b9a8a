import { parseArgs } from 'node:util'
import { UsageError } from './failure.ts'

export interface VideoOptions {
  readonly prompt: string
  /** As the API takes them. */
  readonly fields: Readonly<Record<string, string | number>>
  readonly out: string | null
  readonly server: string | null
  readonly key: string | null
}

/** The arguments that `resolve` and `video` share. */
export function readVideoOptions(args: string[]): VideoOptions {
  const text = { type: 'string' } as const
  const { values, positionals } = parseArgs({ args, allowPositionals: true, options: { model: text, size: text, seconds: text, seed: text, out: text, server: text, key: text } })
  if (positionals.length !== 1) throw new UsageError('Give one prompt, in quotes.')
  const { model, size, seconds, seed } = values
  const numbers = Object.entries({ seconds, seed }).flatMap(([name, value]) => (value === undefined ? [] : [[name, wholeNumber(name, value)] as const]))
  const fields = { ...(model !== undefined && { model }), ...(size !== undefined && { size }), ...Object.fromEntries(numbers) }
  return { prompt: positionals[0], fields, out: values.out ?? null, server: values.server ?? null, key: values.key ?? null }
}

function wholeNumber(name: string, value: string): number {
  if (!/^\d{1,9}$/.test(value)) throw new UsageError(`--${name} takes a whole number.`)
  return Number(value)
}
