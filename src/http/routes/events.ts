import type { FastifyReply, FastifyRequest } from 'fastify'
import type { CharacterState } from '../../characters/requests.ts'
import type { Happening } from '../../domain/happening.ts'
import type { Video } from '../../domain/video.ts'
import type { StoredEvent } from '../../events/events.ts'
import { requireScope } from '../auth.ts'
import type { App, ServerDeps } from '../deps.ts'
import { eventText } from '../event-text.ts'
import { accountOf } from '../hooks.ts'
import { OpenStreams } from '../open-streams.ts'
import { eventStream, STREAM_REFUSALS, streamHeaders } from '../schemas/event.ts'
import { videoParams } from '../schemas/video.ts'
import { refParams } from './characters.ts'

type EventDeps = Pick<ServerDeps, 'characters' | 'videos' | 'events' | 'log'>

/** Which stream: of one object, as it stands now, or of the whole account. */
type Subject = { readonly objectId: string; readonly standing: Happening } | { readonly objectId: null; readonly standing: null }

/** What happens, as it happens. */
export function eventRoutes(app: App, deps: EventDeps): void {
  const streams = new OpenStreams()
  app.addHook('preClose', async () => streams.close())
  const open = (request: FastifyRequest, reply: FastifyReply, subject: Subject) => sendStream(request, reply, { subject, streams, deps })

  app.get('/v1/characters/:ref/events', {
    schema: { operationId: 'followCharacter', summary: 'What happened to a character, and happens until it is finished', tags: ['events'], params: refParams, headers: streamHeaders, response: { ...eventStream, ...STREAM_REFUSALS } },
    config: { access: 'characters:read' },
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      const account = accountOf(request)
      const state = await deps.characters.find(account, request.params.ref)
      return open(request, reply, { objectId: state.id, standing: characterStanding(account, state) })
    },
  })

  app.get('/v1/videos/:id/events', {
    schema: { operationId: 'followVideo', summary: 'What happened to a video, and happens until it is finished', tags: ['events'], params: videoParams, headers: streamHeaders, response: { ...eventStream, ...STREAM_REFUSALS } },
    config: { access: 'videos:read' },
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      const account = accountOf(request)
      const video = await deps.videos.find(account, request.params.id)
      return open(request, reply, { objectId: video.id, standing: videoStanding(account, video) })
    },
  })

  app.get('/v1/events', {
    schema: { operationId: 'followAll', summary: 'Everything that happens to your characters and videos from now on', tags: ['events'], headers: streamHeaders, response: { ...eventStream, ...STREAM_REFUSALS } },
    config: { access: 'characters:read' },
    exposeHeadRoute: false,
    handler: async (request, reply) => {
      if (request.caller !== null) requireScope(request.caller, 'videos:read')
      return open(request, reply, { objectId: null, standing: null })
    },
  })
}

interface Opening { readonly subject: Subject; readonly streams: OpenStreams; readonly deps: EventDeps }

async function sendStream(request: FastifyRequest, reply: FastifyReply, { subject, streams, deps: { events, log } }: Opening): Promise<FastifyReply> {
  const account = accountOf(request)
  const after = [request.headers['last-event-id'] ?? ''].flat()[0] || null
  const signal = streams.open(account, reply.raw)
  const found = await events.stream({ ...subject, account, after, signal, onOverrun: () => reply.raw.destroy() })
  const told = after !== null && hasEnded(subject) ? await startedOrNull(found) : found
  if (told === null) return reply.code(204).send()
  const text = eventText(told, { onFailure: (error) => log.error('events.unread', { traceId: request.id, error }) })
  return reply.headers({ 'x-accel-buffering': 'no' }).type('text/event-stream; charset=utf-8').send(text)
}

const hasEnded = ({ standing }: Subject): boolean => standing !== null && /[.](?:completed|failed)$/.test(standing.type)

/** For a stream that waits for nothing: null when there is nothing in it. A browser that hears so does not connect again. */
async function startedOrNull(events: AsyncIterable<StoredEvent | 'reset'>): Promise<AsyncIterable<StoredEvent | 'reset'> | null> {
  const iterator = events[Symbol.asyncIterator]()
  const first = await iterator.next()
  return first.done ? null : startingWith(first.value, iterator)
}

async function *startingWith<T>(first: T, rest: AsyncIterator<T>): AsyncGenerator<T> {
  yield first
  yield* { [Symbol.asyncIterator]: () => rest }
}

function characterStanding(account: string, state: CharacterState): Happening {
  const { id } = state
  switch (state.at) {
    case 'queued': return { type: 'character.queued', account, id }
    case 'in_progress': return { type: 'character.progress', account, id, step: state.step ?? 'open', progress: state.progress, elapsedMs: Date.now() - state.createdAtMs }
    case 'completed': return { type: 'character.completed', account, id, character: state.character }
    case 'failed': return { type: 'character.failed', account, id, error: state.error }
  }
}

function videoStanding(account: string, video: Video): Happening {
  const { id, state } = video
  switch (state.at) {
    case 'queued': return { type: 'video.queued', account, id }
    case 'in_progress': return { type: 'video.progress', account, id, progress: state.progress, elapsedMs: Date.now() - video.createdAtMs }
    case 'completed': return { type: 'video.completed', account, id, video }
    case 'failed': return { type: 'video.failed', account, id, video }
  }
}
