import { z } from 'zod'

const MOST = 100
const USUAL = 20

/** What every list takes. An empty limit is none: as a number it would be 0, and whoever asks page by page would ask for ever. */
export const paging = {
  limit: z.preprocess((text) => (text === '' ? undefined : text), z.coerce.number().int().min(0).max(MOST).default(USUAL))
    .meta({ type: 'integer', minimum: 0, maximum: MOST, default: USUAL }),
  order: z.enum(['asc', 'desc']).default('desc'),
} as const
