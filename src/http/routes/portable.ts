import { Readable } from 'node:stream'
import { z } from 'zod'
import { parseUsername } from '../../domain/username.ts'
import { completedState, resourceOf } from '../character-resource.ts'
import type { App, ServerDeps } from '../deps.ts'
import { accountOf } from '../hooks.ts'
import { languageOf } from '../language.ts'
import { character } from '../schemas/character.ts'
import { importBody } from '../schemas/portable.ts'
import { CHANGE_REFUSALS, CREATE_REFUSALS } from '../schemas/refusals.ts'
import { takeUpload } from '../uploads.ts'
import { whileWaited } from '../wait.ts'
import { refParams } from './characters.ts'

const TAR = 'application/x-tar'

/** Characters as files: out of this service, and into it. */
export function portableRoutes(app: App, { characters, settings }: Pick<ServerDeps, 'characters' | 'settings'>): void {
  app.get('/v1/characters/:ref/export', {
    schema: {
      operationId: 'exportCharacter', summary: 'The character in one file, for another service', tags: ['characters'], params: refParams,
      response: { 200: { description: 'A tar: manifest.json, then pictures, clip and voice.', content: { [TAR]: { schema: z.any().meta({ description: 'Bytes.' }) } } }, ...CHANGE_REFUSALS },
    },
    config: { access: 'characters:read' },
    handler: async (request, reply) => {
      const { username, revision, bytes, read } = await characters.export(accountOf(request), request.params.ref)
      reply.type(TAR).headers({ 'content-length': String(bytes), 'content-disposition': attachment(`${username}.dramatis.tar`), etag: `"r${revision}"`, 'cache-control': 'private, no-cache' })
      return reply.send(Readable.from(read(), { objectMode: false }))
    },
  })

  app.post('/v1/characters/import', {
    schema: {
      operationId: 'importCharacter', summary: 'A character from the file of an export', tags: ['characters'], consumes: ['multipart/form-data'],
      body: importBody, response: { 200: character, 201: character, ...CREATE_REFUSALS },
    },
    config: { access: 'characters:write', takes: 'json or form', files: 'archive' },
    handler: async (request, reply) => {
      const { file, username, on_conflict } = request.body
      const wanted = { account: accountOf(request), path: file.path, username: username === undefined || username === null ? null : parseUsername(username), onConflict: on_conflict ?? 'refuse', traceId: request.id } as const
      const discardUpload = takeUpload(request)
      const { character, isReplay } = await characters.import(wanted, { signal: whileWaited(reply.raw, settings.syncBudgetMs) }).finally(discardUpload)
      if (isReplay) reply.header('idempotent-replayed', 'true')
      reply.code(isReplay ? 200 : 201).headers({ location: `/v1/characters/${character.id}`, etag: `"r${character.revision}"` })
      return resourceOf(completedState(character), { publicUrl: settings.publicUrl, language: languageOf(request.raw) })
    },
  })
}

/** RFC 6266: names of other scripts beside one of plain letters. */
function attachment(name: string): string {
  const plain = name.replaceAll(/[^a-z0-9_.-]/g, '_')
  return plain === name ? `attachment; filename="${name}"` : `attachment; filename="${plain}"; filename*=UTF-8''${encodeURIComponent(name)}`
}
