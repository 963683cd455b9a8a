import { writeSync } from 'node:fs'
import { AppError } from '../domain/errors.ts'
import type { ByteSource } from '../runtime/byte-source.ts'
import { encodeMessage, MessageReader } from '../runtime/message-pipe.ts'
import { CALLS, fromService, MOST_MESSAGE_BYTES, TO_SERVICE, type CallName, type Calls, type FromLens, type FromService } from './protocol.ts'
import { RemoteSource } from './remote-source.ts'

/** What a lens does with the source it was given; each call may use what the earlier ones left. */
export type Job = { readonly [Name in CallName]: (params: Calls[Name]['asks']) => Promise<Calls[Name]['answers']> }

const MOST_COMPLAINT = 2000

/**
 * The lens's end of the pipes: says that it is ready, serves one job, and ends with the service. An AppError of a call
 * is answered as a refusal; any other error ends the process, because nothing it holds can be relied on any more.
 */
export function serveJob(prepare: () => Promise<(source: ByteSource) => Job>): void {
  process.stdin.on('end', end).on('close', end).on('error', end)
  const reader = new MessageReader({ mostBytes: MOST_MESSAGE_BYTES })
  const server = new JobServer()
  process.stdin.on('data', (chunk: Uint8Array) => {
    try {
      for (const message of reader.push(chunk)) server.take(fromService.parse(message))
    } catch (error) {
      endWith(error, server.traceId)
    }
  })
  prepare().then((createJob) => server.begin(createJob), (error: unknown) => endWith(error, null))
}

class JobServer {
  #createJob: ((source: ByteSource) => Job) | null = null
  #work: { readonly source: RemoteSource; readonly job: Job } | null = null
  #last: Promise<void> = Promise.resolve()
  #traceId: string | null = null

  get traceId(): string | null { return this.#traceId }

  begin(createJob: (source: ByteSource) => Job): void {
    this.#createJob = createJob
    say({ type: 'ready' })
  }

  take(message: FromService): void {
    if (message.type === 'job') {
      if (!this.#createJob) throw new Error('not ready for a job')
      this.#traceId = message.traceId ?? null
      const source = new RemoteSource(message.size, say)
      this.#work = { source, job: this.#createJob(source) }
      return
    }
    if (!this.#work) throw new Error('a job comes first')
    const { source, job } = this.#work
    if (message.type !== 'call') return source.settle(message)
    // One after the other: each may need what the one before it left.
    this.#last = this.#last.then(() => answer(job, message.name, message.params)).then(say, (error: unknown) => endWith(error, this.#traceId))
  }
}

async function answer<Name extends CallName>(job: Job, name: Name, params: unknown): Promise<FromLens> {
  try {
    const asks = CALLS[name].asks.parse(params) as Calls[Name]['asks']
    return { type: 'answer', name, result: await job[name](asks) }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const { code, param, details } = error
    return { type: 'refusal', name, code, param, details: details as Extract<FromLens, { type: 'refusal' }>['details'] }
  }
}

/** Waits where the pipe is full: a lens must not pile up what it has to say. */
function say(message: FromLens): void {
  for (const part of encodeMessage(message)) {
    for (let sent = 0; sent < part.length;) sent += writeSync(TO_SERVICE, part, sent)
  }
}

const end = (): never => process.exit(0)

function endWith(error: unknown, traceId: string | null): never {
  const text = `${traceId === null ? '' : `${traceId} `}${error instanceof Error ? error.stack ?? error.message : String(error)}`
  writeSync(process.stderr.fd, text.slice(0, MOST_COMPLAINT))
  process.exit(1)
}
