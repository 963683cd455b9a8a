import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { isVideoId } from '../../domain/identifier.ts'
import { VARIANTS } from '../../videos/videos.ts'
import type { App, ServerDeps } from '../deps.ts'
import { accountOf } from '../hooks.ts'
import { languageOf } from '../language.ts'
import { sendMedia } from '../media-answer.ts'
import { pollHeadersOf } from '../poll-headers.ts'
import { refusals } from '../schemas/error.ts'
import { fileAnswers } from '../schemas/files.ts'
import { FILE_REFUSALS, READ_REFUSALS } from '../schemas/refusals.ts'
import { verification, videoDeleted, videoList, videoListQuery, videoParams, videoQuery, videoResource } from '../schemas/video.ts'
import { verificationOf, videoResourceOf } from '../video-resource.ts'
import { whileWaited } from '../wait.ts'

type VideoDeps = Pick<ServerDeps, 'videos' | 'backends' | 'settings'>

const VIDEO_REFUSALS = { ...READ_REFUSALS, ...refusals('video_not_found') }
const CONTENT_REFUSALS = { ...FILE_REFUSALS, ...refusals('video_not_found', 'video_not_ready', 'video_failed') }
const METHODS: ('GET' | 'HEAD')[] = ['GET', 'HEAD']
/** May be kept by a browser, but is asked for again: the video can be deleted. */
const PRIVATE = 'private, no-cache'

/** Reading, fetching, judging and deleting videos, as the Videos API has it. */
export function videoRoutes(app: App, deps: VideoDeps): void {
  readRoutes(app, deps)
  contentRoutes(app, deps)
}

function readRoutes(app: App, { videos, backends }: VideoDeps): void {
  app.get('/v1/videos', {
    schema: { operationId: 'listVideos', summary: 'List videos', tags: ['videos'], querystring: videoListQuery, response: { 200: videoList, ...READ_REFUSALS } },
    config: { access: 'videos:read' },
    handler: async (request) => {
      const { after, ...query } = request.query
      const found = await videos.list(accountOf(request), { ...query, ...(after !== undefined && isVideoId(after) && { after }) })
      const data = found.videos.map((one) => videoResourceOf(one, languageOf(request.raw)))
      return { object: 'list' as const, data, first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: found.hasMore }
    },
  })

  app.get('/v1/videos/:id', {
    schema: { operationId: 'getVideo', summary: 'Read a video', tags: ['videos'], params: videoParams, querystring: videoQuery, response: { 200: videoResource, ...VIDEO_REFUSALS } },
    config: { access: 'videos:read' },
    handler: async (request, reply) => {
      const found = await videos.find(accountOf(request), request.params.id)
      const included = [request.query.include ?? [], request.query['include[]'] ?? []].flat()
      reply.headers(pollHeadersOf(found, backends))
      return {
        ...videoResourceOf(found, languageOf(request.raw)),
        ...(included.includes('compiled_prompt') && { compiled_prompt: found.compiledPrompt }),
        ...(found.verification !== null && { verification: verificationOf(found.id, found.verification) }),
      }
    },
  })

  app.delete('/v1/videos/:id', {
    schema: { operationId: 'deleteVideo', summary: 'Delete a video; one under way is cancelled', tags: ['videos'], params: videoParams, response: { 200: videoDeleted, ...VIDEO_REFUSALS } },
    config: { access: 'videos:write' },
    handler: async (request) => ({ id: await videos.remove(accountOf(request), request.params.id), object: 'video.deleted' as const, deleted: true as const }),
  })
}

function contentRoutes(app: App, { videos, settings: { syncBudgetMs } }: VideoDeps): void {
  app.route({
    method: METHODS, url: '/v1/videos/:id/content',
    schema: {
      operationId: 'getVideoContent', summary: 'The finished video, or a picture of it', tags: ['videos'], params: videoParams, querystring: z.object({ variant: z.enum(VARIANTS).default('video') }),
      response: { ...fileAnswers('video/mp4', 'image/webp', 'image/jpeg'), ...CONTENT_REFUSALS },
    },
    config: { access: 'videos:read' },
    handler: async (request, reply) => sendContent(request.params.id, request.query.variant, { request, reply, videos }),
  })

  app.post('/v1/videos/:id/verify', {
    schema: { operationId: 'verifyVideo', summary: 'How alike each character is in the finished video', tags: ['videos'], params: videoParams, response: { 200: verification, ...CONTENT_REFUSALS, ...refusals('lens_failed', 'queue_full', 'character_processing_timeout') } },
    config: { access: 'videos:write' },
    handler: async (request, reply) => {
      const account = accountOf(request)
      const { id } = await videos.find(account, request.params.id)
      return verificationOf(id, await videos.verify(account, id, { signal: whileWaited(reply.raw, syncBudgetMs), traceId: request.id }))
    },
  })
}

const ENDINGS: Readonly<Record<string, string>> = { 'video/mp4': 'mp4', 'image/webp': 'webp', 'image/jpeg': 'jpg' }

async function sendContent(id: string, variant: (typeof VARIANTS)[number], { request, reply, videos }: { readonly request: FastifyRequest; readonly reply: FastifyReply; readonly videos: ServerDeps['videos'] }): Promise<FastifyReply> {
  const content = await videos.openContent(accountOf(request), id, variant)
  return sendMedia(content, request, reply, { name: `${id}.${ENDINGS[content.contentType]}`, cacheControl: PRIVATE })
}
