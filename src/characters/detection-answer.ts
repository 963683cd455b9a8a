import { z } from 'zod'
import { KINDS, RUNGS } from '../domain/character.ts'
import type { Detection } from './characters.ts'

// A detection as it crosses from the process that looked to the one that was asked: JSON, its pictures in base64.

const point = z.number()
const box = z.tuple([point, point, point, point])
const sighting = z.object({ seconds: z.number(), box, score: z.number(), quality: z.number() })
const subject = z.object({
  id: z.string(), kind: z.enum(KINDS), rung: z.enum(RUNGS), hint: z.string().nullable(), colour: z.string(), rank: z.number(), presence: z.number(),
  best: sighting, sightings: z.array(sighting),
})
const detection = z.object({
  window: z.object({ startMs: z.number(), endMs: z.number(), isClamped: z.boolean(), chosenBy: z.enum(['caller', 'service']) }),
  source: z.object({
    type: z.enum(['url', 'upload', 'data', 'video']), host: z.string().nullable(), container: z.string(), codec: z.string(),
    width: z.number(), height: z.number(), durationMs: z.number(),
  }),
  subjects: z.array(z.object({ subject, thumbnail: z.base64().transform((text) => Uint8Array.from(Buffer.from(text, 'base64'))) })),
  reasons: z.array(z.string()),
})

export const writeDetection = (found: Detection): unknown =>
  ({ ...found, subjects: found.subjects.map(({ subject, thumbnail }) => ({ subject, thumbnail: Buffer.from(thumbnail).toString('base64') })) })

/** Throws for what `writeDetection` did not write. */
export const readDetection = (answer: unknown): Detection => detection.parse(answer)
