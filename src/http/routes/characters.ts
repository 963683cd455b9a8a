import { z } from 'zod'
import type { CharacterChanges } from '../../characters/characters.ts'
import { KINDS } from '../../domain/character.ts'
import { isCharacterId } from '../../domain/identifier.ts'
import { parseUsername } from '../../domain/username.ts'
import { completedState, evidenceOf, resourceOf } from '../character-resource.ts'
import type { App, ServerDeps } from '../deps.ts'
import { accountOf } from '../hooks.ts'
import { languageOf } from '../language.ts'
import { pollHeaders } from '../run-create.ts'
import { aliasesOf } from '../read-create.ts'
import { character, characterDeleted, characterList, evidence, STATUSES } from '../schemas/character.ts'
import { editBody, type EditBody } from '../schemas/create.ts'
import { paging } from '../schemas/paging.ts'
import { CHANGE_REFUSALS, EDIT_REFUSALS, READ_REFUSALS } from '../schemas/refusals.ts'

export const refParams = z.object({ ref: z.string().meta({ description: 'An id, @username or username.' }) })

export const listQuery = z.object({
  ...paging,
  after: z.string().refine(isCharacterId).optional().meta({ description: 'An id of the same list.', examples: ['char_0193f0c2a4b47d6e8f00112233445566'] }),
  q: z.string().max(200).optional(),
  kind: z.enum(KINDS).optional(),
  status: z.enum(STATUSES).optional(),
})

/** Of an If-Match header; null where any will do. */
const revisionsOf = (header: string | undefined): readonly number[] | null => (header === undefined || header.trim() === '*' ? null : Array.from(header.matchAll(/"r(\d{1,9})"/g), ([, revision]) => Number(revision)))

const changesOf = ({ username, aliases, display_name, description, tags, metadata }: EditBody): CharacterChanges => ({
  ...(username !== undefined && { username: parseUsername(username) }),
  ...(aliases !== undefined && { aliases: aliasesOf(aliases ?? []) }),
  ...(display_name !== undefined && { displayName: display_name }),
  ...(description !== undefined && { description }),
  ...(tags !== undefined && { tags: tags ?? [] }),
  ...(metadata !== undefined && { metadata: metadata ?? {} }),
})

const flag = z.enum(['true', 'false']).default('false')

type CharacterDeps = Pick<ServerDeps, 'characters' | 'settings'>

/** The native door's reads, edits, delete and restore. */
export function characterRoutes(app: App, deps: CharacterDeps): void {
  readRoutes(app, deps)
  changeRoutes(app, deps)
}

function readRoutes(app: App, { characters, settings: { publicUrl } }: CharacterDeps): void {
  app.get('/v1/characters', {
    schema: { operationId: 'listCharacters', summary: 'List characters', tags: ['characters'], querystring: listQuery, response: { 200: characterList, ...READ_REFUSALS } },
    config: { access: 'characters:read' },
    handler: async (request) => {
      const { after, ...query } = request.query
      const { states, hasMore } = await characters.list(accountOf(request), { ...query, ...(after !== undefined && isCharacterId(after) && { after }) })
      const data = states.map((state) => resourceOf(state, { publicUrl, language: languageOf(request.raw) }))
      return { object: 'list' as const, data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: hasMore }
    },
  })

  app.get('/v1/characters/:ref', {
    schema: { operationId: 'getCharacter', summary: 'Read a character', tags: ['characters'], params: refParams, response: { 200: character, ...READ_REFUSALS } },
    config: { access: 'characters:read' },
    handler: async (request, reply) => {
      const state = await characters.find(accountOf(request), request.params.ref)
      if (state.at === 'completed') reply.header('etag', `"r${state.character.revision}"`)
      else if (state.at !== 'failed') reply.headers(pollHeaders)
      return resourceOf(state, { publicUrl, language: languageOf(request.raw) })
    },
  })

  app.get('/v1/characters/:ref/evidence', {
    schema: { operationId: 'getEvidence', summary: 'What was read, seen and chosen, and why', tags: ['characters'], params: refParams, response: { 200: evidence, ...CHANGE_REFUSALS } },
    config: { access: 'characters:read' },
    handler: async (request) => {
      const account = accountOf(request)
      const { id } = await characters.find(account, request.params.ref)
      return evidenceOf(id, await characters.evidence(account, id))
    },
  })
}

function changeRoutes(app: App, { characters, settings: { publicUrl } }: CharacterDeps): void {
  app.patch('/v1/characters/:ref', {
    schema: { operationId: 'editCharacter', summary: 'Change its name, aliases or words', tags: ['characters'], params: refParams, body: editBody, response: { 200: character, ...EDIT_REFUSALS } },
    config: { access: 'characters:write', takes: 'json' },
    handler: async (request, reply) => {
      const ifRevisions = revisionsOf(request.headers['if-match'])
      const edited = await characters.edit(accountOf(request), request.params.ref, changesOf(request.body), { ifRevisions })
      reply.header('etag', `"r${edited.revision}"`)
      return resourceOf(completedState(edited), { publicUrl, language: languageOf(request.raw) })
    },
  })

  app.delete('/v1/characters/:ref', {
    schema: {
      operationId: 'deleteCharacter', summary: 'Delete a character, restorable for 30 days or purged at once', tags: ['characters'],
      params: refParams, querystring: z.object({ purge: flag }), response: { 200: characterDeleted, ...CHANGE_REFUSALS },
    },
    config: { access: 'characters:write' },
    handler: async (request) => {
      const removal = await characters.remove(accountOf(request), request.params.ref, { isPurge: request.query.purge === 'true' })
      const { id } = removal
      const what = removal.at === 'deleted'
        ? { purge_at: Math.floor(removal.purgeAtMs / 1000) }
        : { receipt: { rows: removal.rows, objects: removal.objects, vectors: removal.vectors, sha256_of_manifest: removal.manifestSha256 } }
      return { id, object: 'character.deleted' as const, deleted: true as const, ...what }
    },
  })

  app.post('/v1/characters/:ref/restore', {
    schema: { operationId: 'restoreCharacter', summary: 'Take a deleted character back', tags: ['characters'], params: refParams, response: { 200: character, ...CHANGE_REFUSALS } },
    config: { access: 'characters:write' },
    handler: async (request) => resourceOf(await characters.restore(accountOf(request), request.params.ref), { publicUrl, language: languageOf(request.raw) }),
  })
}
