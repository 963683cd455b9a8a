import type { FastifyReply, FastifyRequest } from 'fastify'
import { completedState, detectionOf, resourceOf } from '../character-resource.ts'
import type { App, ServerDeps } from '../deps.ts'
import { accountOf } from '../hooks.ts'
import { languageOf } from '../language.ts'
import { optionsOf, sourceOf, windowOf } from '../read-create.ts'
import { runCreate } from '../run-create.ts'
import { character, detection, type CharacterResource } from '../schemas/character.ts'
import { createBody, detectBody, type CreateBody } from '../schemas/create.ts'
import { CREATE_REFUSALS } from '../schemas/refusals.ts'
import { takeUpload } from '../uploads.ts'
import { whileWaited } from '../wait.ts'

type CreateDeps = Pick<ServerDeps, 'characters' | 'videos' | 'settings' | 'parseSourceUrl' | 'scratchFolder'>

const FORMS = ['application/json', 'multipart/form-data']

/** The native door's create and its dry run. */
export function createRoutes(app: App, deps: CreateDeps): void {
  app.post('/v1/characters', {
    schema: {
      operationId: 'createCharacter', summary: 'Create a character from a URL, a file or a data URI', tags: ['characters'], consumes: FORMS,
      body: createBody, response: { 200: character, 201: character, 202: character, ...CREATE_REFUSALS },
    },
    config: { access: 'characters:write', takes: 'json or form' },
    handler: (request, reply) => create(request.body, request, reply, deps),
  })

  app.post('/v1/characters/detect', {
    schema: {
      operationId: 'detect', summary: 'List who and what is in a window; keeps nothing', tags: ['characters'], consumes: FORMS,
      body: detectBody, response: { 200: detection, ...CREATE_REFUSALS },
    },
    config: { access: 'characters:write', takes: 'json or form' },
    handler: async (request, reply) => {
      const window = windowOf(request.body)
      const source = await sourceOf(request.body, request, deps)
      const discardUpload = takeUpload(request)
      const signal = whileWaited(reply.raw, deps.settings.syncBudgetMs)
      const found = await deps.characters.detect({ account: accountOf(request), source, window, traceId: request.id }, { signal }).finally(discardUpload)
      return detectionOf(found)
    },
  })
}

async function create(body: CreateBody, request: FastifyRequest, reply: FastifyReply, deps: CreateDeps): Promise<CharacterResource> {
  const window = windowOf(body)
  const options = optionsOf(body, Date.now())
  const source = await sourceOf(body, request, deps)
  const outcome = await runCreate({ account: accountOf(request), source, window, options, isForced: body.force ?? false, traceId: request.id, idempotencyKey: request.idempotencyKey }, request, reply, deps)
  const facts = { publicUrl: deps.settings.publicUrl, language: languageOf(request.raw) }
  if (outcome.at === 'accepted') return resourceOf(outcome.state, facts)
  const { character, isEarlier } = outcome
  reply.code(isEarlier ? 200 : 201).header('etag', `"r${character.revision}"`)
  return resourceOf(completedState(character), facts)
}
