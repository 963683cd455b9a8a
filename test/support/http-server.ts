import { mkdtemp, readdir, rm } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Registry } from 'prom-client'
import { vi } from 'vitest'
import { openDatabase } from '../../src/db/database.ts'
import { createIdempotencyKeys } from '../../src/db/idempotency-keys.ts'
import { createLocalNotices } from '../../src/db/notices.ts'
import type { Idempotency } from '../../src/http/idempotency-keys.ts'
import { SCOPES, type Caller } from '../../src/http/auth.ts'
import type { Events } from '../../src/events/events.ts'
import type { HttpSettings, Readiness, ServerDeps } from '../../src/http/deps.ts'
import { createServer } from '../../src/http/server.ts'
import { AppError } from '../../src/domain/errors.ts'
import { createLog, type Log } from '../../src/runtime/log.ts'
import { answerChecker, type AnswerChecker } from './answer-checker.ts'
import { memoryBackends } from './memory-backends.ts'
import { memoryCharacters, type MemoryCharacters } from './memory-characters.ts'
import { memoryVideos, type MemoryVideos } from './memory-videos.ts'

export const KEYS: Readonly<Record<string, Caller>> = {
  'drm_alice': { account: 'alice', scopes: SCOPES },
  'drm_reader': { account: 'alice', scopes: ['characters:read'] },
  ['k'.repeat(512)]: { account: 'alice', scopes: ['characters:read'] },
  ['k'.repeat(513)]: { account: 'alice', scopes: ['characters:read'] },
  'drm_bob': { account: 'bob', scopes: SCOPES },
}

export interface TestServer extends AsyncDisposable {
  readonly url: string
  readonly port: number
  readonly characters: MemoryCharacters
  readonly videos: MemoryVideos
  readonly scratchFolder: string
  readonly logged: readonly string[]
  readonly close: () => Promise<void>
  readonly announceClosing: () => void
  /** Fetches, and checks the answer against the server's own /openapi.json. */
  request(path: string, init?: RequestInit): Promise<Response>
  postJson(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>
}

/** Resolves when nothing is left of any upload, however its request ended. */
export const nothingLeft = ({ scratchFolder }: Pick<TestServer, 'scratchFolder'>): Promise<void> => vi.waitFor(async () => {
  const left = await readdir(scratchFolder)
  if (left.length > 0) throw new Error(`left behind: ${left.join(', ')}`)
})

/** What a refusal says. */
export const errorOf = async (response: Response) => (await response.json()).error

export function formOf(fields: Readonly<Record<string, string | Blob>>): FormData {
  const form = new FormData()
  for (const [name, value] of Object.entries(fields)) form.append(name, value)
  return form
}

export interface TestServerOptions { readonly settings?: Partial<HttpSettings>; readonly files?: Readonly<Record<string, Uint8Array>>; readonly readiness?: Readiness; readonly events?: Events; readonly idempotency?: Idempotency; /** Instead of what the others say. */ readonly deps?: Partial<ServerDeps> }

/** The real server on a loopback port, with characters and videos in memory behind it. */
export async function startHttpServer({ settings = {}, files = {}, readiness = { isReady: true, facts: { jail: 'none' } }, events = unbuilt, idempotency, deps = {} }: TestServerOptions = {}): Promise<TestServer> {
  const scratchFolder = await mkdtemp(join(tmpdir(), 'dramatis-http-'))
  const characters = memoryCharacters({ files })
  const backends = memoryBackends()
  const videos = memoryVideos({ characters, backends })
  const logged: string[] = []
  const log = createLog({ destination: { write: (line) => { logged.push(line) } } })
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(scratchFolder, { recursive: true }))
  const app = await createServer({
    characters, videos, backends, events, log,
    idempotency: idempotency ?? await memoryKeys(stack, log),
    authenticate: (key) => KEYS[key] ?? null,
    parseSourceUrl: parseUrl,
    settings: { publicUrl: 'http://dramatis.test', syncBudgetMs: 2000, uploadMaxBytes: 1_000_000, isOpen: true, isMetricsPublic: false, ...settings },
    scratchFolder,
    refusalOf: async () => null,
    metrics: new Registry(),
    readiness: () => readiness,
    ...deps,
  })
  stack.defer(() => app.close())
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo // it listens on a port
  const url = `http://127.0.0.1:${port}`
  const checker: AnswerChecker = answerChecker(await fetch(`${url}/openapi.json`).then((response) => response.json()))
  const request = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const response = await fetch(`${url}${path}`, { redirect: 'manual', ...init })
    await checker.check(init.method ?? 'GET', path, response.clone())
    return response
  }
  const opened = stack.move()
  return {
    url, port, characters, videos, scratchFolder, logged, request,
    close: () => app.close(),
    announceClosing: () => app.announceClosing(),
    postJson: (path, body, headers = {}) => request(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...headers } }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}

async function memoryKeys(stack: AsyncDisposableStack, log: Log): Promise<Idempotency> {
  const db = await openDatabase({ file: ':memory:' })
  stack.defer(() => db.destroy())
  return stack.use(createIdempotencyKeys({ db, notices: stack.use(createLocalNotices()), log }))
}

const unbuilt = new Proxy({}, { get: () => { throw new Error('not part of this server') } }) as never

function parseUrl(text: string): string {
  if (!URL.canParse(text)) throw new AppError('invalid_url', { param: 'url' })
  const { protocol, href } = new URL(text)
  if (!/^https?:$/.test(protocol)) throw new AppError('url_not_allowed', { param: 'url' })
  return href
}
