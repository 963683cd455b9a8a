import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import type { Character } from '../../domain/character.ts'
import { AppError } from '../../domain/errors.ts'
import { mediaUrl } from '../character-resource.ts'
import type { App, ServerDeps } from '../deps.ts'
import { accountOf } from '../hooks.ts'
import { sendMedia } from '../media-answer.ts'
import { fileAnswers, referenceList } from '../schemas/files.ts'
import { FILE_REFUSALS, PUBLIC_REFUSALS } from '../schemas/refusals.ts'
import { refParams } from './characters.ts'

const FILES = {
  portrait: { name: 'portrait.webp', type: 'image/webp', operationId: 'getPortrait' },
  cutout: { name: 'cutout.webp', type: 'image/webp', operationId: 'getCutout' },
  clip: { name: 'clip.mp4', type: 'video/mp4', operationId: 'getClip' },
  voice: { name: 'voice.wav', type: 'audio/wav', operationId: 'getVoice' },
} as const

/** May be kept by a browser, but is asked for again: the character can be deleted. */
const PRIVATE = 'private, no-cache'
/** The token in the address changes when the bytes do. */
const IMMUTABLE = 'public, max-age=31536000, immutable'
const METHODS: ('GET' | 'HEAD')[] = ['GET', 'HEAD']

type FileDeps = Pick<ServerDeps, 'characters' | 'settings'>

/** Pictures, clip and voice: by the character with a key, and by the token in the address without one. */
export function fileRoutes(app: App, deps: FileDeps): void {
  const { characters } = deps
  const send = async (name: string, ref: string, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const { mediaToken } = await completed(characters, accountOf(request), ref)
    return sendMedia(await characters.openMedia(mediaToken, name), request, reply, { name, cacheControl: PRIVATE })
  }

  for (const [part, { name, type, operationId }] of Object.entries(FILES)) {
    app.route({
      method: METHODS, url: `/v1/characters/:ref/${part}`,
      schema: { operationId, summary: `The ${part}`, tags: ['files'], params: refParams, response: { ...fileAnswers(type), ...FILE_REFUSALS } },
      config: { access: 'characters:read' },
      handler: (request, reply) => send(name, request.params.ref, request, reply),
    })
  }
  referenceRoutes(app, deps, send)

  app.route({
    method: METHODS, url: '/media/:token/:name',
    schema: {
      operationId: 'getMedia', summary: 'A picture, clip or voice by its own address', tags: ['files'], security: [],
      params: z.object({ token: z.string(), name: z.string() }), response: { ...fileAnswers('image/webp', 'video/mp4', 'audio/wav'), ...PUBLIC_REFUSALS, ...FILE_REFUSALS },
    },
    handler: async (request, reply) => {
      const { token, name } = request.params
      return sendMedia(await characters.openMedia(token, name), request, reply, { name, cacheControl: IMMUTABLE })
    },
  })
}

function referenceRoutes(app: App, { characters, settings }: FileDeps, send: (name: string, ref: string, request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>): void {
  app.get('/v1/characters/:ref/references', {
    schema: { operationId: 'listReferences', summary: 'The reference frames', tags: ['files'], params: refParams, response: { 200: referenceList, ...FILE_REFUSALS } },
    config: { access: 'characters:read' },
    handler: async (request) => {
      const { mediaToken, references } = await completed(characters, accountOf(request), request.params.ref)
      const data = Array.from({ length: references }, (_, i) => ({ n: i + 1, url: mediaUrl(mediaToken, `reference-${i + 1}.webp`, settings.publicUrl) }))
      return { object: 'list' as const, data }
    },
  })

  app.route({
    method: METHODS, url: '/v1/characters/:ref/references/:n',
    schema: {
      operationId: 'getReference', summary: 'One reference frame', tags: ['files'],
      params: refParams.extend({ n: z.string().regex(/^[1-9]\d?$/).meta({ examples: ['1'] }) }), response: { ...fileAnswers('image/webp'), ...FILE_REFUSALS },
    },
    config: { access: 'characters:read' },
    handler: (request, reply) => send(`reference-${request.params.n}.webp`, request.params.ref, request, reply),
  })
}

async function completed(characters: ServerDeps['characters'], account: string, ref: string): Promise<Character> {
  const state = await characters.find(account, ref)
  if (state.at !== 'completed') throw new AppError('character_not_ready')
  return state.character
}
