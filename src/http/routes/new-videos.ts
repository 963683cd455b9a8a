import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CreateRequest } from '../../characters/requests.ts'
import { newCharacterId, type CharacterId } from '../../domain/identifier.ts'
import type { VideoRequest } from '../../videos/videos.ts'
import type { App, ServerDeps } from '../deps.ts'
import { languageOf } from '../language.ts'
import { pollHeadersOf } from '../poll-headers.ts'
import { readInlineCharacter, readPictures, readShot, readVideo } from '../read-video.ts'
import { refusals } from '../schemas/error.ts'
import { CREATE_REFUSALS } from '../schemas/refusals.ts'
import { derivedBody, shotBody, videoBody, videoParams, videoResource, type VideoBody, type VideoResource } from '../schemas/video.ts'
import { MOST_BYTES_WITH_PICTURE, takeUpload } from '../uploads.ts'
import { videoResourceOf } from '../video-resource.ts'
import { prefersAsync } from '../wait.ts'

type NewVideoDeps = Pick<ServerDeps, 'videos' | 'characters' | 'backends' | 'parseSourceUrl' | 'scratchFolder'>

const FORMS = ['application/json', 'multipart/form-data']
const response = { 200: videoResource, 202: videoResource, ...CREATE_REFUSALS, ...refusals('video_not_found', 'video_not_ready') }
const DERIVED = { edit: { path: '/v1/videos/edits', operationId: 'editVideo', summary: 'Make a changed version of a finished video' }, extend: { path: '/v1/videos/extensions', operationId: 'extendVideo', summary: 'Go on where a finished video ends' } } as const

/** Everything that makes a new video, as the Videos API has it: forms with names in brackets, or JSON. */
export function newVideoRoutes(app: App, deps: NewVideoDeps): void {
  app.post('/v1/videos', {
    schema: { operationId: 'createVideo', summary: 'Make a video of a prompt', description: 'Names in brackets, such as `characters[][id]` and `input_reference[image_url]`, are read in forms.', tags: ['videos'], consumes: FORMS, body: videoBody, response },
    config: { access: 'videos:write', takes: 'json or form', files: 'pictures' },
    bodyLimit: MOST_BYTES_WITH_PICTURE,
    handler: (request, reply) => create(request.body, request, reply, deps),
  })

  app.post('/v1/videos/:id/remix', {
    schema: { operationId: 'remixVideo', summary: 'Make a video again with another prompt', tags: ['videos'], consumes: FORMS, params: videoParams, body: shotBody, response },
    config: { access: 'videos:write', takes: 'json or form', files: 'none' },
    handler: (request, reply) => submit({ ...readShot(request.body, request), from: { id: request.params.id, how: 'remix' } }, request, reply, deps),
  })

  for (const how of ['edit', 'extend'] as const) {
    const { path, ...about } = DERIVED[how]
    app.post(path, {
      schema: { ...about, tags: ['videos'], consumes: FORMS, body: derivedBody, response },
      config: { access: 'videos:write', takes: 'json or form', files: 'none' },
      handler: (request, reply) => submit({ ...readShot(request.body, request), from: { id: request.body.video, how } }, request, reply, deps),
    })
  }
}

async function create(body: VideoBody, request: FastifyRequest, reply: FastifyReply, deps: NewVideoDeps): Promise<VideoResource> {
  const wanted = readVideo(body, request)
  const inline = await readInlineCharacter(body, request, deps)
  // A request that is refused anyway makes no character. Without its pictures: a plan uses files up.
  if (inline !== null) await deps.videos.plan({ ...wanted, pending: [newCharacterId()] })
  const pictures = await readPictures(body, request, deps)
  const pending = inline === null ? [] : [await begin(inline, deps)]
  return submit({ ...wanted, pictures, pending }, request, reply, deps)
}

async function begin(inline: CreateRequest, { characters }: NewVideoDeps): Promise<CharacterId> {
  const { id, done } = await characters.create(inline)
  done.catch(() => {}) // the video that waits for it tells
  return id
}

async function submit(wanted: VideoRequest, request: FastifyRequest, reply: FastifyReply, { videos, backends }: NewVideoDeps): Promise<VideoResource> {
  const discardUpload = takeUpload(request)
  const made = await videos.submit(wanted).catch(async (error: unknown) => {
    await discardUpload()
    throw error
  })
  reply.header('location', `/v1/videos/${made.id}`).headers(pollHeadersOf(made, backends))
  if (prefersAsync(request)) reply.code(202).headers({ 'preference-applied': 'respond-async', 'retry-after': '1' })
  return videoResourceOf(made, languageOf(request.raw))
}
