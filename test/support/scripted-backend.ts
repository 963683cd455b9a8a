import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import type { Backend, BackendRequest, BackendStatus, JsonObject } from '../../src/backends/backend.ts'
import type { Capabilities } from '../../src/domain/capabilities.ts'

export interface Script {
  readonly name?: string
  readonly model?: string
  readonly capabilities?: Partial<Capabilities>
  readonly pollMs?: number
  /** Where the remote service keeps what it was given, so that it outlives this process; without it, it is kept in memory. */
  readonly journal?: string
  /** Before a submission is taken, from 1; throwing refuses it. */
  readonly onSubmit?: (attempt: number, request: BackendRequest, signal: AbortSignal) => Promise<void> | void
  /** After it was taken, before that is answered. */
  readonly onTaken?: () => void
  /** What is answered after a known operation, from 1; done at once unless it says otherwise. */
  readonly onStatus?: (asked: number, operation: JsonObject, signal: AbortSignal) => Promise<BackendStatus> | BackendStatus
  readonly onOpen?: (attempt: number, signal: AbortSignal) => AsyncIterable<Uint8Array> | Promise<AsyncIterable<Uint8Array>>
}

/** Somebody else's video service: strict about what it is asked, and it remembers. */
export interface ScriptedBackend extends Backend {
  /** The submissions it took. */
  readonly taken: BackendRequest[]
  /** How often it was asked to take one. */
  attempts: number
  asked: number
  opened: number
  readonly cancelled: JsonObject[]
}

export const CAPABILITIES: Capabilities = {
  maxCharacters: 3, maxReferences: 6, perCharacter: 2,
  kinds: { image: { max: 6, mimes: ['image/webp', 'image/png'] }, audio: { max: 2, mimes: ['audio/wav'] } },
  prefer: 'image', imageForm: 'as-is', label: 'ordinal', hasPreamble: false, firstFrame: 'with references',
  sizes: ['1280x720', '720x1280', '848x480'], seconds: { min: 1, max: 12 }, promptMax: 2000, faces: 'ok', hasSeed: true, hasNegativePrompt: true, operations: [],
}

export const OUTPUT = 'a finished video'
export const chunksOf = async function* (...texts: readonly string[]): AsyncGenerator<Uint8Array> { for (const text of texts) yield new TextEncoder().encode(text) }

export function scriptedBackend(script: Script = {}): ScriptedBackend {
  const { name = 'scripted', model = 'scripted-1', capabilities, pollMs = 5, journal, onSubmit = () => {}, onTaken = () => {}, onStatus = () => DONE, onOpen = () => chunksOf(OUTPUT) } = script
  const known = new Set<unknown>(journal !== undefined && existsSync(journal) ? readFileSync(journal, 'utf8').trim().split('\n') : [])
  const backend: ScriptedBackend = {
    name, pollMs, models: [{ id: model, capabilities: { ...CAPABILITIES, ...capabilities } }],
    taken: [], attempts: 0, asked: 0, opened: 0, cancelled: [],
    health: async () => ({ isHealthy: true, says: 'scripted' }),
    submit: async (request, { signal }) => {
      backend.attempts++
      await onSubmit(backend.attempts, request, signal)
      const job = `${name}-${request.videoId}-${known.size + 1}`
      known.add(job)
      if (journal !== undefined) appendFileSync(journal, `${job}\n`)
      backend.taken.push(request)
      onTaken()
      return { job }
    },
    status: async (operation, { signal }) => {
      backend.asked++
      return known.has(operation.job) ? onStatus(backend.asked, operation, signal) : { at: 'lost' }
    },
    open: async (operation, output, { signal }) => {
      backend.opened++
      if (!known.has(operation.job) || output.file !== DONE.output.file) throw new Error('no such output')
      return onOpen(backend.opened, signal)
    },
    cancel: async (operation) => { backend.cancelled.push(operation) },
  }
  return backend
}

export const DONE = { at: 'done', output: { file: 'video-file' } } as const satisfies BackendStatus
