import type { FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { AppError } from '../../domain/errors.ts'
import { parseTimeWindow } from '../../domain/window.ts'
import { resourceOf, seedOf } from '../character-resource.ts'
import type { App, ServerDeps } from '../deps.ts'
import { accountOf } from '../hooks.ts'
import { languageOf } from '../language.ts'
import { finishedVideo, NO_OPTIONS } from '../read-create.ts'
import { runCreate } from '../run-create.ts'
import { character, seedCharacter } from '../schemas/character.ts'
import { seedBody } from '../schemas/create.ts'
import { CREATE_REFUSALS } from '../schemas/refusals.ts'
import { has } from '../validation.ts'

const PATHS = { createSeedCharacter: '/sora/v1/characters', createSeedCharacterAlias: '/v1/sora/characters', createSeedCharacterNested: '/v1/sora/v1/characters' } as const

type SeedDeps = Pick<ServerDeps, 'characters' | 'videos' | 'settings' | 'parseSourceUrl'>

/** Door A: the endpoint that relays had, to the byte. */
export function seedRoutes(app: App, deps: SeedDeps): void {
  for (const [operationId, path] of Object.entries(PATHS)) {
    app.post(path, {
      schema: { operationId, summary: 'Create a character from a window of a video', tags: ['seed'], body: seedBody, response: { 200: seedCharacter, 202: character, ...CREATE_REFUSALS } },
      config: { access: 'characters:write', takes: 'json' },
      preValidation: async ({ body }) => { if (!has(body, 'from_task') && !has(body, 'url')) throw new AppError('missing_required_parameter', { param: 'url', details: { example: '"https://example.com/clip.mp4"' } }) },
      handler: (request, reply) => createSeed(request.body, request, reply, deps),
    })
  }
}

async function createSeed(body: z.infer<typeof seedBody>, request: FastifyRequest, reply: FastifyReply, deps: SeedDeps) {
  const { publicUrl } = deps.settings
  const window = parseTimeWindow(body.timestamps)
  const source = typeof body.from_task === 'string'
    ? await finishedVideo(body.from_task, body.url ?? null, request, deps)
    : { type: 'url', url: deps.parseSourceUrl(body.url ?? '') } as const
  const outcome = await runCreate({ account: accountOf(request), source, window, options: NO_OPTIONS, isForced: body.force ?? false, traceId: request.id, idempotencyKey: request.idempotencyKey }, request, reply, deps)
  return outcome.at === 'made' ? seedOf(outcome.character, publicUrl) : resourceOf(outcome.state, { publicUrl, language: languageOf(request.raw) })
}
