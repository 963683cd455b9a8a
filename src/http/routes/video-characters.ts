import { isCharacterId } from '../../domain/identifier.ts'
import { completedState } from '../character-resource.ts'
import type { App, ServerDeps } from '../deps.ts'
import { accountOf } from '../hooks.ts'
import { optionsOf, sourceOf, windowOf } from '../read-create.ts'
import { pollHeaders, runCreate } from '../run-create.ts'
import { CHANGE_REFUSALS, CREATE_REFUSALS, READ_REFUSALS } from '../schemas/refusals.ts'
import { refusals } from '../schemas/error.ts'
import { videoCharacter, videoCharacterBody, videoCharacterDeleted, videoCharacterList } from '../schemas/video.ts'
import { videoCharacterOf } from '../video-resource.ts'
import { listQuery, refParams } from './characters.ts'

type VideoCharacterDeps = Pick<ServerDeps, 'characters' | 'videos' | 'settings' | 'parseSourceUrl' | 'scratchFolder'>

/** Characters as the Videos API has them. */
export function videoCharacterRoutes(app: App, deps: VideoCharacterDeps): void {
  const { characters, settings: { publicUrl } } = deps

  app.post('/v1/videos/characters', {
    schema: {
      operationId: 'createVideoCharacter', summary: 'Create a character from a video', tags: ['videos'], consumes: ['application/json', 'multipart/form-data'],
      body: videoCharacterBody, response: { 200: videoCharacter, 202: videoCharacter, ...CREATE_REFUSALS, ...refusals('video_not_found', 'video_not_ready') },
    },
    config: { access: 'characters:write', takes: 'json or form' },
    handler: async (request, reply) => {
      const { body } = request
      const window = windowOf(body)
      const options = optionsOf({ ...body, display_name: body.name }, Date.now())
      const source = await sourceOf(body, request, deps)
      const outcome = await runCreate({ account: accountOf(request), source, window, options, isForced: body.force ?? false, traceId: request.id, idempotencyKey: request.idempotencyKey }, request, reply, deps)
      return videoCharacterOf(outcome.at === 'made' ? completedState(outcome.character) : outcome.state, publicUrl)
    },
  })

  app.get('/v1/videos/characters', {
    schema: { operationId: 'listVideoCharacters', summary: 'List characters', tags: ['videos'], querystring: listQuery, response: { 200: videoCharacterList, ...READ_REFUSALS } },
    config: { access: 'characters:read' },
    handler: async (request) => {
      const { after, ...query } = request.query
      const { states, hasMore } = await characters.list(accountOf(request), { ...query, ...(after !== undefined && isCharacterId(after) && { after }) })
      const data = states.map((state) => videoCharacterOf(state, publicUrl))
      return { object: 'list' as const, data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: hasMore }
    },
  })

  app.get('/v1/videos/characters/:ref', {
    schema: { operationId: 'getVideoCharacter', summary: 'Read a character', tags: ['videos'], params: refParams, response: { 200: videoCharacter, ...READ_REFUSALS } },
    config: { access: 'characters:read' },
    handler: async (request, reply) => {
      const state = await characters.find(accountOf(request), request.params.ref)
      if (state.at === 'queued' || state.at === 'in_progress') reply.headers(pollHeaders)
      return videoCharacterOf(state, publicUrl)
    },
  })

  app.delete('/v1/videos/characters/:ref', {
    schema: { operationId: 'deleteVideoCharacter', summary: 'Delete a character, restorable for 30 days', tags: ['videos'], params: refParams, response: { 200: videoCharacterDeleted, ...CHANGE_REFUSALS } },
    config: { access: 'characters:write' },
    handler: async (request) => {
      const { id } = await characters.remove(accountOf(request), request.params.ref, { isPurge: false })
      return { id, object: 'character.deleted' as const, deleted: true as const }
    },
  })
}
