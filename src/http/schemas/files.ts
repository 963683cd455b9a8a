import { z } from 'zod'

const bytes = z.any().meta({ description: 'Bytes.' })

/** Whole, a part, or unchanged. */
export const fileAnswers = (...types: readonly string[]) => {
  const content = Object.fromEntries(types.map((type) => [type, { schema: bytes }]))
  return { 200: { description: 'The file.', content }, 206: { description: 'A range of it.', content }, 304: z.null().meta({ description: 'Unchanged.' }) }
}

export const referenceList = z.strictObject({ object: z.literal('list'), data: z.array(z.strictObject({ n: z.int().min(1), url: z.string() })) })
  .meta({ id: 'ReferenceList', description: 'The portrait\'s frame first.' })
