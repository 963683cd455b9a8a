import { z } from 'zod'
import { MEDIA_KINDS, type Capabilities } from '../domain/capabilities.ts'
import type { ServiceSettings } from '../net/service-call.ts'

/** What `fetch` itself has to say. */
const OWN_HEADERS: ReadonlySet<string> = new Set(['content-type', 'content-length', 'transfer-encoding', 'connection', 'host'])
const LABEL_STYLES = ['tag', 'ordinal', 'bracket', 'at', 'kling', 'character', 'imageRef0', 'subject', 'name', 'describe'] as const satisfies readonly Capabilities['label'][]

const serviceUrl = z.string().refine(isServiceUrl, 'must be an absolute http(s) address without a password, query or fragment').transform((text) => text.replace(/\/+$/, ''))
const headerName = z.string().regex(/^[\w!#$%&'*+.^`|~-]{1,100}$/, 'must be the name of a header').refine((name) => !OWN_HEADERS.has(name.toLowerCase()), 'is set by the service itself')
const headerValue = z.string().regex(/^[\x20-\x7e]{0,8192}$/, 'must be printable ASCII')

/** What the settings of every backend behind HTTP have. */
export const serviceFields = {
  name: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,39}$/, 'must be 1 to 40 of a–z, 0–9, _ and -'),
  url: serviceUrl,
  /** Sent as `Authorization: Bearer KEY`. */
  key: z.string().regex(/^[\x21-\x7e]{1,8192}$/, 'must be printable ASCII without spaces').optional(),
  headers: z.record(headerName, headerValue).default({}),
  /** For one answer. */
  timeoutSeconds: z.number().positive().max(600).default(60),
  pollSeconds: z.number().positive().max(60).default(3),
} as const

export const modelId = z.string().regex(/^[\x21-\x7e]{1,200}$/, 'must be 1 to 200 printable ASCII characters without spaces')

const count = z.int().min(0).max(100)
const seconds = z.int().min(1).max(600)
const kindLimits = z.strictObject({ max: count, mimes: z.array(z.string().regex(/^(?:image|video|audio)\/[\w.+-]+$/)).min(1), maxBytes: z.int().positive().optional() })

/** What an operator says of a model, in place of what is assumed. */
export const capabilitiesConfig = z.strictObject({
  maxCharacters: count,
  maxReferences: count,
  perCharacter: count,
  kinds: z.partialRecord(z.enum(MEDIA_KINDS), kindLimits),
  prefer: z.enum(['image', 'clip']),
  imageForm: z.enum(['as-is', 'cutout', 'white']),
  label: z.enum(LABEL_STYLES),
  hasPreamble: z.boolean(),
  firstFrame: z.enum(['none', 'alone', 'with references']),
  sizes: z.array(z.string().regex(/^[1-9]\d{1,3}x[1-9]\d{1,3}$/, 'must be WIDTHxHEIGHT')).min(1),
  seconds: z.union([z.strictObject({ min: seconds, max: seconds }).refine(({ min, max }) => min <= max, 'min must not be above max'), z.array(seconds).min(1)]),
  promptMax: z.int().min(1).max(1_000_000),
  faces: z.enum(['ok', 'refused']),
  hasSeed: z.boolean(),
  hasNegativePrompt: z.boolean(),
  operations: z.array(z.enum(['edit', 'extend'])),
  licence: z.string(),
}).partial() satisfies z.ZodType<Partial<Capabilities>>

type ServiceConfig = Readonly<z.output<z.ZodObject<typeof serviceFields>>>

export const serviceSettings = ({ url, key, headers, timeoutSeconds }: ServiceConfig): ServiceSettings => ({
  url,
  headers: { ...(key !== undefined && { authorization: `Bearer ${key}` }), ...lowerCased(headers) },
  timeoutMs: timeoutSeconds * 1000,
})

const lowerCased = (headers: Readonly<Record<string, string>>): Record<string, string> => Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))

function isServiceUrl(text: string): boolean {
  const url = URL.parse(text)
  return url !== null && /^https?:$/.test(url.protocol) && [url.username, url.password, url.search, url.hash].every((part) => part === '')
}
