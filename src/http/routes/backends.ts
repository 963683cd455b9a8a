import { AppError } from '../../domain/errors.ts'
import { backendResourceOf } from '../backend-resource.ts'
import type { App, ServerDeps } from '../deps.ts'
import { backend, backendList, backendParams } from '../schemas/backend.ts'
import { refusals } from '../schemas/error.ts'
import { READ_REFUSALS } from '../schemas/refusals.ts'
import { whileWaited } from '../wait.ts'

/** What can make videos here, as data. */
export function backendRoutes(app: App, { backends, settings: { publicUrl, syncBudgetMs } }: Pick<ServerDeps, 'backends' | 'settings'>): void {
  app.get('/v1/backends', {
    schema: { operationId: 'listBackends', summary: 'What can make videos, and whether it answers', tags: ['backends'], response: { 200: backendList, ...READ_REFUSALS } },
    config: { access: 'videos:read' },
    handler: async (_request, reply) => {
      const signal = whileWaited(reply.raw, syncBudgetMs)
      const data = await Promise.all(backends.all.map(async (one) => backendResourceOf(one, await backends.health(one, { signal }))))
      return { object: 'list' as const, data, first_id: data[0]?.name ?? null, last_id: data.at(-1)?.name ?? null, has_more: false as const }
    },
  })

  app.get('/v1/backends/:name', {
    schema: { operationId: 'getBackend', summary: 'One backend', tags: ['backends'], params: backendParams, response: { 200: backend, ...READ_REFUSALS, ...refusals('not_found') } },
    config: { access: 'videos:read' },
    handler: async (request, reply) => {
      const found = backends.all.find(({ name }) => name === request.params.name)
      if (found === undefined) throw new AppError('not_found', { details: { see: `${publicUrl}/v1/backends` } })
      return backendResourceOf(found, await backends.health(found, { signal: whileWaited(reply.raw, syncBudgetMs) }))
    },
  })
}
