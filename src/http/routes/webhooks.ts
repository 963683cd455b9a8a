import { z } from 'zod'
import { AppError } from '../../domain/errors.ts'
import { WEBHOOK_EVENT_TYPES } from '../../domain/happening.ts'
import type { WebhookDelivery, WebhookEndpoint } from '../../events/events.ts'
import { unix } from '../character-resource.ts'
import type { App, ServerDeps } from '../deps.ts'
import { accountOf } from '../hooks.ts'
import { phrase } from '../../domain/phrase.ts'
import { paging } from '../schemas/paging.ts'
import {
  delivery, DELIVERY_STATUSES, deliveryList, endpoint, endpointBody, endpointChanges, endpointDeleted, endpointList, endpointWithSecret, eventTypeList, rotateBody, testBody, testResult,
  WEBHOOK_CHANGE_REFUSALS, WEBHOOK_READ_REFUSALS, type DeliveryResource, type EndpointResource, type EndpointWithSecret,
} from '../schemas/webhook.ts'

const idParams = z.object({ id: z.string() })

const listQuery = z.object({
  ...paging,
  after: z.string().max(100).optional().meta({ description: 'An id of the same list.' }),
})

type WebhookDeps = Pick<ServerDeps, 'events'>

/** Webhook endpoints and their deliveries. */
export function webhookRoutes(app: App, deps: WebhookDeps): void {
  endpointRoutes(app, deps)
  secretRoutes(app, deps)
  deliveryRoutes(app, deps)
}

function endpointRoutes(app: App, { events }: WebhookDeps): void {
  app.post('/v1/webhook_endpoints', {
    schema: { operationId: 'createWebhookEndpoint', summary: 'Have events sent to an address', tags: ['webhooks'], body: endpointBody, response: { 200: endpointWithSecret, ...WEBHOOK_CHANGE_REFUSALS } },
    config: { access: 'webhooks', takes: 'json' },
    handler: async (request) => {
      const { name, url, event_types } = request.body
      return withSecret(await events.webhooks.create(accountOf(request), { name, url, eventTypes: event_types }))
    },
  })

  app.get('/v1/webhook_endpoints', {
    schema: { operationId: 'listWebhookEndpoints', summary: 'List endpoints', tags: ['webhooks'], querystring: listQuery, response: { 200: endpointList, ...WEBHOOK_READ_REFUSALS } },
    config: { access: 'webhooks' },
    handler: async (request) => {
      const { endpoints, hasMore } = await events.webhooks.list(accountOf(request), request.query)
      return listOf(endpoints.map(endpointOf), hasMore)
    },
  })

  app.get('/v1/webhook_endpoints/:id', {
    schema: { operationId: 'getWebhookEndpoint', summary: 'Read an endpoint', tags: ['webhooks'], params: idParams, response: { 200: endpoint, ...WEBHOOK_READ_REFUSALS } },
    config: { access: 'webhooks' },
    handler: async (request) => endpointOf(await events.webhooks.find(accountOf(request), request.params.id)),
  })

  app.post('/v1/webhook_endpoints/:id', {
    schema: { operationId: 'updateWebhookEndpoint', summary: 'Change an endpoint', tags: ['webhooks'], params: idParams, body: endpointChanges, response: { 200: endpoint, ...WEBHOOK_CHANGE_REFUSALS } },
    config: { access: 'webhooks', takes: 'json' },
    handler: async (request) => {
      const { name, url, event_types } = request.body
      return endpointOf(await events.webhooks.update(accountOf(request), request.params.id, { name, url, eventTypes: event_types }))
    },
  })

  app.delete('/v1/webhook_endpoints/:id', {
    schema: { operationId: 'deleteWebhookEndpoint', summary: 'Delete an endpoint and its deliveries', tags: ['webhooks'], params: idParams, response: { 200: endpointDeleted, ...WEBHOOK_CHANGE_REFUSALS } },
    config: { access: 'webhooks' },
    handler: async (request) => {
      const { id } = request.params
      await events.webhooks.remove(accountOf(request), id)
      return { id, object: 'webhook_endpoint.deleted' as const, deleted: true as const }
    },
  })
}

function secretRoutes(app: App, { events }: WebhookDeps): void {
  app.post('/v1/webhook_endpoints/:id/rotate_secret', {
    schema: { operationId: 'rotateWebhookSecret', summary: 'Give an endpoint a new secret', tags: ['webhooks'], params: idParams, body: rotateBody, response: { 200: endpointWithSecret, ...WEBHOOK_CHANGE_REFUSALS } },
    config: { access: 'webhooks', takes: 'json' },
    handler: async (request) => {
      const keepsOldSecret = request.body.keep_old_secret_active_for_24_hours ?? false
      return withSecret(await events.webhooks.rotateSecret(accountOf(request), request.params.id, { keepsOldSecret }))
    },
  })

  app.post('/v1/webhook_endpoints/:id/test', {
    schema: { operationId: 'testWebhookEndpoint', summary: 'Send a made-up event now', tags: ['webhooks'], params: idParams, body: testBody, response: { 200: testResult, ...WEBHOOK_CHANGE_REFUSALS } },
    config: { access: 'webhooks', takes: 'json' },
    handler: async (request) => {
      const [{ id }, { event_type }] = [request.params, request.body]
      const { status, error } = await events.webhooks.test(accountOf(request), id, event_type)
      if (status === null) throw new AppError('invalid_parameter', { param: 'url', details: { reason: phrase(`the endpoint gave no answer (${error})`, `该端点没有应答（${error}）`) } })
      return { object: 'webhook_endpoint.test' as const, webhook_endpoint_id: id, event_type, status_code: status, success: true as const }
    },
  })
}

const deliveryQuery = listQuery.extend({
  endpoint: z.string().max(100).optional().meta({ description: 'Only to this endpoint.' }),
  status: z.enum(DELIVERY_STATUSES).optional(),
})

function deliveryRoutes(app: App, { events }: WebhookDeps): void {
  app.get('/v1/webhook_event_types', {
    schema: { operationId: 'listWebhookEventTypes', summary: 'The events that can be sent', tags: ['webhooks'], response: { 200: eventTypeList, ...WEBHOOK_READ_REFUSALS } },
    config: { access: 'webhooks' },
    handler: () => ({ object: 'list' as const, data: [...WEBHOOK_EVENT_TYPES] }),
  })

  app.get('/v1/webhook_deliveries', {
    schema: { operationId: 'listWebhookDeliveries', summary: 'What was sent, what waits, what was given up; kept for seven days', tags: ['webhooks'], querystring: deliveryQuery, response: { 200: deliveryList, ...WEBHOOK_READ_REFUSALS } },
    config: { access: 'webhooks' },
    handler: async (request) => {
      const { endpoint: endpointId, ...filter } = request.query
      const { deliveries, hasMore } = await events.webhooks.deliveries(accountOf(request), { ...filter, endpointId })
      return listOf(deliveries.map(deliveryOf), hasMore)
    },
  })

  app.post('/v1/webhook_deliveries/:id/redeliver', {
    schema: { operationId: 'redeliverWebhook', summary: 'Send it again', tags: ['webhooks'], params: idParams, response: { 200: delivery, ...WEBHOOK_CHANGE_REFUSALS } },
    config: { access: 'webhooks' },
    handler: async (request) => deliveryOf(await events.webhooks.redeliver(accountOf(request), request.params.id)),
  })
}

const listOf = <Item extends { readonly id: string }>(data: Item[], hasMore: boolean) =>
  ({ object: 'list' as const, data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: hasMore })

const endpointOf = ({ id, createdAtMs, updatedAtMs, name, url, eventTypes, secret, isDisabled }: WebhookEndpoint): EndpointResource => ({
  id, object: 'webhook_endpoint', created_at: unix(createdAtMs), updated_at: unix(updatedAtMs), name, url, event_types: [...eventTypes],
  signing_secret_hint: `whsec_…${secret.slice(-4)}`, disabled: isDisabled,
})

const withSecret = (one: WebhookEndpoint): EndpointWithSecret => ({ ...endpointOf(one), signing_secret: one.secret })

const deliveryOf = ({ id, endpointId, eventId, eventType, status, attempts, lastStatus, lastError, nextAtMs, createdAtMs }: WebhookDelivery): DeliveryResource => ({
  id, object: 'webhook_delivery', webhook_endpoint_id: endpointId, event_id: eventId, event_type: eventType, status, attempts,
  last_status_code: lastStatus, last_error: lastError, next_attempt_at: nextAtMs === null ? null : unix(nextAtMs), created_at: unix(createdAtMs),
})
