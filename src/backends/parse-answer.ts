import type { z } from 'zod'
import { phrase, type Phrase } from '../domain/phrase.ts'
import { invalidOutput } from '../net/service-call.ts'

/** What a service answered, read leniently. Throws `output_invalid` that names what was due. */
export function parseAnswer<T>(schema: z.ZodType<T>, answer: unknown, due: Phrase): T {
  const result = schema.safeParse(answer)
  if (!result.success) throw invalidOutput(phrase(`its answer is not ${due.en}`, `应答不是${due.zh}`))
  return result.data
}
