import { createServer as createHttpServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** A server on loopback that plays the host of a video. */
export interface Origin extends AsyncDisposable {
  readonly port: number
  /** `127.0.0.1:PORT`, as FETCH_ALLOW wants it. */
  readonly pair: string
  readonly url: string
  /** The requests so far: `Range` of each, or null. */
  readonly ranges: (string | null)[]
  readonly connections: Socket[]
}

export async function startOrigin(handler: RequestListener): Promise<Origin> {
  const ranges: (string | null)[] = []
  const server = createHttpServer((request, response) => {
    ranges.push(request.headers.range ?? null)
    handler(request, response)
  })
  return await listening(server, ranges)
}

/** For what no HTTP server would say: `speak` gets each connection when its first bytes came in. */
export async function startRawOrigin(speak: (socket: Socket, request: string) => void): Promise<Origin> {
  const ranges: (string | null)[] = []
  const server = createTcpServer((socket) => {
    socket.on('data', (bytes) => {
      const text = bytes.toString('latin1')
      ranges.push(/^range: (.*)\r$/im.exec(text)?.[1] ?? null)
      speak(socket, text)
    })
  })
  return await listening(server, ranges)
}

async function listening(server: Server, ranges: (string | null)[]): Promise<Origin> {
  const connections: Socket[] = []
  server.on('connection', (socket) => {
    connections.push(socket)
    socket.on('error', () => {}) // a caller that hangs up is what these servers are for
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  const { port } = server.address() as AddressInfo
  return {
    port, pair: `127.0.0.1:${port}`, url: `http://127.0.0.1:${port}/clip.mp4`, ranges, connections,
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => { server.close(resolve) })
      for (const socket of connections) socket.destroy()
      await closed
    },
  }
}

/** The range a request asks for, cut to the body; null where it asks for the whole. */
export function askedRange({ headers }: IncomingMessage, size: number): { readonly start: number; readonly end: number } | null {
  const match = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '')
  return match ? { start: Number(match[1]), end: Math.min(Number(match[2]) + 1, size) } : null
}

/** What an honest server does: ranges, and the whole to a request without one or with an `If-Range` of another version. */
export function answerRange(body: Uint8Array, { etag = '"v1"' }: { etag?: string } = {}): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    const isOtherVersion = (request.headers['if-range'] ?? etag) !== etag
    const range = isOtherVersion ? null : askedRange(request, body.length)
    if (range === null) {
      response.writeHead(200, { etag, 'content-length': body.length }).end(body)
      return
    }
    const { start, end } = range
    response.writeHead(206, { etag, 'content-range': `bytes ${start}-${end - 1}/${body.length}`, 'content-length': end - start }).end(body.subarray(start, end))
  }
}
