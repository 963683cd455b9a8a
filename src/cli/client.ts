import { createWriteStream, openAsBlob } from 'node:fs'
import { basename } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { z } from 'zod'
import { readConfig, terminalLanguage } from '../app/config.ts'
import { openService } from '../app/serve.ts'
import { isUrl, type ClipOptions } from './clip-options.ts'
import { ServiceError } from './failure.ts'

/** The HTTP API as the commands use it. */
export interface Client extends AsyncDisposable {
  get(path: string): Promise<unknown>
  post(path: string, body: unknown): Promise<unknown>
  /** Writes what is at the path to a file, which must not exist. */
  download(path: string, file: string): Promise<void>
  /** What is at the path, to be read as it comes, and how long it is. */
  open(path: string): Promise<{ readonly bytes: number; readonly body: AsyncIterable<Uint8Array> }>
  /** Sends a file with texts beside it; `isNew`: it made something. */
  sendForm(path: string, form: FormData): Promise<{ readonly isNew: boolean; readonly body: unknown }>
  /** Sends the clip, by URL or as an upload, with the fields of the native door. */
  sendClip(path: string, options: ClipOptions, headers?: Readonly<Record<string, string>>): Promise<unknown>
}

const envelope = z.object({ error: z.object({ message: z.string(), code: z.string(), hint: z.string().optional(), details: z.record(z.string(), z.unknown()).optional() }) })

/** Talks to `--server`, or to a service of its own that ends with the command. */
export async function openClient({ server, key }: Pick<ClipOptions, 'server' | 'key'>): Promise<Client> {
  const own = server === null ? await openOwnService() : null
  const baseUrl = (own?.url ?? server ?? '').replace(/\/$/, '')
  const credentials = key ?? own?.key ?? null
  const headers = { 'accept-language': terminalLanguage(), ...(credentials !== null && { authorization: `Bearer ${credentials}` }) }

  const ask = async (path: string, init: RequestInit): Promise<Response> => {
    const response = await fetch(`${baseUrl}${path}`, { ...init, headers: { ...headers, ...init.headers } }).catch((cause: unknown) => {
      throw new ServiceError(`No service answers at ${baseUrl}.`, 'Start one with `npm start`, or leave out --server.', { cause })
    })
    if (response.ok) return response
    const { error } = envelope.parse(await response.json())
    const retryAfter = Number(response.headers.get('retry-after') ?? NaN)
    throw new ServiceError(error.message, error.hint ?? null, { details: error.details ?? {}, code: error.code, retryAfterSeconds: Number.isFinite(retryAfter) ? retryAfter : null })
  }
  const send = async (path: string, init: RequestInit): Promise<unknown> => (await ask(path, init)).json()
  return {
    get: (path) => send(path, {}),
    post: (path, body) => send(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    download: async (path, file) => {
      const { body } = await ask(path, {})
      if (body !== null) await pipeline(Readable.from(body), createWriteStream(file, { flags: 'wx' }))
    },
    open: async (path) => {
      const response = await ask(path, {})
      return { bytes: Number(response.headers.get('content-length')), body: Readable.from(response.body ?? []) }
    },
    sendForm: async (path, form) => {
      const response = await ask(path, { method: 'POST', body: form })
      return { isNew: response.status === 201, body: await response.json() }
    },
    sendClip: async (path, options, extra = {}) => send(path, { method: 'POST', ...(await bodyOf(options, extra)) }),
    [Symbol.asyncDispose]: async () => { await own?.[Symbol.asyncDispose]() },
  }
}

/** A running service on the configured address is used; else one is started there. */
async function openOwnService(): Promise<{ url: string; key: string | null } & AsyncDisposable> {
  const config = readConfig()
  const key = config.API_KEYS[0]?.replace(/^[^:]*:/, '') ?? null
  const url = `http://${config.HOST}:${config.PORT}`
  const isRunning = await fetch(`${url}/healthz`).then((response) => response.ok, () => false)
  if (isRunning) return { url, key, [Symbol.asyncDispose]: async () => {} }
  const service = await openService(config, { logLevel: 'error' })
  return { url: service.url, key, [Symbol.asyncDispose]: () => service[Symbol.asyncDispose]() }
}

async function bodyOf({ clip, at, name, subject }: ClipOptions, headers: Readonly<Record<string, string>>): Promise<RequestInit> {
  const fields = Object.fromEntries(Object.entries({ timestamps: at, username: name, subject }).filter(([, value]) => value !== null)) as Record<string, string>
  if (isUrl(clip)) return { body: JSON.stringify({ url: clip, ...fields }), headers: { ...headers, 'content-type': 'application/json' } }
  const form = new FormData()
  for (const [field, value] of Object.entries(fields)) form.set(field, value)
  form.set('video', await openAsBlob(clip), basename(clip))
  return { body: form, headers }
}
