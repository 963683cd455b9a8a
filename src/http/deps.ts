import type { FastifyInstance, RawReplyDefaultExpression, RawRequestDefaultExpression, RawServerDefault, FastifyBaseLogger } from 'fastify'
import type { ZodTypeProvider } from 'fastify-type-provider-zod'
import type { Registry } from 'prom-client'
import type { Backends } from '../backends/backends.ts'
import type { Characters } from '../characters/characters.ts'
import type { Events } from '../events/events.ts'
import type { AppError } from '../domain/errors.ts'
import type { Log } from '../runtime/log.ts'
import type { Videos } from '../videos/videos.ts'
import type { Authenticate, Caller, Scope } from './auth.ts'
import type { HeldKey, Idempotency } from './idempotency-keys.ts'
import type { FormFiles } from './uploads.ts'

export interface HttpSettings {
  /** How people reach the service, without a slash at the end. */
  readonly publicUrl: string
  readonly syncBudgetMs: number
  readonly uploadMaxBytes: number
  /** No keys: everything belongs to account `local`, a sent key is ignored. */
  readonly isOpen: boolean
  /** /metrics answers others than loopback. */
  readonly isMetricsPublic: boolean
}

/** Whether creates can be taken, and the facts for whoever looks. */
export interface Readiness { readonly isReady: boolean; readonly facts: Readonly<Record<string, string | number | boolean>> }

export interface ServerDeps {
  readonly characters: Characters
  readonly videos: Videos
  readonly backends: Backends
  readonly events: Events
  readonly authenticate: Authenticate
  readonly idempotency: Idempotency
  /** Throws `invalid_url` or `url_not_allowed`; returns the URL as it will be fetched. */
  readonly parseSourceUrl: (text: string) => string
  readonly settings: HttpSettings
  /** An existing private folder for uploads on their way. */
  readonly scratchFolder: string
  /** What a character of this account would be refused with for want of a place: asked before an upload is read. */
  readonly refusalOf: (account: string) => Promise<AppError | null>
  readonly metrics: Registry
  readonly readiness: () => Readiness | Promise<Readiness>
  readonly log: Log
}

export type App = FastifyInstance<RawServerDefault, RawRequestDefaultExpression, RawReplyDefaultExpression, FastifyBaseLogger, ZodTypeProvider>

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Who may call: a key with this scope; `anyone` without one; `keyed or not` where the key only shows more. Nothing said: anyone. */
    readonly access?: Scope | 'anyone' | 'keyed or not'
    /** The body that must come along: a JSON object, or that or a form with files. */
    readonly takes?: 'json' | 'json or form'
    /** The files that may come in a form: a video, where nothing is said. */
    readonly files?: FormFiles
    /** An address for people: its refusals are pages too. */
    readonly isPage?: boolean
  }
  interface FastifyRequest {
    caller: Caller | null
    /** Files that came with the request, as long as it owns them: they are removed when it ends. */
    uploads: Set<string>
    /** The `Idempotency-Key` of a POST. */
    idempotencyKey: string | null
    /** The same from when this request works under it until its answer is kept. */
    heldKey: HeldKey | null
  }
}
