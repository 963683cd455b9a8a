import type { z } from 'zod'
import { invalidOutput } from '../net/service-call.ts'

/** What a service answered, read leniently. Throws `output_invalid` that names what was due. */
export function parseAnswer<T>(schema: z.ZodType<T>, answer: unknown, due: string): T {
  const result = schema.safeParse(answer)
  if (!result.success) throw invalidOutput(`its answer is not ${due}`)
  return result.data
}
