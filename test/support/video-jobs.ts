import { startStrictServer, type Answer, type Interference, type Received } from './strict-server.ts'
import type { StandIn, StandInOptions } from './stand-in.ts'

export interface Job { readonly id: string; readonly model: string; readonly prompt: string; readonly seconds: string; readonly size: string; looks: number }

type JobState = 'queued' | 'in_progress' | 'completed' | 'failed'

/** How one family of servers behaves behind `/v1/videos`. */
export interface Family {
  /** Its form of an error. */
  readonly refuse: (status: number, message: string) => Answer
  /** What is wrong with a create, or what it is for. */
  readonly read: (request: Received) => Answer | Omit<Job, 'id' | 'looks'>
  readonly show: (job: Job, state: JobState, error: string | null) => Readonly<Record<string, unknown>>
  /** Of a finished video that lies elsewhere, and of an unfinished one. */
  readonly noContent: { readonly elsewhere: number; readonly early: number }
  readonly models: readonly string[]
}

/** A server with OpenAI's `/v1/videos`: jobs in memory, states that move on as they are looked at. */
export async function startVideoJobs(family: Family, { video, key }: StandInOptions): Promise<StandIn> {
  const jobs = new Map<string, Job>()
  let created = 0
  const state = { video, failure: null as string | null, isHeld: false, outputUrl: null as string | null, interfere: null as Interference | null }
  const stateOf = ({ looks }: Job): JobState => {
    if (looks <= 1) return 'queued'
    if (looks === 2 || state.isHeld) return 'in_progress'
    return state.failure === null ? 'completed' : 'failed'
  }
  const show = (job: Job): Readonly<Record<string, unknown>> => {
    const at = stateOf(job)
    return { ...family.show(job, at, at === 'failed' ? state.failure : null), ...(at === 'completed' && state.outputUrl !== null && { url: state.outputUrl }) }
  }
  const create = (request: Received): Answer => {
    const read = family.read(request)
    if ('status' in read) return read
    const job = { id: `video_gen_${++created}`, ...read, looks: 0 }
    jobs.set(job.id, job)
    return { status: 200, body: show(job) }
  }
  const content = (job: Job): Answer => {
    if (stateOf(job) !== 'completed') return family.refuse(family.noContent.early, 'Generation is still in-progress')
    return state.outputUrl === null ? { status: 200, body: state.video } : family.refuse(family.noContent.elsewhere, 'The video was uploaded elsewhere')
  }
  const ofJob: Readonly<Record<string, (job: Job) => Answer>> = {
    GET: (job) => {
      job.looks++
      return { status: 200, body: show(job) }
    },
    DELETE: (job) => {
      jobs.delete(job.id)
      return { status: 200, body: { id: job.id, object: 'video.deleted', deleted: true } }
    },
    'GET content': content,
  }
  const server = await startStrictServer((request) => {
    if (key !== undefined && request.headers.authorization !== `Bearer ${key}`) return family.refuse(401, 'Incorrect API key provided')
    if (request.method === 'GET' && request.path === '/v1/models') return { status: 200, body: { object: 'list', data: family.models.map((id) => ({ id, object: 'model' })) } }
    if (request.method === 'POST' && request.path === '/v1/videos') return create(request)
    const [, id, part] = /^\/v1\/videos\/([^/]+)(?:\/(content))?$/.exec(request.path) ?? []
    const act = ofJob[part === undefined ? request.method : `${request.method} ${part}`]
    const job = jobs.get(id)
    return job === undefined || act === undefined ? family.refuse(404, 'Video not found') : act(job)
  }, state)
  return Object.assign(state, {
    url: `${server.origin}/v1`,
    pair: server.pair,
    received: server.received,
    restart: () => { jobs.clear() },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  })
}
