import { z } from 'zod'
import { refusals } from './error.ts'

const STREAM = `Server-sent events. Each: \`id\` of the event, \`event\` its type, \`data\` \`{"id","object":"event","created_at","type","data":{"id",…}}\`; \`data\` of a finished object holds its public keys.
While a step runs the last progress is told again, without an id, with its new \`elapsed_ms\`. \`: ping\` every 15 s. \`event: reset\`: the event of Last-Event-ID is no longer kept.`

/** The answer of every stream. 204: it ended before, and nothing came after the event of Last-Event-ID. */
export const eventStream = {
  200: { description: STREAM, content: { 'text/event-stream': { schema: z.string() } } },
  204: z.null().meta({ description: 'It has ended, and nothing came after the event of Last-Event-ID: do not connect again.' }),
}

export const streamHeaders = z.object({ 'last-event-id': z.string().max(200).optional().meta({ description: 'Go on behind this event.' }) })

export const STREAM_REFUSALS = refusals('missing_api_key', 'insufficient_scope', 'invalid_parameter', 'internal_error', 'shutting_down', 'queue_full', 'not_found')
