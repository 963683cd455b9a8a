import { z } from 'zod'
import { WEBHOOK_EVENT_TYPES } from '../../domain/happening.ts'
import { refusals } from './error.ts'

const text = z.string()
const unixSeconds = z.int().meta({ description: 'Unix seconds.' })

const name = text.min(1).max(100).meta({ examples: ['render queue'] })
const url = text.meta({ description: 'An https address that can be reached from here.', examples: ['https://example.com/webhooks'] })
const eventType = z.enum(WEBHOOK_EVENT_TYPES)
const eventTypes = z.array(eventType).min(1).max(100).transform((types) => [...new Set(types)]).meta({ examples: [['video.completed']] })

export const endpointBody = z.object({ name, url, event_types: eventTypes }).meta({ id: 'WebhookEndpointCreate', description: 'Other keys are ignored.' })
export const endpointChanges = z.object({ name: name.optional(), url: url.optional(), event_types: eventTypes.optional() })
  .meta({ id: 'WebhookEndpointUpdate', description: 'What is not said stays. An endpoint that was disabled is in use again.' })
export const rotateBody = z.object({ keep_old_secret_active_for_24_hours: z.boolean().nullish() }).meta({ id: 'WebhookSecretRotate' })
export const testBody = z.object({ event_type: eventType }).meta({ id: 'WebhookTest' })

export const endpoint = z.strictObject({
  id: text.regex(/^whe_[0-9a-f]{32}$/), object: z.literal('webhook_endpoint'), created_at: unixSeconds, updated_at: unixSeconds, name: text, url: text, event_types: z.array(text),
  signing_secret_hint: text,
  disabled: z.boolean().meta({ description: 'It answered 410, and is sent nothing more until it is updated.' }),
}).meta({ id: 'WebhookEndpoint' })
export type EndpointResource = z.infer<typeof endpoint>

export const endpointWithSecret = endpoint.extend({ signing_secret: text.meta({ description: 'Shown here and never again.' }) }).meta({ id: 'WebhookEndpointWithSecret' })
export type EndpointWithSecret = z.infer<typeof endpointWithSecret>

export const endpointDeleted = z.strictObject({ id: text, object: z.literal('webhook_endpoint.deleted'), deleted: z.literal(true) }).meta({ id: 'WebhookEndpointDeleted' })

export const testResult = z.strictObject({ object: z.literal('webhook_endpoint.test'), webhook_endpoint_id: text, event_type: text, status_code: z.int(), success: z.literal(true) })
  .meta({ id: 'WebhookTestResult', description: 'The endpoint answered, with this status.' })

export const DELIVERY_STATUSES = ['pending', 'delivered', 'failed'] as const

export const delivery = z.strictObject({
  id: text.regex(/^whd_[0-9a-f]{32}$/), object: z.literal('webhook_delivery'), webhook_endpoint_id: text, event_id: text, event_type: text, status: z.enum(DELIVERY_STATUSES), attempts: z.int().min(0),
  last_status_code: z.int().nullable(),
  last_error: text.nullable().meta({ description: 'http_error, endpoint_gone, url_not_allowed, unreachable, timeout or protocol_error.' }),
  next_attempt_at: unixSeconds.nullable(),
  created_at: unixSeconds,
}).meta({ id: 'WebhookDelivery' })
export type DeliveryResource = z.infer<typeof delivery>

const listOf = <Item extends z.ZodType>(item: Item) => z.strictObject({ object: z.literal('list'), data: z.array(item), first_id: text.nullable(), last_id: text.nullable(), has_more: z.boolean() })
export const endpointList = listOf(endpoint).meta({ id: 'WebhookEndpointList' })
export const deliveryList = listOf(delivery).meta({ id: 'WebhookDeliveryList' })
export const eventTypeList = z.strictObject({ object: z.literal('list'), data: z.array(text) }).meta({ id: 'WebhookEventTypeList' })

const KEYED = ['missing_api_key', 'insufficient_scope', 'invalid_parameter', 'internal_error', 'shutting_down'] as const
export const WEBHOOK_READ_REFUSALS = refusals(...KEYED, 'not_found')
export const WEBHOOK_CHANGE_REFUSALS = refusals(...KEYED, 'not_found', 'request_too_large', 'unsupported_media_type')
