import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Field = { readonly name: string; readonly value: string } | { readonly name: string; readonly filename: string; readonly mime: string; readonly bytes: Uint8Array }

/** A request as it came. */
export interface Received {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly headers: IncomingMessage['headers']
  readonly kind: 'none' | 'json' | 'multipart'
  readonly json: unknown
  readonly fields: readonly Field[]
}

/** JSON, unless it is text or bytes. */
export interface Answer { readonly status: number; readonly body?: unknown; readonly headers?: Readonly<Record<string, string>> }
export type Interference = (request: Received) => Answer | 'hang' | 'hang up' | null

export interface StrictServer extends AsyncDisposable {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string
  /** `127.0.0.1:PORT`, as FETCH_ALLOW wants it. */
  readonly pair: string
  readonly received: readonly Received[]
}

/** Answers in place of the server, where it gives one. */
export interface Controls { interfere: Interference | null }

/** A server on loopback that keeps everything it was sent. */
export async function startStrictServer(handle: (request: Received) => Answer, controls: Controls): Promise<StrictServer> {
  const received: Received[] = []
  const server = createServer((request, response) => {
    void readRequest(request).then((asked) => {
      received.push(asked)
      send(response, controls.interfere?.(asked) ?? handle(asked))
    }, () => { response.destroy() })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const { port } = server.address() as AddressInfo // it listens on a port
  return {
    origin: `http://127.0.0.1:${port}`,
    pair: `127.0.0.1:${port}`,
    received,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => { server.close(resolve) })
      server.closeAllConnections()
      await closed
    },
  }
}

/** Interferes with the first request that fits, and lets the others pass. */
export function once(fits: (request: Received) => boolean, answer: Answer | 'hang' | 'hang up'): Interference {
  let isDone = false
  return (request) => {
    if (isDone || !fits(request)) return null
    isDone = true
    return answer
  }
}

export const textField = ({ fields }: Received, name: string): string | null => {
  const field = fields.find((field) => field.name === name)
  return field !== undefined && 'value' in field ? field.value : null
}

export const fileFields = ({ fields }: Received): readonly Extract<Field, { filename: string }>[] => fields.filter((field) => 'filename' in field)

async function readRequest(request: IncomingMessage): Promise<Received> {
  const chunks: Uint8Array[] = []
  for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk)
  const body = Buffer.concat(chunks)
  const type = request.headers['content-type'] ?? ''
  const url = new URL(request.url ?? '/', 'http://127.0.0.1')
  const head = { method: request.method ?? '', path: url.pathname, query: url.searchParams, headers: request.headers }
  if (type.startsWith('multipart/form-data')) return { ...head, kind: 'multipart', json: null, fields: await readFields(body, type) }
  if (type.startsWith('application/json')) return { ...head, kind: 'json', json: JSON.parse(body.toString('utf8')), fields: [] }
  return { ...head, kind: 'none', json: null, fields: [] }
}

async function readFields(body: Uint8Array<ArrayBuffer>, type: string): Promise<Field[]> {
  const form = await new Response(body, { headers: { 'content-type': type } }).formData()
  return await Promise.all([...form].map(async ([name, value]) => (
    typeof value === 'string' ? { name, value } : { name, filename: value.name, mime: value.type, bytes: new Uint8Array(await value.arrayBuffer()) }
  )))
}

function send(response: ServerResponse, answer: Answer | 'hang' | 'hang up'): void {
  if (answer === 'hang') return
  if (answer === 'hang up') {
    response.destroy()
    return
  }
  const { status, body, headers = {} } = answer
  const isPlain = typeof body === 'string' || body instanceof Uint8Array
  const type = isPlain ? { 'content-type': typeof body === 'string' ? 'text/html' : 'video/mp4' } : { 'content-type': 'application/json' }
  response.writeHead(status, { ...type, ...headers }).end(isPlain ? body : JSON.stringify(body ?? null))
}
