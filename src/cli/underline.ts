import { z } from 'zod'
import { ServiceError } from './failure.ts'

const details = z.object({ unknown: z.array(z.object({ start: z.int(), end: z.int() })).min(1) })

const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Extended_Pictographic}/u
const cellsOf = (text: string): number => [...text].reduce((cells, char) => cells + (WIDE.test(char) ? 2 : 1), 0)

/** A refusal of a prompt with the names it does not know marked below them; any other error as it is. Prompts of several lines are left alone. */
export function underlined(error: unknown, prompt: string): unknown {
  const found = error instanceof ServiceError && !prompt.includes('\n') ? details.safeParse(error.details) : null
  if (!(error instanceof ServiceError) || !found?.success) return error
  const marks = found.data.unknown.reduce((line, { start, end }) => {
    const before = cellsOf(prompt.slice(0, start))
    return `${line.padEnd(before)}${'^'.repeat(cellsOf(prompt.slice(start, end)))}`
  }, '')
  return new ServiceError(`${prompt}\n${marks}\n${error.message}`, error.hint, { cause: error })
}
