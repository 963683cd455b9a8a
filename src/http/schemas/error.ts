import { z } from 'zod'
import { ERRORS, type ErrorCode } from '../../domain/error-table.ts'

const codes = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]] // the keys of a table

/** The envelope of every answer at or above 400. */
export const errorBody = z.strictObject({
  error: z.strictObject({
    message: z.string(),
    type: z.string().meta({ enum: ['invalid_request_error', 'authentication_error', 'permission_error', 'not_found_error', 'rate_limit_error', 'server_error'] }),
    param: z.string().nullable(),
    code: z.enum(codes),
    hint: z.string().optional(),
    docs_url: z.string(),
    request_id: z.string(),
    details: z.record(z.string(), z.unknown()).optional(),
  }),
}).meta({ id: 'Error', description: 'Every refusal. `message` and `hint` follow Accept-Language (en, zh); `code`, `type` and `param` never do.' })

export type ErrorBody = z.infer<typeof errorBody>

const statusesOf = (codes: readonly ErrorCode[]): readonly number[] => [...new Set(codes.map((code) => ERRORS[code].status))]

/** For a route's `response`: the envelope at the status of each code it can answer with. */
export const refusals = (...codes: readonly ErrorCode[]): Readonly<Record<number, typeof errorBody>> =>
  Object.fromEntries(statusesOf(codes).map((status) => [status, errorBody]))

/** The same at an address for people: a page for a browser. */
export const pageRefusals = (...codes: readonly ErrorCode[]) =>
  Object.fromEntries(statusesOf(codes).map((status) => [status, { content: { 'application/json': { schema: errorBody }, 'text/html': { schema: z.string() } } }]))
